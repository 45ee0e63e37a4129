/**
 * The options of a rollout's plan: the same words for `rollout create` and `rollout preview`.
 *
 *     struct plan_options o = {.product = NULL};
 *     const struct cli_option options[] = {PLAN_OPTIONS(o), CLI_OPTIONS_END};
 */
#ifndef CLI_PLAN_OPTIONS_H
#define CLI_PLAN_OPTIONS_H

#include "api_client.h"

struct plan_options {
    const char *product, *release, *soak_s, *in_flight, *quorum, *max_failure, *max_crashes, *tolerated,
        *override, *stale_after_s, *decide_by_s, *lease_s, *rings, *filter, *min_source, *max_source;
    bool supersede;
};

#define PLAN_OPTIONS(o)                                                                                      \
    {"product", CLI_TEXT, &(o).product, "P", "may be left out when there is one"},                           \
        {"release", CLI_TEXT, &(o).release, "V", "the version to roll out"},                                 \
        {"rings", CLI_TEXT, &(o).rings, "RINGS", "instead of the product's"},                                \
        {"filter", CLI_TEXT, &(o).filter, "QUERY", "only devices that match: docs/filters.md"},              \
        {"soak-s", CLI_TEXT, &(o).soak_s, "N", "how long each device must have run it (86400)"},             \
        {"in-flight", CLI_TEXT, &(o).in_flight, "N", "devices at a time to begin with, doubling (5)"},       \
        {"quorum-percent", CLI_TEXT, &(o).quorum, "N", "of a ring that must have answered (90)"},            \
        {"max-failure-percent", CLI_TEXT, &(o).max_failure, "N",                                             \
         "upper bound of harmed with which a ring passes (10)"},                                             \
        {"tolerated-failure-percent", CLI_TEXT, &(o).tolerated, "P", "harmed more often, a ring halts (2)"}, \
        {"override", CLI_TEXT, &(o).override, "REASON", "why a limit out of reach is right"},                \
        {"max-crashes-per-device-day", CLI_TEXT, &(o).max_crashes, "N", "after the update (1)"},             \
        {"stale-after-s", CLI_TEXT, &(o).stale_after_s, "N", "silence that counts as failure (43200)"},      \
        {"decide-by-s", CLI_TEXT, &(o).decide_by_s, "N", "a ring open for longer is held (a week or more)"}, \
        {"lease-s", CLI_TEXT, &(o).lease_s, "N", "an offer not taken up ends after (3600)"},                 \
        {"min-source", CLI_TEXT, &(o).min_source, "V", "only devices that run this release or a later one"}, \
        {"max-source", CLI_TEXT, &(o).max_source, "V",                                                       \
         "only devices that run this release or an earlier one"},                                            \
    {                                                                                                        \
        "supersede", CLI_FLAG, &(o).supersede, NULL, "end the rollout that is running"                       \
    }

/** Fill in what was given. -1 to go on, else the exit code of a usage error. */
int plan_options_body(struct cli *cli, const struct plan_options *o, json_t *body);

/** A command that asks about a plan and creates nothing. */
struct plan_question {
    /** -1 with `*reply`, else the exit code. `ctx`: the command's own options. */
    int (*ask)(struct api_client *c, const char *product, const json_t *body, void *ctx, json_t **reply);
    void (*print)(const json_t *reply);
    void *ctx;
};
/** After the options have been parsed: ask, print; the exit code. */
int plan_options_ask(struct cli *cli, const struct plan_options *o, const struct plan_question *question);

#endif
