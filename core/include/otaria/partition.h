/**
 * ESP partition table: 32-byte records, MD5 record, end marker. Layout: docs/formats.md "Partition table".
 *
 * ot_table_parse() applies exactly what genuine bootloaders apply; ot_table_slots() extracts what an update needs;
 * ot_table_judge() says whether Otaria can update a device that has this table.
 */
#ifndef OTARIA_PARTITION_H
#define OTARIA_PARTITION_H

#include "otaria/status.h"

#include <stdbool.h>
#include <stdint.h>

#define OT_TABLE_OFFSET_DEFAULT 0x8000u
#define OT_TABLE_BYTES          0xC00u /* records; the rest of the 4 KiB sector may hold an old-style signature */
#define OT_TABLE_RECORDS        96u
#define OT_OTADATA_BYTES        0x2000u
#define OT_OTA_SLOTS_MAX        16u

enum ot_partition_type {
    OT_PART_APP = 0x00,
    OT_PART_DATA = 0x01,
    OT_PART_BOOTLOADER = 0x02,
    OT_PART_TABLE = 0x03,
};

enum ot_partition_subtype {
    OT_APP_FACTORY = 0x00,
    OT_APP_OTA_0 = 0x10,
    OT_APP_OTA_LAST = 0x1F,
    OT_APP_TEST = 0x20,
    OT_DATA_OTADATA = 0x00,
    OT_DATA_PHY = 0x01,
    OT_DATA_NVS = 0x02,
    OT_DATA_COREDUMP = 0x03,
    OT_DATA_NVS_KEYS = 0x04,
    OT_DATA_EFUSE = 0x05,
    OT_DATA_UNDEFINED = 0x06,
};

#define OT_PARTITION_ENCRYPTED 0x1u
#define OT_PARTITION_READONLY  0x2u

struct ot_partition {
    uint8_t type, subtype;
    uint32_t offset, size;
    char label[17]; /* terminated here, though 16 characters in the table need not be */
    uint32_t flags;
};

/**
 * Check a whole table as `esp_partition_table_verify` does: record magics, each entry inside the flash, MD5 record
 * right and at most one, end marker within 96 records.
 *
 * @param bytes        OT_TABLE_BYTES of the table sector.
 * @param flash_bytes  Size of the flash chip.
 * @param count        Entries found.
 * @return OT_OK, OT_E_TABLE_MAGIC, _EMPTY, _END, _MD5, _BOUNDS.
 */
OT_CHECKED enum ot_status ot_table_parse(const uint8_t bytes[OT_TABLE_BYTES], uint32_t flash_bytes,
                                         uint32_t *count);

/** Entry `index` (< count) of a table that ot_table_parse accepted. */
struct ot_partition ot_table_entry(const uint8_t bytes[OT_TABLE_BYTES], uint32_t index);

/** First entry with this type and subtype, or OT_E_NOT_FOUND. */
OT_CHECKED enum ot_status ot_table_find(const uint8_t bytes[OT_TABLE_BYTES], uint32_t count, uint8_t type,
                                        uint8_t subtype, struct ot_partition *out);

/** Same by label. */
OT_CHECKED enum ot_status ot_table_find_label(const uint8_t bytes[OT_TABLE_BYTES], uint32_t count,
                                              const char *label, struct ot_partition *out);

/** Slot numbers as the bootloader counts them. */
enum ot_slot {
    OT_SLOT_NONE = -2,
    OT_SLOT_FACTORY = -1,
    OT_SLOT_OTA_0 = 0, /* ... 15 */
    OT_SLOT_TEST = 16,
};

/** What a boot decision and an update need of a table. */
struct ot_slots {
    bool has_factory, has_test, has_otadata;
    struct ot_partition factory, test, otadata;
    uint8_t ota_count;    /* number of ota_x entries: what the bootloader divides by */
    uint8_t contiguous;   /* ota_0..ota_(contiguous-1) exist: what the application counts */
    uint16_t ota_present; /* bit x: ota_x exists */
    struct ot_partition ota[OT_OTA_SLOTS_MAX];
};

void ot_table_slots(const uint8_t bytes[OT_TABLE_BYTES], uint32_t count, struct ot_slots *out);

/** The partition of a slot, or NULL when the table has none. Borrowed from `slots`. */
const struct ot_partition *ot_slots_partition(const struct ot_slots *slots, int slot);

/** "factory", "ota_0" ... "ota_15", "test", "none": the spelling of every message. `buf` at least 8 bytes. */
const char *ot_slot_name(int slot, char buf[8]);

/** Reverse of ot_slot_name; OT_SLOT_NONE when unknown. */
int ot_slot_from_name(const char *name);

/** What ot_table_judge looked at, for messages. */
struct ot_table_judgement {
    bool slots_ok;    /* at least two OTA slots, contiguous from ota_0, equal in size, 64 KiB aligned */
    bool otadata_ok;  /* 0x2000 bytes */
    bool factory_nvs; /* a second NVS partition (label `fctry`) for the device's identity */
    bool no_overlap;
    bool no_factory_app; /* the recommended tables have none: room for equal slots */
    uint32_t slot_bytes; /* size of the smallest slot */
};

/** OT_OK when Otaria can update a device with this table, else _TABLE_OVERLAP, _TABLE_SLOTS or _TABLE_OTADATA. */
OT_CHECKED enum ot_status ot_table_judge(const uint8_t bytes[OT_TABLE_BYTES], uint32_t count,
                                         struct ot_table_judgement *out);

/** MD5, for the table's own record only: not a security primitive. */
void ot_md5(const uint8_t *bytes, uint32_t len, uint8_t out[16]);

#endif
