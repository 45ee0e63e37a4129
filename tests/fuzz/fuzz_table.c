/* Any bytes as a partition table: what is accepted lies inside the flash, and everything derived from it holds. */
#include "fuzz.h"
#include "otaria/partition.h"

#include <string.h>

#define FLASH_BYTES 0x400000u

static void check_slots(const struct ot_slots *s)
{
    char name[8];
    for (int slot = OT_SLOT_FACTORY; slot <= OT_SLOT_TEST; slot++) {
        const struct ot_partition *p = ot_slots_partition(s, slot);
        HOLDS(p == NULL || (p->offset <= FLASH_BYTES && p->size <= FLASH_BYTES - p->offset));
        HOLDS(ot_slot_from_name(ot_slot_name(slot, name)) == slot);
    }
    for (int slot = 0; slot < s->contiguous; slot++)
        HOLDS(ot_slots_partition(s, slot) != NULL);
    HOLDS(s->contiguous <= OT_OTA_SLOTS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t table[OT_TABLE_BYTES];
    uint32_t count = 0;
    struct ot_slots slots;
    struct ot_partition found;
    struct ot_table_judgement judged;
    memset(table, 0xFF, sizeof table);
    memcpy(table, data, size < sizeof table ? size : sizeof table);
    if (ot_table_parse(table, FLASH_BYTES, &count) != OT_OK)
        return 0;
    HOLDS(count > 0 && count < OT_TABLE_RECORDS);
    for (uint32_t i = 0; i < count; i++) {
        struct ot_partition p = ot_table_entry(table, i);
        HOLDS(p.offset <= FLASH_BYTES && p.size <= FLASH_BYTES - p.offset);
        HOLDS(ot_table_find_label(table, count, p.label, &found) == OT_OK);
        HOLDS(ot_table_find(table, count, p.type, p.subtype, &found) == OT_OK);
    }
    ot_table_slots(table, count, &slots);
    check_slots(&slots);
    if (ot_table_judge(table, count, &judged) == OT_OK)
        HOLDS(slots.contiguous >= 2 && slots.has_otadata && judged.slot_bytes > 0);
    return 0;
}
