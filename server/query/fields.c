/* The fields: their names, what kind of value each has, and which comparisons a kind takes. */
#include "internal.h"

#include "otaria/chip.h"

#include <string.h>

static const char *const slots[] = {"factory", "ota_0",  "ota_1",  "ota_2", "ota_3",  "ota_4",  "ota_5",
                                    "ota_6",   "ota_7",  "ota_8",  "ota_9", "ota_10", "ota_11", "ota_12",
                                    "ota_13",  "ota_14", "ota_15", "test",  NULL};
static const char *const states[] = {"new",     "pending",   "valid",   "invalid",
                                     "aborted", "undefined", "unknown", NULL};
static const char *const bootloaders[] = {"rollback", "plain", "unknown", NULL};
static const char *const resets[] = {"unknown",  "power_on", "software",   "panic",
                                     "watchdog", "brownout", "deep_sleep", NULL};
static const char *const yes_no[] = {"yes", "no", NULL};
static const char *const yes_no_unknown[] = {"yes", "no", "unknown", NULL};

static const struct field_info fields[QUERY_FIELDS] = {
    [QUERY_ID] = {"id", QUERY_KIND_TEXT, NULL},
    [QUERY_CHIP] = {"chip", QUERY_KIND_NAME, NULL},
    [QUERY_HW_REV] = {"hw_rev", QUERY_KIND_NUMBER, NULL},
    [QUERY_VERSION] = {"version", QUERY_KIND_VERSION, NULL},
    [QUERY_RELEASE] = {"release", QUERY_KIND_NUMBER, NULL},
    [QUERY_DIGEST] = {"digest", QUERY_KIND_DIGEST, NULL},
    [QUERY_SLOT] = {"slot", QUERY_KIND_NAME, slots},
    [QUERY_STATE] = {"state", QUERY_KIND_NAME, states},
    [QUERY_OTHER_VERSION] = {"other.version", QUERY_KIND_VERSION, NULL},
    [QUERY_OTHER_RELEASE] = {"other.release", QUERY_KIND_NUMBER, NULL},
    [QUERY_OTHER_DIGEST] = {"other.digest", QUERY_KIND_DIGEST, NULL},
    [QUERY_OTHER_SLOT] = {"other.slot", QUERY_KIND_NAME, slots},
    [QUERY_OTHER_STATE] = {"other.state", QUERY_KIND_NAME, states},
    [QUERY_BOOTLOADER] = {"bootloader", QUERY_KIND_NAME, bootloaders},
    [QUERY_PATCH_PROFILE] = {"patch_profile", QUERY_KIND_NUMBER, NULL},
    [QUERY_SLOT_BYTES] = {"slot_bytes", QUERY_KIND_SIZE, NULL},
    [QUERY_FLOOR] = {"floor", QUERY_KIND_NUMBER, NULL},
    [QUERY_SECURE_VERSION] = {"secure_version", QUERY_KIND_NUMBER, NULL},
    [QUERY_KEY] = {"key", QUERY_KIND_DIGEST, NULL},
    [QUERY_REVOKED] = {"revoked", QUERY_KIND_DIGEST, NULL},
    [QUERY_TAG] = {"tag", QUERY_KIND_TEXT, NULL},
    [QUERY_UNHEARD] = {"unheard", QUERY_KIND_AGE, NULL},
    [QUERY_FIRST_SEEN] = {"first_seen", QUERY_KIND_AGE, NULL},
    [QUERY_CHECKED_IN] = {"checked_in", QUERY_KIND_NAME, yes_no},
    [QUERY_IN_SYNC] = {"in_sync", QUERY_KIND_NAME, yes_no_unknown},
    [QUERY_BOOTS] = {"boots", QUERY_KIND_NUMBER, NULL},
    [QUERY_PANICS] = {"panics", QUERY_KIND_NUMBER, NULL},
    [QUERY_WATCHDOGS] = {"watchdogs", QUERY_KIND_NUMBER, NULL},
    [QUERY_BROWNOUTS] = {"brownouts", QUERY_KIND_NUMBER, NULL},
    [QUERY_OTHER_RESETS] = {"other_resets", QUERY_KIND_NUMBER, NULL},
    [QUERY_LINK_LOSSES] = {"link_losses", QUERY_KIND_NUMBER, NULL},
    [QUERY_UPTIME] = {"uptime", QUERY_KIND_DURATION, NULL},
    [QUERY_LAST_RESET] = {"last_reset", QUERY_KIND_NAME, resets},
    [QUERY_CRASH] = {"crash", QUERY_KIND_CRASH, NULL},
    [QUERY_ATTRIBUTE] = {"attr", QUERY_KIND_TEXT, NULL},
    [QUERY_METRIC] = {"metric", QUERY_KIND_METRIC, NULL},
};

const char *const query_operators[OP_COUNT] = {"=", "!=", "<", "<=", ">", ">=", "~"};

const struct query_unit query_units[5] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};

const struct field_info *query_field_info(enum query_field field)
{
    return &fields[field];
}

enum query_kind query_field_kind(enum query_field field)
{
    return fields[field].kind;
}

const char *query_field_name(enum query_field field)
{
    return fields[field].name;
}

enum query_field query_field_from_name(const char *name)
{
    for (unsigned i = 0; i < QUERY_ATTRIBUTE; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return (enum query_field)i;
    }
    return QUERY_FIELDS;
}

unsigned query_kind_takes(enum query_kind kind)
{
    const unsigned equal = 1u << OP_EQ | 1u << OP_NE,
                   order = 1u << OP_LT | 1u << OP_LE | 1u << OP_GT | 1u << OP_GE, has = 1u << OP_HAS;
    switch (kind) {
    case QUERY_KIND_TEXT:
        return equal | has;
    case QUERY_KIND_VERSION:
        return equal | order | has;
    case QUERY_KIND_NUMBER:
    case QUERY_KIND_SIZE:
    case QUERY_KIND_METRIC:
        return equal | order;
    case QUERY_KIND_DURATION:
    case QUERY_KIND_AGE:
        return order;
    case QUERY_KIND_NAME:
    case QUERY_KIND_DIGEST:
    case QUERY_KIND_CRASH:
    default:
        return equal;
    }
}

const char *query_field_value(enum query_field field, unsigned index)
{
    if (fields[field].values != NULL)
        return fields[field].values[index];
    const struct ot_chip *chip = ot_chip_at(index);
    return chip != NULL ? chip->name : NULL;
}
