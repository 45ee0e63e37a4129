/*
 * Any otadata and any run of selections and marks, each whole or torn: predicates agree with each other, a selection
 * is what boots, a mark changes the state alone, and a torn write is an entry lost, never another entry.
 *
 * Input: 64 bytes of otadata, one of how many slots, then two bytes an operation: what, and behind which byte it tears.
 */
#include "fuzz.h"
#include "otaria/otadata.h"

#include <string.h>

#define OPERATIONS_END (65u + 2u * 64u)

struct flash {
    uint8_t sector[2][OT_OTADATA_ENTRY_BYTES];
};

static void read_both(const struct flash *f, struct ot_otadata_entry e[2])
{
    for (int i = 0; i < 2; i++) {
        uint8_t again[OT_OTADATA_ENTRY_BYTES];
        ot_otadata_parse(f->sector[i], &e[i]);
        ot_otadata_format(&e[i], again);
        HOLDS(memcmp(again, f->sector[i], sizeof again) == 0);
    }
}

static void check_predicates(const struct ot_otadata_entry e[2], uint32_t slots)
{
    int active = ot_otadata_active(e);
    HOLDS(active >= -1 && active <= 1);
    for (int i = 0; i < 2; i++) {
        bool usable = ot_otadata_usable(&e[i]);
        HOLDS(usable == (!ot_otadata_unusable(&e[i]) && ot_otadata_crc_ok(&e[i])));
        HOLDS(!usable || active >= 0);
        HOLDS(!usable || e[active].seq >= e[i].seq);
        HOLDS(ot_otadata_slot(&e[i], slots) < slots);
        HOLDS(ot_ota_state_name(e[i].state) != NULL);
    }
    HOLDS(active < 0 || ot_otadata_usable(&e[active]));
    HOLDS(active != 1 || !ot_otadata_usable(&e[0]) || e[0].seq != e[1].seq); /* entry 0 on a tie */
}

/* Performs a rewrite that tears behind `bytes`; 32 and more is whole. */
static void write_torn(struct flash *f, const struct ot_otadata_write *w, unsigned bytes)
{
    struct ot_otadata_entry torn;
    uint8_t whole[OT_OTADATA_ENTRY_BYTES];
    HOLDS(w->sector < 2);
    ot_otadata_format(&w->entry, whole);
    memset(f->sector[w->sector], 0xFF, sizeof whole);
    memcpy(f->sector[w->sector], whole, bytes < sizeof whole ? bytes : sizeof whole);
    ot_otadata_parse(f->sector[w->sector], &torn);
    /* The checksum stands last. Of sequence 0 alone it is FF, like erased flash. */
    HOLDS(memcmp(f->sector[w->sector], whole, sizeof whole) == 0 || !ot_otadata_usable(&torn) ||
          w->entry.seq == 0);
}

static void select_one(struct flash *f, const struct ot_otadata_entry e[2], uint32_t slot, uint32_t slots,
                       unsigned bytes)
{
    struct ot_otadata_write w;
    struct ot_otadata_entry after[2] = {e[0], e[1]};
    enum ot_status st = ot_otadata_select(e, slot, slots, (bytes & 0x40u) == 0, &w);
    int active = ot_otadata_active(e);
    HOLDS(st == OT_OK || !w.needed);
    HOLDS(st == OT_OK ||
          (st == OT_E_OTADATA_SEQ && active >= 0 && e[active].seq > OT_OTADATA_SEQ_LIMIT - 1 - slots));
    if (st != OT_OK)
        return;
    HOLDS(w.needed && w.entry.seq < OT_OTADATA_SEQ_LIMIT);
    after[w.sector] = w.entry;
    int now = ot_otadata_active(after);
    HOLDS(now >= 0 && ot_otadata_slot(&after[now], slots) == slot);
    write_torn(f, &w, bytes & 0x3Fu);
}

static void mark_one(struct flash *f, const struct ot_otadata_entry e[2], uint32_t state, unsigned bytes)
{
    struct ot_otadata_write w;
    int active = ot_otadata_active(e);
    HOLDS((ot_otadata_mark(e, state, &w) == OT_OK) == (active >= 0));
    if (active < 0)
        return;
    struct ot_otadata_entry unmarked = w.entry;
    unmarked.state = e[active].state;
    HOLDS(w.sector == active && memcmp(&unmarked, &e[active], sizeof unmarked) == 0);
    HOLDS(w.needed == (e[active].state != state));
    if (w.needed)
        write_torn(f, &w, bytes & 0x3Fu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flash f;
    struct ot_otadata_entry e[2];
    if (size < sizeof f.sector + 1)
        return 0;
    memcpy(f.sector, data, sizeof f.sector);
    uint32_t slots = 1u + data[sizeof f.sector] % 16u;
    read_both(&f, e);
    check_predicates(e, slots);
    for (size_t at = sizeof f.sector + 1; at + 1 < size && at < OPERATIONS_END; at += 2) {
        if (data[at] < 0x80)
            select_one(&f, e, data[at] % slots, slots, data[at + 1]);
        else
            mark_one(&f, e, (data[at] & 1u) != 0 ? OT_OTA_VALID : OT_OTA_INVALID, data[at + 1]);
        read_both(&f, e);
        check_predicates(e, slots);
    }
    return 0;
}
