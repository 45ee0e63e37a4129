/* The table of rules.h. Measured on genuine bootloaders: tests/support/boot_rows.c holds it against them. */
#include "rules.h"

#define NO  OT_WHEN_NO
#define YES OT_WHEN_YES
#define ANY OT_WHEN_ANY

const struct ot_boot_rule ot_boot_rules[] = {
    /* rule, otadata, anti-rollback, factory, start, records */
    {"B9", OT_FOUND_NO_OTADATA, ANY, ANY, OT_START_FACTORY, false},
    {"B9", OT_FOUND_UNREADABLE, ANY, ANY, OT_START_NOWHERE, false},
    {"B3", OT_FOUND_NEVER_SELECTED, NO, NO, OT_START_OTA_0, true},
    {"B3", OT_FOUND_NEVER_SELECTED, NO, YES, OT_START_FACTORY, false},
    {"A3", OT_FOUND_NEVER_SELECTED, YES, ANY, OT_START_FACTORY, true},
    {"B3", OT_FOUND_NOTHING_USABLE, ANY, NO, OT_START_OTA_0, false},
    {"B3", OT_FOUND_NOTHING_USABLE, ANY, YES, OT_START_FACTORY, false},
    {"B4", OT_FOUND_ACTIVE, ANY, ANY, OT_START_ACTIVE, false},
    {"B5", OT_FOUND_CHECKSUMS_WRONG, ANY, ANY, OT_START_FACTORY, false},
};

const unsigned ot_boot_rule_count = sizeof ot_boot_rules / sizeof ot_boot_rules[0];

static bool holds(enum ot_boot_when when, bool is)
{
    return when == OT_WHEN_ANY || (when == OT_WHEN_YES) == is;
}

const struct ot_boot_rule *ot_boot_rule_find(enum ot_boot_finding finding, bool anti_rollback, bool factory)
{
    const struct ot_boot_rule *nowhere = &ot_boot_rules[1];
    for (unsigned i = 0; i < ot_boot_rule_count; i++) {
        const struct ot_boot_rule *r = &ot_boot_rules[i];
        if (r->finding == finding && holds(r->anti_rollback, anti_rollback) && holds(r->factory, factory))
            return r;
    }
    return nowhere;
}
