/*
 * Any otadata, any set of broken images: the boot decision ends, boots only what verifies, boots something whenever
 * something verifies, and the next boot finds the flash it left. Selecting and marking: fuzz_otadata.c.
 *
 * Input: 64 bytes of otadata, one of configuration, three of broken slots.
 */
#include "fuzz.h"
#include "otaria/boot.h"

#include <string.h>

struct world {
    uint8_t flash[2][OT_OTADATA_ENTRY_BYTES];
    uint32_t bad; /* bit slot + 1 */
    unsigned writes;
};

static enum ot_status read_entry(void *ctx, unsigned index, uint8_t out[OT_OTADATA_ENTRY_BYTES])
{
    const struct world *w = ctx;
    memcpy(out, w->flash[index], OT_OTADATA_ENTRY_BYTES);
    return OT_OK;
}

static enum ot_status write_entry(void *ctx, unsigned index, const uint8_t bytes[OT_OTADATA_ENTRY_BYTES])
{
    struct world *w = ctx;
    HOLDS(index < 2);
    memcpy(w->flash[index], bytes, OT_OTADATA_ENTRY_BYTES);
    w->writes++;
    return OT_OK;
}

static bool is_good(const struct world *w, int slot)
{
    return (w->bad >> (slot + 1) & 1u) == 0;
}

static enum ot_status verify(void *ctx, int slot)
{
    return is_good(ctx, slot) ? OT_OK : OT_E_IMAGE_DIGEST;
}

static enum ot_status image_secure_version(void *ctx, int slot, uint32_t *out)
{
    (void)ctx;
    *out = (uint32_t)(slot + 1) % 3u;
    return OT_OK;
}

static uint32_t chip_secure_version(void *ctx)
{
    (void)ctx;
    return 0;
}

static enum ot_status burn_secure_version(void *ctx, uint32_t version)
{
    (void)ctx;
    (void)version;
    return OT_OK;
}

static struct ot_slots make_slots(uint8_t byte)
{
    struct ot_slots s = {.has_otadata = true, .has_factory = (byte & 4u) != 0};
    s.otadata.size = OT_OTADATA_BYTES;
    s.ota_count = s.contiguous = (uint8_t)(1u + (byte >> 3) % OT_OTA_SLOTS_MAX);
    s.ota_present = (uint16_t)((1u << s.ota_count) - 1u);
    return s;
}

static bool anything_good(const struct world *w, const struct ot_slots *s)
{
    bool good = s->has_factory && is_good(w, OT_SLOT_FACTORY);
    for (int slot = 0; slot < s->ota_count; slot++)
        good = good || is_good(w, slot);
    return good;
}

static int boot_once(struct world *w, const struct ot_slots *slots, const struct ot_boot_config *config)
{
    const struct ot_boot_port port = {
        w, read_entry, write_entry, verify, image_secure_version, chip_secure_version, burn_secure_version};
    struct ot_boot_result r;
    enum ot_status st = ot_boot_decide(slots, config, &port, &r);
    HOLDS((st == OT_OK) == (r.slot != OT_SLOT_NONE));
    HOLDS((st == OT_OK) == anything_good(w, slots));
    HOLDS(r.slot == OT_SLOT_NONE || (ot_slots_partition(slots, r.slot) != NULL && is_good(w, r.slot)));
    HOLDS(memcmp(r.otadata, w->flash, sizeof r.otadata) == 0);
    HOLDS(r.reason_count > 0 && r.tried_count <= OT_BOOT_TRIED_MAX);
    for (unsigned i = 0; i < r.tried_count; i++) {
        for (unsigned j = 0; j < i; j++)
            HOLDS(r.tried[i] != r.tried[j]);
    }
    return r.slot;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.writes = 0};
    if (size < 68)
        return 0;
    memcpy(w.flash, data, sizeof w.flash);
    struct ot_boot_config config = {.rollback = (data[64] & 1u) != 0, .anti_rollback = (data[64] & 2u) != 0};
    struct ot_slots slots = make_slots(data[64]);
    w.bad = (uint32_t)data[65] | (uint32_t)data[66] << 8 | (uint32_t)data[67] << 16;
    boot_once(&w, &slots, &config);
    HOLDS(w.writes <= 4);
    int second = boot_once(&w, &slots, &config);
    int third = boot_once(&w, &slots, &config);
    w.writes = 0;
    int fourth = boot_once(&w, &slots, &config);
    HOLDS(second == third || config.rollback); /* without rollback states do not age */
    if (third == fourth && w.writes == 0)
        HOLDS(boot_once(&w, &slots, &config) == fourth);
    return 0;
}
