/* otadata entries: bytes, predicates, and what selecting or marking a slot must write. */
#include "otaria/otadata.h"

#include "otaria/bytes.h"

#include <string.h>

enum { AT_SEQ = 0, AT_LABEL = 4, AT_STATE = 24, AT_CRC = 28 };

void ot_otadata_parse(const uint8_t bytes[OT_OTADATA_ENTRY_BYTES], struct ot_otadata_entry *out)
{
    out->seq = ot_load32(bytes + AT_SEQ);
    memcpy(out->label, bytes + AT_LABEL, sizeof out->label);
    out->state = ot_load32(bytes + AT_STATE);
    out->crc = ot_load32(bytes + AT_CRC);
}

void ot_otadata_format(const struct ot_otadata_entry *e, uint8_t out[OT_OTADATA_ENTRY_BYTES])
{
    ot_store32(out + AT_SEQ, e->seq);
    memcpy(out + AT_LABEL, e->label, sizeof e->label);
    ot_store32(out + AT_STATE, e->state);
    ot_store32(out + AT_CRC, e->crc);
}

struct ot_otadata_entry ot_otadata_blank(void)
{
    struct ot_otadata_entry e;
    memset(&e, 0xFF, sizeof e);
    return e;
}

uint32_t ot_otadata_crc(uint32_t seq)
{
    uint8_t bytes[4];
    ot_store32(bytes, seq);
    return ot_crc32(0xFFFFFFFFu, bytes, sizeof bytes);
}

struct ot_otadata_entry ot_otadata_make(uint32_t seq, uint32_t state)
{
    struct ot_otadata_entry e = ot_otadata_blank();
    e.seq = seq;
    e.state = state;
    e.crc = ot_otadata_crc(seq);
    return e;
}

bool ot_otadata_crc_ok(const struct ot_otadata_entry *e)
{
    return e->crc == ot_otadata_crc(e->seq);
}

bool ot_otadata_unusable(const struct ot_otadata_entry *e)
{
    return e->seq == OT_OTADATA_SEQ_EMPTY || e->state == OT_OTA_INVALID || e->state == OT_OTA_ABORTED;
}

bool ot_otadata_usable(const struct ot_otadata_entry *e)
{
    return !ot_otadata_unusable(e) && ot_otadata_crc_ok(e);
}

int ot_otadata_active(const struct ot_otadata_entry e[2])
{
    bool first = ot_otadata_usable(&e[0]), second = ot_otadata_usable(&e[1]);
    if (first && second)
        return e[1].seq > e[0].seq ? 1 : 0;
    if (first)
        return 0;
    return second ? 1 : -1;
}

uint32_t ot_otadata_slot(const struct ot_otadata_entry *e, uint32_t ota_count)
{
    return (e->seq - 1u) % ota_count;
}

const char *ot_ota_state_name(uint32_t state)
{
    static const char *const names[] = {"new", "pending", "valid", "invalid", "aborted"};
    if (state == OT_OTA_UNDEFINED)
        return "undefined";
    return state < sizeof names / sizeof names[0] ? names[state] : "unknown";
}

/*
 * Smallest sequence of the form (slot + 1) mod count + k * count that is at least `from`; never 0, which names the wrong
 * slot unless count is a power of two.
 */
static uint32_t next_seq(uint32_t from, uint32_t slot, uint32_t ota_count)
{
    from = from > 0 ? from : 1;
    uint32_t first = (slot + 1u) % ota_count;
    uint32_t steps = from > first ? (from - first + ota_count - 1u) / ota_count : 0;
    return first + steps * ota_count;
}

enum ot_status ot_otadata_select(const struct ot_otadata_entry e[2], uint32_t slot, uint32_t ota_count,
                                 bool rollback, struct ot_otadata_write *out)
{
    uint32_t state = rollback ? (uint32_t)OT_OTA_NEW : OT_OTA_UNDEFINED;
    memset(out, 0, sizeof *out);
    if (ota_count == 0 || slot >= ota_count)
        return OT_E_ARGUMENT;
    int active = ot_otadata_active(e);
    if (active < 0) {
        out->needed = true;
        out->sector = 0;
        out->entry = ot_otadata_make(slot + 1u, state);
        return OT_OK;
    }
    if (e[active].seq >= OT_OTADATA_SEQ_LIMIT - ota_count)
        return OT_E_OTADATA_SEQ; /* and far from where sequences wrap */
    out->needed = true;
    if (ot_otadata_slot(&e[active], ota_count) == slot) {
        /* Same sector, same sequence: two entries with equal sequence would hide each other (IDF < 6.0 did that). */
        out->sector = (uint8_t)active;
        out->entry = e[active];
        out->entry.state = state;
        return OT_OK;
    }
    out->sector = (uint8_t)(1 - active);
    out->entry = e[1 - active];
    out->entry.seq = next_seq(e[active].seq, slot, ota_count);
    out->entry.state = state;
    out->entry.crc = ot_otadata_crc(out->entry.seq);
    return OT_OK;
}

enum ot_status ot_otadata_mark(const struct ot_otadata_entry e[2], uint32_t state,
                               struct ot_otadata_write *out)
{
    memset(out, 0, sizeof *out);
    int active = ot_otadata_active(e);
    if (active < 0)
        return OT_E_STATE;
    out->needed = e[active].state != state;
    out->sector = (uint8_t)active;
    out->entry = e[active];
    out->entry.state = state;
    return OT_OK;
}
