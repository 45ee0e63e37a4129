/* The chip behind a flash file: see flash_layout.h. */
#include "base/flash_layout.h"

#include "base/crypto_openssl.h"
#include "otaria/bytes.h"

#include <stdlib.h>
#include <string.h>

#define SCRATCH_BYTES  16384u
#define APP_DESC_MAGIC 0xABCD5432u

int flash_layout_read(struct flash_layout *l, const struct flash *flash, uint32_t table_offset,
                      struct error *err)
{
    memset(l, 0, sizeof *l);
    l->flash = flash;
    if (flash_read(flash, table_offset, l->table, sizeof l->table) != 0)
        return error_set(err, "partition table at 0x%x: cannot be read", table_offset);
    enum ot_status st = ot_table_parse(l->table, flash->size, &l->table_count);
    if (st != OT_OK)
        return error_set(err, "partition table at 0x%x: %s", table_offset, ot_status_text(st));
    ot_table_slots(l->table, l->table_count, &l->slots);
    return 0;
}

/* Offset of an entry, or -1 when there is no otadata of two sectors. */
static int otadata_at(const struct flash_layout *l, unsigned index, uint32_t *at)
{
    if (!l->slots.has_otadata || l->slots.otadata.size < OT_OTADATA_BYTES || index > 1)
        return -1;
    *at = l->slots.otadata.offset + index * FLASH_SECTOR_BYTES;
    return 0;
}

int flash_layout_read_otadata(const struct flash_layout *l, unsigned index,
                              uint8_t out[OT_OTADATA_ENTRY_BYTES])
{
    uint32_t at;
    if (otadata_at(l, index, &at) != 0)
        return -1;
    return flash_read(l->flash, at, out, OT_OTADATA_ENTRY_BYTES);
}

int flash_layout_write_otadata(const struct flash_layout *l, unsigned index,
                               const uint8_t bytes[OT_OTADATA_ENTRY_BYTES])
{
    uint32_t at;
    if (otadata_at(l, index, &at) != 0 || flash_erase(l->flash, at, FLASH_SECTOR_BYTES) != 0)
        return -1;
    return flash_program(l->flash, at, bytes, OT_OTADATA_ENTRY_BYTES);
}

static enum ot_status read_part(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct flash_part *p = ctx;
    return flash_read(p->flash, p->offset + offset, buf, len) == 0 ? OT_OK : OT_E_READ;
}

struct ot_source flash_part_source(const struct flash *flash, const struct ot_partition *p,
                                   struct flash_part *ctx)
{
    *ctx = (struct flash_part){.flash = flash, .offset = p->offset};
    return (struct ot_source){.ctx = ctx, .size = p->size, .read = read_part};
}

enum ot_status flash_slot_inspect(const struct flash_layout *l, int slot,
                                  const struct ot_image_limits *limits, struct ot_image *image,
                                  struct ot_image_digests *digests)
{
    struct flash_part ctx;
    uint8_t scratch[SCRATCH_BYTES];
    const struct ot_partition *p = ot_slots_partition(&l->slots, slot);
    if (p == NULL)
        return OT_E_NOT_FOUND;
    struct ot_source src = flash_part_source(l->flash, p, &ctx);
    enum ot_status st = ot_image_parse(&src, limits, image);
    if (st == OT_OK)
        st = ot_image_hash(&src, image, crypto_openssl(), scratch, sizeof scratch, digests);
    return st;
}

/* The signature question, by these keys. */
static enum ot_status judge_source(const struct ot_source *src, const struct ot_image *image,
                                   const struct ot_image_digests *digests, const struct ot_trust_set *set)
{
    uint8_t scratch[OT_SIG_BLOCK_BYTES];
    struct ot_verdict verdict = {0};
    ot_trust_judge(src, image, digests, set, crypto_openssl(), scratch, sizeof scratch, &verdict);
    return ot_verdict_accepts(&verdict, &digests->identity) ? OT_OK : verdict.reason;
}

enum ot_status flash_slot_judge(const struct flash_layout *l, int slot, const struct ot_image *image,
                                const struct ot_image_digests *digests, const struct ot_trust_set *set)
{
    struct flash_part ctx;
    const struct ot_partition *p = ot_slots_partition(&l->slots, slot);
    if (p == NULL)
        return OT_E_NOT_FOUND;
    struct ot_source src = flash_part_source(l->flash, p, &ctx);
    return judge_source(&src, image, digests, set);
}

enum ot_status flash_bootloader_judge(const struct flash *flash, uint32_t at, uint32_t space,
                                      const struct ot_trust_set *set)
{
    uint8_t first = 0, scratch[SCRATCH_BYTES];
    struct ot_partition place = {.offset = at, .size = space};
    struct flash_part ctx;
    struct ot_image image;
    struct ot_image_digests digests;
    struct ot_source src = flash_part_source(flash, &place, &ctx);
    enum ot_status st = ot_source_read(&src, 0, &first, 1);
    if (st == OT_OK && first == 0xFF)
        return OT_E_NOT_FOUND;
    if (st == OT_OK)
        st = ot_image_parse(&src, &(struct ot_image_limits){.is_bootloader = true}, &image);
    if (st == OT_OK)
        st = ot_image_hash(&src, &image, crypto_openssl(), scratch, sizeof scratch, &digests);
    return st == OT_OK ? judge_source(&src, &image, &digests, set) : st;
}

enum ot_status flash_slot_secure_version(const struct flash_layout *l, int slot, uint32_t *out)
{
    uint8_t head[8];
    const struct ot_partition *p = ot_slots_partition(&l->slots, slot);
    *out = 0;
    if (p == NULL)
        return OT_E_NOT_FOUND;
    if (p->size < OT_APP_DESC_OFFSET + OT_APP_DESC_BYTES ||
        flash_read(l->flash, p->offset + OT_APP_DESC_OFFSET, head, sizeof head) != 0)
        return OT_E_READ;
    *out = ot_load32(head + 4);
    return ot_load32(head) == APP_DESC_MAGIC ? OT_OK : OT_E_IMAGE_APP_DESC;
}

struct ot_trust_set efuses_trust(const struct efuses *fuses, struct efuse_keys *mem)
{
    struct ot_trust_set set = {.keys = mem->keys, .revoked = mem->revoked};
    set.key_bytes = efuses_key_bytes(fuses);
    for (unsigned i = 0; i < EFUSE_DIGESTS; i++) {
        if (!fuses->has_digest[i])
            continue;
        mem->keys[set.key_count++] = fuses->digest[i];
        if (fuses->revoked[i])
            mem->revoked[set.revoked_count++] = fuses->digest[i];
    }
    return set;
}

int flash_factory_place(const uint8_t table[OT_TABLE_BYTES], uint32_t count, struct ot_partition *out)
{
    static const char *const labels[] = {"fctry", "nvs"};
    for (unsigned i = 0; i < 2; i++) {
        /* In `nvs` the last two sectors are the virtual device's journal. */
        uint32_t least = (i == 0 ? 1 : 3) * FLASH_SECTOR_BYTES;
        if (ot_table_find_label(table, count, labels[i], out) == OT_OK && out->type == OT_PART_DATA &&
            out->subtype == OT_DATA_NVS && out->size >= least)
            return 0;
    }
    return -1;
}
