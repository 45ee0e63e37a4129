/*
 * Print a table of the code for the documents: print_tables NAME. See scripts/tables.
 *
 * The agent's transitions, the attempt's, the rollout's, the boot decision's rules and rows, the matrix's scenarios.
 */
#include "boot_rows.h"
#include "machine.h"
#include "rollout/attempt.h"
#include "rollout/machine.h"
#include "rules.h"
#include "scenarios.h"

#include <stdio.h>
#include <string.h>

static int print_agent(void)
{
    puts("| State | Event | Next |\n|---|---|---|");
    for (uint32_t i = 0; i < agent_table_rows; i++)
        printf("| %s | %s | %s |\n", ot_agent_state_name(agent_table[i].state),
               agent_event_name(agent_table[i].event), ot_agent_state_name(agent_table[i].next));
    return 0;
}

static const char *const inputs[ATTEMPT_INPUTS] = {
    [ATTEMPT_ON_DOWNLOADING] = "downloading", [ATTEMPT_ON_INSTALLED] = "installed",
    [ATTEMPT_ON_SWITCHING] = "switching",     [ATTEMPT_ON_BOOTED] = "booted",
    [ATTEMPT_ON_CONFIRMED] = "confirmed",     [ATTEMPT_ON_REVERTED] = "reverted",
    [ATTEMPT_ON_REJECTED] = "rejected",       [ATTEMPT_ON_NO_FALLBACK] = "no_fallback",
    [ATTEMPT_ON_FAILED] = "failed",           [ATTEMPT_ON_WITHDRAWN] = "withdrawn",
    [ATTEMPT_ON_LATE_REVERT] = "late_revert", [ATTEMPT_ON_LEASE_OVER] = "lease over",
    [ATTEMPT_ON_STALE] = "silence",           [ATTEMPT_ON_SUPERSEDE] = "superseded",
    [ATTEMPT_ON_HEARD] = "heard of again",    [ATTEMPT_ON_RETRY] = "retry",
};

static int print_attempt(void)
{
    puts("| State | On | Next |\n|---|---|---|");
    for (int s = 0; s < (int)ATTEMPT_STATES; s++) {
        for (int i = 0; i < ATTEMPT_INPUTS; i++) {
            enum attempt_state next = attempt_next((enum attempt_state)s, (enum attempt_input)i);
            if (next != (enum attempt_state)s)
                printf("| %s | %s | %s |\n", attempt_state_name((enum attempt_state)s),
                       inputs[i] != NULL ? inputs[i] : "?", attempt_state_name(next));
        }
    }
    return 0;
}

static int print_rollout(void)
{
    static const char *const on[ROLLOUT_INPUTS] = {"start",          "pause",      "resume",
                                                   "widen",          "abort",      "recall",
                                                   "limit exceeded", "time is up", "no ring left"};
    puts("| State | On | Next |\n|---|---|---|");
    for (unsigned s = 0; s < ROLLOUT_STATES; s++) {
        for (unsigned i = 0; i < ROLLOUT_INPUTS; i++) {
            int next = rollout_next((enum rollout_state)s, (enum rollout_input)i);
            if (next >= 0)
                printf("| %s | %s | %s |\n", rollout_state_name((enum rollout_state)s), on[i],
                       rollout_state_name((enum rollout_state)next));
        }
    }
    return 0;
}

static int print_ring(void)
{
    static const char *const on[RING_INPUTS] = {"its turn",    "a quorum has answered", "no longer",
                                                "enough soak", "limit exceeded",        "time is up",
                                                "resume",      "resume, had passed",    "widen"};
    puts("| State | On | Next |\n|---|---|---|");
    for (unsigned s = 0; s < RING_STATES; s++) {
        for (unsigned i = 0; i < RING_INPUTS; i++) {
            int next = ring_next((enum ring_state)s, (enum ring_input)i);
            if (next >= 0)
                printf("| %s | %s | %s |\n", ring_state_name((enum ring_state)s), on[i],
                       ring_state_name((enum ring_state)next));
        }
    }
    return 0;
}

static int print_rules(void)
{
    static const char *const findings[OT_FINDINGS] = {
        "no otadata partition",       "otadata short or unreadable", "nothing was ever selected",
        "both unusable, or no slots", "an entry is active",          "no checksum is right"};
    static const char *const when[] = {"no", "yes", "any"};
    static const char *const starts[] = {"nowhere: endless reset", "factory", "ota_0",
                                         "the active entry's slot"};
    puts(
        "| Rule | otadata, pending entries aborted | Anti-rollback | Factory | First slot to try | Entry 0 recorded |\n"
        "|---|---|---|---|---|---|");
    for (unsigned i = 0; i < ot_boot_rule_count; i++) {
        const struct ot_boot_rule *r = &ot_boot_rules[i];
        printf("| %s | %s | %s | %s | %s | %s |\n", r->name, findings[r->finding], when[r->anti_rollback],
               when[r->factory], starts[r->start], r->records ? "yes" : "no");
    }
    return 0;
}

static void print_row_list(const char *bootloader, const struct boot_row *rows)
{
    static const char *const factory[] = {"no", "yes", "any"};
    for (const struct boot_row *r = rows; r->rule != NULL; r++)
        printf("| %s | %s | %u | %s | `%s` | %s | %s | %s | %s |\n", bootloader, r->rule, r->slots,
               factory[r->factory], r->otadata, r->bad, r->tried != NULL ? r->tried : r->boots, r->boots,
               r->after != NULL ? r->after : "unchanged");
}

static int print_rows(void)
{
    puts(
        "| Bootloader | Rule | Slots | Factory | otadata | Images that do not verify | Tried | Boots | otadata after |\n"
        "|---|---|---|---|---|---|---|---|---|");
    print_row_list("rollback", boot_rows_rollback);
    print_row_list("without rollback", boot_rows_no_rollback);
    print_row_list("anti-rollback", boot_rows_anti_rollback);
    return 0;
}

static int print_scenarios(void)
{
    puts("| Scenario | What |\n|---|---|");
    for (unsigned i = 0; i < matrix_scenario_count; i++)
        printf("| %s | %s |\n", matrix_scenarios[i].id, matrix_scenarios[i].what);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*print)(void);
    } tables[] = {{"agent-table", print_agent},       {"attempt-table", print_attempt},
                  {"rollout-table", print_rollout},   {"ring-table", print_ring},
                  {"boot-rules", print_rules},        {"boot-rows", print_rows},
                  {"scenario-table", print_scenarios}};
    for (unsigned i = 0; argc == 2 && i < sizeof tables / sizeof tables[0]; i++) {
        if (strcmp(argv[1], tables[i].name) == 0)
            return tables[i].print();
    }
    fprintf(
        stderr,
        "usage: print_tables agent-table|attempt-table|rollout-table|ring-table|boot-rules|boot-rows|scenario-table\n");
    return 2;
}
