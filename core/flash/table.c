/* The partition table as genuine bootloaders read it, and what an update needs of it. */
#include "otaria/bytes.h"
#include "otaria/partition.h"

#include <string.h>

#define RECORD_BYTES 32u
#define MAGIC_ENTRY  0x50AAu
#define MAGIC_MD5    0xEBEBu
#define MAGIC_END    0xFFFFu
#define MD5_AT       16u

static const uint8_t *record(const uint8_t *bytes, uint32_t index)
{
    return bytes + index * RECORD_BYTES;
}

static enum ot_status check_entry(const uint8_t *r, uint32_t flash_bytes)
{
    uint32_t offset = ot_load32(r + 4), size = ot_load32(r + 8);
    return offset <= flash_bytes && size <= flash_bytes - offset ? OT_OK : OT_E_TABLE_BOUNDS;
}

static enum ot_status check_md5(const uint8_t *bytes, uint32_t index)
{
    uint8_t md5[16];
    ot_md5(bytes, index * RECORD_BYTES, md5);
    return memcmp(record(bytes, index) + MD5_AT, md5, sizeof md5) == 0 ? OT_OK : OT_E_TABLE_MD5;
}

enum ot_status ot_table_parse(const uint8_t bytes[OT_TABLE_BYTES], uint32_t flash_bytes, uint32_t *count)
{
    bool md5_seen = false;
    uint32_t entries = 0;
    *count = 0;
    for (uint32_t i = 0; i < OT_TABLE_RECORDS; i++) {
        const uint8_t *r = record(bytes, i);
        uint16_t magic = ot_load16(r);
        enum ot_status st = OT_OK;
        if (magic == MAGIC_END && r[2] == 0xFF && r[3] == 0xFF) {
            *count = entries;
            return entries > 0 ? OT_OK : OT_E_TABLE_EMPTY;
        }
        if (magic == MAGIC_MD5) {
            st = md5_seen ? OT_E_TABLE_MD5 : check_md5(bytes, i);
            md5_seen = true;
        } else if (magic == MAGIC_ENTRY) {
            st = check_entry(r, flash_bytes);
            entries++;
        } else {
            st = OT_E_TABLE_MAGIC;
        }
        if (st != OT_OK)
            return st;
    }
    return OT_E_TABLE_END;
}

struct ot_partition ot_table_entry(const uint8_t bytes[OT_TABLE_BYTES], uint32_t index)
{
    struct ot_partition p = {0};
    for (uint32_t i = 0; i < OT_TABLE_RECORDS; i++) {
        const uint8_t *r = record(bytes, i);
        if (ot_load16(r) != MAGIC_ENTRY)
            continue; /* the MD5 record is no entry */
        if (index-- > 0)
            continue;
        p.type = r[2];
        p.subtype = r[3];
        p.offset = ot_load32(r + 4);
        p.size = ot_load32(r + 8);
        memcpy(p.label, r + 12, 16);
        p.flags = ot_load32(r + 28);
        break;
    }
    return p;
}

enum ot_status ot_table_find(const uint8_t bytes[OT_TABLE_BYTES], uint32_t count, uint8_t type,
                             uint8_t subtype, struct ot_partition *out)
{
    for (uint32_t i = 0; i < count; i++) {
        *out = ot_table_entry(bytes, i);
        if (out->type == type && out->subtype == subtype)
            return OT_OK;
    }
    return OT_E_NOT_FOUND;
}

enum ot_status ot_table_find_label(const uint8_t bytes[OT_TABLE_BYTES], uint32_t count, const char *label,
                                   struct ot_partition *out)
{
    size_t len = strlen(label);
    for (uint32_t i = 0; i < count; i++) {
        *out = ot_table_entry(bytes, i);
        if (strlen(out->label) == len && memcmp(out->label, label, len) == 0)
            return OT_OK;
    }
    return OT_E_NOT_FOUND;
}

static void note_app(struct ot_slots *s, const struct ot_partition *p)
{
    if (p->subtype == OT_APP_FACTORY) {
        s->has_factory = true;
        s->factory = *p;
    } else if (p->subtype == OT_APP_TEST) {
        s->has_test = true;
        s->test = *p;
    } else if (p->subtype >= OT_APP_OTA_0 && p->subtype <= OT_APP_OTA_LAST) {
        uint32_t x = (uint32_t)p->subtype - OT_APP_OTA_0;
        s->ota[x] = *p;
        s->ota_present = (uint16_t)(s->ota_present | (1u << x));
        s->ota_count++;
    }
}

void ot_table_slots(const uint8_t bytes[OT_TABLE_BYTES], uint32_t count, struct ot_slots *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < count; i++) {
        struct ot_partition p = ot_table_entry(bytes, i);
        if (p.type == OT_PART_APP) {
            note_app(out, &p);
        } else if (p.type == OT_PART_DATA && p.subtype == OT_DATA_OTADATA) {
            out->has_otadata = true;
            out->otadata = p;
        }
    }
    while (out->contiguous < OT_OTA_SLOTS_MAX && ((out->ota_present >> out->contiguous) & 1u) != 0)
        out->contiguous++;
}

const struct ot_partition *ot_slots_partition(const struct ot_slots *slots, int slot)
{
    if (slot == OT_SLOT_FACTORY)
        return slots->has_factory ? &slots->factory : NULL;
    if (slot == OT_SLOT_TEST)
        return slots->has_test ? &slots->test : NULL;
    if (slot < 0 || slot >= (int)OT_OTA_SLOTS_MAX || ((slots->ota_present >> slot) & 1u) == 0)
        return NULL;
    return &slots->ota[slot];
}

const char *ot_slot_name(int slot, char buf[8])
{
    if (slot == OT_SLOT_FACTORY)
        return "factory";
    if (slot == OT_SLOT_TEST)
        return "test";
    if (slot < 0 || slot >= (int)OT_OTA_SLOTS_MAX)
        return "none";
    memcpy(buf, "ota_", 4);
    uint32_t at = 4;
    if (slot >= 10)
        buf[at++] = '1';
    buf[at++] = (char)('0' + slot % 10);
    buf[at] = '\0';
    return buf;
}

int ot_slot_from_name(const char *name)
{
    char buf[8];
    size_t len = strlen(name);
    for (int slot = OT_SLOT_FACTORY; slot <= OT_SLOT_TEST; slot++) {
        const char *known = ot_slot_name(slot, buf);
        if (strlen(known) == len && memcmp(known, name, len) == 0)
            return slot;
    }
    return OT_SLOT_NONE;
}

static bool overlaps(const struct ot_partition *a, const struct ot_partition *b)
{
    return a->size > 0 && b->size > 0 && a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static bool any_overlap(const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct ot_partition a = ot_table_entry(bytes, i);
        /* Types 2 and 3 describe the bootloader's and the table's own regions. */
        for (uint32_t j = 0; j < i; j++) {
            struct ot_partition b = ot_table_entry(bytes, j);
            if (overlaps(&a, &b))
                return true;
        }
    }
    return false;
}

static bool slots_equal(const struct ot_slots *s, uint32_t *smallest)
{
    bool ok = s->contiguous >= 2 && s->contiguous == s->ota_count;
    *smallest = s->contiguous > 0 ? s->ota[0].size : 0;
    for (uint32_t i = 0; i < s->contiguous; i++) {
        ok = ok && s->ota[i].size == s->ota[0].size && s->ota[i].offset % 0x10000u == 0 && s->ota[i].size > 0;
        if (s->ota[i].size < *smallest)
            *smallest = s->ota[i].size;
    }
    return ok;
}

enum ot_status ot_table_judge(const uint8_t bytes[OT_TABLE_BYTES], uint32_t count,
                              struct ot_table_judgement *out)
{
    struct ot_slots slots;
    struct ot_partition fctry;
    memset(out, 0, sizeof *out);
    ot_table_slots(bytes, count, &slots);
    out->slots_ok = slots_equal(&slots, &out->slot_bytes);
    out->otadata_ok = slots.has_otadata && slots.otadata.size == OT_OTADATA_BYTES;
    out->factory_nvs = ot_table_find_label(bytes, count, "fctry", &fctry) == OT_OK &&
                       fctry.type == OT_PART_DATA && fctry.subtype == OT_DATA_NVS;
    out->no_overlap = !any_overlap(bytes, count);
    out->no_factory_app = !slots.has_factory;
    if (!out->no_overlap)
        return OT_E_TABLE_OVERLAP;
    if (!out->slots_ok)
        return OT_E_TABLE_SLOTS;
    return out->otadata_ok ? OT_OK : OT_E_TABLE_OTADATA;
}
