/* What the looks at the end of a ring came to, in words: see rollout/ring_end.h. */
#include "rollout/ring_end.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

const char *ring_end_gate_name(const struct rollout_plan *plan, const struct ring_end_gate *gate)
{
    static const char *const names[] = {"silent", "crashes", "link_losses"};
    return gate->kind == RING_END_METRIC ? plan->metrics.list[gate->metric].name : names[gate->kind];
}

/* "p 0.0004, it fails at 0.0006" */
static void say_chance(const struct ring_end_gate *gate, char *text, size_t len)
{
    double p = fmax(gate->compared.p, 1e-300);
    snprintf(text, len, "p %.2g, %s at %.2g", p, gate->verdict == GATE_FAIL ? "it fails" : "it would fail",
             gate->below);
}

static void say_no_control(const struct rollout_plan *plan, const struct ring_end_gate *gate, char *text,
                           size_t len)
{
    const char *name = ring_end_gate_name(plan, gate);
    if (gate->kind == RING_END_METRIC)
        snprintf(text, len,
                 "%s: no control, fewer than %u devices of a kind wait and report it: it is no gate here",
                 name, GATE_CONTROL_MIN);
    else
        snprintf(text, len,
                 "%s: no control, fewer than %u devices of a kind wait: only the absolute limits count", name,
                 GATE_CONTROL_MIN);
}

static void say_metric(const struct rollout_metric *m, const struct ring_end_gate *gate, const char *chance,
                       char *text, size_t len)
{
    const struct gate_compared *c = &gate->compared;
    snprintf(text, len,
             "%s: %.16g in the middle of %" PRIu32 " devices, %.16g of %" PRIu32
             " that wait; %s in %.0f %% of pairs (beyond %g %%): %s",
             m->name, c->median, c->canaries, c->control_median, c->controls,
             m->higher_is_worse ? "higher" : "lower", 100 * c->worse_part, m->tolerated / 100.0, chance);
}

void ring_end_gate_text(const struct rollout_plan *plan, const struct ring_end_gate *gate, char *text,
                        size_t len)
{
    char chance[80];
    const struct gate_compared *c = &gate->compared;
    const char *name = ring_end_gate_name(plan, gate);
    say_chance(gate, chance, sizeof chance);
    if (gate->verdict == GATE_NOT_ENOUGH)
        snprintf(text, len, "%s: %" PRIu32 " of the devices that have soaked report it, and %" PRIu32 " must",
                 name, gate->reported, gate->wanted);
    else if (c->strata == 0)
        say_no_control(plan, gate, text, len);
    else if (gate->kind == RING_END_METRIC)
        say_metric(&plan->metrics.list[gate->metric], gate, chance, text, len);
    else if (gate->kind == RING_END_SILENT)
        snprintf(text, len,
                 "silent: %" PRIu32 " of %" PRIu32 " devices are not heard of, and %" PRIu32 " of %" PRIu32
                 " that wait: %s",
                 c->events, c->canaries, c->control_events, c->controls, chance);
    else
        snprintf(text, len,
                 "%s: %" PRIu32 " devices where %.1f would be expected (%" PRIu32 " of those that wait): %s",
                 gate->kind == RING_END_CRASHES ? "crashes" : "link losses", c->events, c->expected,
                 c->control_events, chance);
}
