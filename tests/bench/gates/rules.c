/* See rules.h. The e-value and the bound are the definitions' (tests/property/rollout_reference.c), not the engine's. */
#include "rules.h"

#include "../../property/rollout_reference.h"

struct rule rule_otaria(double alpha)
{
    return (struct rule){.kind = RULE_OTARIA,
                         .name = "Otaria",
                         .in_flight = 5,
                         .alpha = alpha,
                         .tolerated = 0.02,
                         .limit = 0.1};
}

struct rule rule_otaria_in(uint32_t ring, uint32_t count)
{
    double alpha = 0.05;
    for (uint32_t i = 0; i < ring || (i == ring && ring + 1 < count); i++)
        alpha /= i + 1 < count ? 2 : 1;
    return rule_otaria(alpha);
}

#define PACED .in_flight = 5, .limit = 0.1

const struct rule rule_baselines[RULE_BASELINES] = {
    {.kind = RULE_HAWKBIT, .name = "hawkBit"}, {.kind = RULE_HAWKBIT, .name = "hawkBit, paced", PACED},
    {.kind = RULE_AWS, .name = "AWS"},         {.kind = RULE_AWS, .name = "AWS, paced", PACED},
    {.kind = RULE_MENDER, .name = "Mender"},
};

bool rule_stops(const struct rule *rule, uint32_t failures, uint32_t n, uint32_t total)
{
    switch (rule->kind) {
    case RULE_OTARIA:
        return failures >= (total <= 2 ? 1u : 2u) &&
               reference_e(failures, n, rule->tolerated) >= (1 - 1e-9) / rule->alpha;
    case RULE_HAWKBIT:
        return failures * 100u > total * 50u;
    case RULE_AWS:
        return n >= 5 && failures * 100u >= n * 10u;
    case RULE_MENDER:
    default:
        return false;
    }
}

bool rule_passes(const struct rule *rule, uint32_t failures, uint32_t n)
{
    return rule->kind != RULE_OTARIA || reference_shows(failures, n, rule->limit);
}
