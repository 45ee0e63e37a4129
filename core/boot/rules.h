/**
 * Where the boot decision starts, as a table: what otadata amounts to -> the first slot to try. Private to core/boot
 * and its tests; the documents print it (docs/formats.md "Boot decision").
 */
#ifndef OT_BOOT_RULES_H
#define OT_BOOT_RULES_H

#include "otaria/boot.h"

/** What otadata amounts to, after pending entries were aborted. The first that holds, in this order. */
enum ot_boot_finding {
    OT_FOUND_NO_OTADATA = 0, /* the table has none */
    OT_FOUND_UNREADABLE,     /* less than two sectors, or a read failed */
    OT_FOUND_NEVER_SELECTED, /* no sequence has a right checksum, and (without anti-rollback) both are unusable */
    OT_FOUND_NOTHING_USABLE,  /* both entries unusable, or no OTA slot */
    OT_FOUND_ACTIVE,          /* an entry is usable, its checksum right */
    OT_FOUND_CHECKSUMS_WRONG, /* usable by sequence and state, but no checksum is right */
    OT_FINDINGS
};

enum ot_boot_when { OT_WHEN_NO, OT_WHEN_YES, OT_WHEN_ANY };

enum ot_boot_start {
    OT_START_NOWHERE = 0, /* the chip resets for ever */
    OT_START_FACTORY,     /* and upwards from ota_0 when it is absent or bad */
    OT_START_OTA_0,
    OT_START_ACTIVE, /* the slot the active entry names */
};

struct ot_boot_rule {
    const char *name; /* of docs/formats.md */
    enum ot_boot_finding finding;
    enum ot_boot_when anti_rollback, factory;
    enum ot_boot_start start;
    bool records; /* B8: entry 0 is written once a slot has loaded */
};

extern const struct ot_boot_rule ot_boot_rules[];
extern const unsigned ot_boot_rule_count;

/** The row for this; there is exactly one for every combination. */
const struct ot_boot_rule *ot_boot_rule_find(enum ot_boot_finding finding, bool anti_rollback, bool factory);

#endif
