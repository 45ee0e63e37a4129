/* Images, keys and the factory flash of the matrix: see firmware.h. */
#define OPENSSL_API_COMPAT 0x10100000L

#include "firmware.h"

#include "base/crypto_openssl.h"
#include "base/nvs_page.h"
#include "image_support.h"
#include "otaria/bytes.h"
#include "otaria/descriptor.h"
#include "otaria/otadata.h"
#include "tools/delta.h"
#include "tools/flash_image.h"
#include "tools/partition_csv.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "matrix: set-up failed: %s (%s:%d)\n", #condition, __FILE__, __LINE__);          \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

#define BLOCK 65536u

/* --- chance --- */

static uint64_t chance = 20240601u;

static int fixed_bytes(unsigned char *buf, int n)
{
    for (int i = 0; i < n; i++)
        buf[i] = (unsigned char)nor_random(&chance);
    return 1;
}

static int fixed_status(void)
{
    return 1;
}

void firmware_use_fixed_chance(void)
{
    static RAND_METHOD method = {.bytes = fixed_bytes, .pseudorand = fixed_bytes, .status = fixed_status};
    MUST(RAND_set_rand_method(&method) == 1);
}

/* --- images --- */

void firmware_rehash(struct firmware *f)
{
    const struct ot_crypto *crypto = crypto_openssl();
    free(f->blocks);
    f->block_count = (f->size + BLOCK - 1) / BLOCK;
    f->blocks = calloc(f->block_count, OT_DIGEST_BYTES);
    MUST(f->blocks != NULL);
    for (uint32_t i = 0; i < f->block_count; i++) {
        struct ot_digest d;
        uint32_t n = f->size - i * BLOCK < BLOCK ? f->size - i * BLOCK : BLOCK;
        ot_sha256_of(crypto, f->bytes + i * BLOCK, n, &d);
        memcpy(f->blocks + i * OT_DIGEST_BYTES, d.bytes, OT_DIGEST_BYTES);
    }
    ot_sha256_of(crypto, f->blocks, f->block_count * OT_DIGEST_BYTES, &f->blocks_sha256);
    ot_sha256_of(crypto, f->bytes, f->size, &f->file_sha256);
}

static struct ot_descriptor descriptor_of(const struct firmware_set *set, const struct firmware_plan *plan,
                                          enum firmware_name name)
{
    struct ot_descriptor d = {.release = 10u + (uint32_t)name, .hardware_revisions = 1, .key_count = 1};
    d.keys[0] = set->key[0];
    if (plan->changes_key && (name == FIRMWARE_B || name == FIRMWARE_N)) {
        d.keys[0] = set->key[1];
        d.revoke_count = name == FIRMWARE_B ? 1 : 0;
        d.revoke[0] = set->key[0];
    } else if (plan->changes_key) {
        d.key_count = 2;
        d.keys[1] = set->key[1];
    }
    if (plan->drops_old_slot && name == FIRMWARE_B)
        d.flags = OT_DESC_FLAG_DROP_OLD_SLOT;
    if (plan->raises_floor && name == FIRMWARE_B)
        d.floor = d.release;
    return d;
}

struct sign_key *firmware_key(unsigned index)
{
    static struct sign_key *keys[2];
    if (keys[index] == NULL)
        keys[index] = sign_key_make(OT_SCHEME_RSA3072);
    return keys[index];
}

static uint8_t *sign_by(uint8_t keys, const uint8_t *image, uint32_t unsigned_size, uint32_t *size)
{
    struct sign_key *signers[2];
    unsigned count = 0;
    for (unsigned k = 0; k < 2; k++) {
        if ((keys >> k & 1u) != 0)
            signers[count++] = firmware_key(k);
    }
    return sign_file(image, unsigned_size, signers, count, size);
}

static uint8_t signers_of(const struct firmware_plan *plan, enum firmware_name name)
{
    if (plan->signers[name] != 0)
        return plan->signers[name];
    return plan->changes_key && name == FIRMWARE_N ? 2 : 1;
}

static void make_one(struct firmware_set *set, const struct firmware_plan *plan, enum firmware_name name)
{
    struct firmware *f = &set->f[name];
    struct ot_descriptor d = descriptor_of(set, plan, name);
    uint32_t unsigned_size = 0, sectors = plan->bytes / 4096u;
    f->name = name;
    f->release = d.release;
    snprintf(f->version, sizeof f->version, "1.%d.0", (int)name);
    f->secure_version = plan->raises_counter && (name == FIRMWARE_B || name == FIRMWARE_N) ? 3 : 0;
    struct image_spec spec = {.chip_id = MATRIX_CHIP,
                              .project = MATRIX_PRODUCT,
                              .version = f->version,
                              .secure_version = f->secure_version,
                              .descriptor = &d,
                              .seed = plan->small_steps ? 100u : 100u + (uint32_t)name,
                              .repeats = plan->repeats,
                              .size = (sectors - 1u) * 4096u};
    uint8_t *image = image_make(&spec, &unsigned_size);
    f->bytes = sign_by(signers_of(plan, name), image, unsigned_size, &f->size);
    f->digest_offset = unsigned_size - OT_DIGEST_BYTES;
    memcpy(f->identity.bytes, f->bytes + f->digest_offset, OT_DIGEST_BYTES);
    free(image);
    firmware_rehash(f);
}

void firmware_make(struct firmware_set *set, const struct firmware_plan *plan)
{
    memset(set, 0, sizeof *set);
    for (unsigned i = 0; i < 2; i++)
        sign_key_digest(firmware_key(i), &set->key[i]);
    for (int i = 0; i < FIRMWARE_COUNT; i++)
        make_one(set, plan, (enum firmware_name)i);
    uint32_t space = (plan->bytes * (plan->roomy ? 2u : 1u) + 65535u) / 65536u * 65536u + 65536u;
    set->slot_bytes = space;
    set->slot_offset[0] = 0x20000;
    set->slot_offset[1] = 0x20000 + space;
    set->flash_bytes = 0x100000;
    while (set->flash_bytes < 0x20000 + 2 * space)
        set->flash_bytes *= 2;
}

void firmware_drop(struct firmware_set *set)
{
    for (int i = 0; i < FIRMWARE_COUNT; i++) {
        free(set->f[i].bytes);
        free(set->f[i].blocks);
    }
    memset(set, 0, sizeof *set);
}

/* --- patches --- */

static struct delta_file file_of(const struct firmware *f)
{
    return (struct delta_file){.bytes = f->bytes, .size = f->size};
}

/* `base` NULL: the target compressed. */
static void make_patch(const struct firmware *base, const struct firmware *target, struct firmware_patch *out)
{
    struct delta_patch made;
    struct delta_file to = file_of(target), from = base != NULL ? file_of(base) : to;
    MUST((base != NULL ? delta_make(&from, &to, &made) : delta_make_full(&to, &made)) == OT_OK);
    out->bytes = malloc(made.size);
    MUST(out->bytes != NULL);
    memcpy(out->bytes, made.bytes, made.size);
    out->size = made.size;
    delta_patch_free(&made);
}

/* The last flipped bit that leaves a patch which decodes to its end, and to something else. */
static void spoil_patch(const struct firmware *base, const struct firmware *target, struct firmware_patch *p)
{
    struct delta_file from = base != NULL ? file_of(base) : (struct delta_file){0};
    for (uint32_t i = p->size; i-- > OT_DELTA_HEADER_BYTES;) {
        uint8_t *out = NULL;
        uint32_t size = 0;
        p->bytes[i] ^= 1u;
        enum ot_status st =
            delta_apply(base != NULL ? &from : NULL, &(struct delta_file){p->bytes, p->size}, &out, &size);
        bool is_other = st == OT_OK && (size != target->size || memcmp(out, target->bytes, size) != 0);
        free(out);
        if (st == OT_E_PATCH_RESULT || is_other)
            return;
        p->bytes[i] ^= 1u;
    }
    MUST(!"a patch that gives something else");
}

/* The fault, and the digest that the offer names. */
static void spoil(const struct firmware *base, const struct firmware *target, enum firmware_patch_fault fault,
                  struct firmware_patch *p)
{
    if (fault == PATCH_SHORT)
        p->size -= 8;
    if (fault == PATCH_WRONG)
        spoil_patch(base, target, p);
    ot_sha256_of(crypto_openssl(), p->bytes, p->size, &p->sha256);
    if (fault == PATCH_HASH)
        p->bytes[p->size / 2] ^= 0x10;
}

void firmware_make_patch(const struct firmware_set *set, enum firmware_patch_fault fault,
                         struct firmware_patch *out)
{
    const struct firmware *a = &set->f[FIRMWARE_A], *b = &set->f[FIRMWARE_B], *c = &set->f[FIRMWARE_C];
    memset(out, 0, sizeof *out);
    if (fault == PATCH_NONE)
        return;
    make_patch(fault == PATCH_OTHER_BASE || fault == PATCH_NAMES_OTHER ? c : a, b, out);
    out->base = fault == PATCH_NAMES_OTHER ? c->identity : a->identity;
    spoil(a, b, fault, out);
}

void firmware_compress(const struct firmware_set *set, enum firmware_patch_fault fault,
                       struct firmware_patch *out)
{
    const struct firmware *b = &set->f[FIRMWARE_B];
    memset(out, 0, sizeof *out);
    if (fault == PATCH_NONE)
        return;
    struct firmware of = *b;
    of.bytes = malloc(b->size);
    MUST(of.bytes != NULL);
    memcpy(of.bytes, b->bytes, b->size);
    if (fault ==
        PATCH_WRONG) /* of another image: a flipped bit would hardly ever leave one that decodes to its end */
        of.bytes[b->size / 2] ^= 1u;
    make_patch(NULL, &of, out);
    free(of.bytes);
    spoil(NULL, b, fault == PATCH_WRONG ? PATCH_GOOD : fault, out);
}

/* --- slots --- */

int firmware_by_digest(const struct firmware_set *set, const struct ot_digest *identity)
{
    for (int i = 0; i < FIRMWARE_COUNT; i++) {
        if (ot_digest_equal(identity, &set->f[i].identity))
            return i;
    }
    return FIRMWARE_NONE;
}

int firmware_in_slot(const struct firmware_set *set, const struct nor *nor, int slot)
{
    for (int i = 0; i < FIRMWARE_COUNT && slot >= 0 && slot < 2; i++) {
        struct ot_digest stands;
        nor_peek(nor, set->slot_offset[slot] + set->f[i].digest_offset, stands.bytes, OT_DIGEST_BYTES);
        if (ot_digest_equal(&stands, &set->f[i].identity))
            return i;
    }
    return FIRMWARE_NONE;
}

bool firmware_is_whole(const struct firmware_set *set, const struct nor *nor, int slot, int name)
{
    uint8_t sector[FLASH_SECTOR_BYTES];
    const struct firmware *f = &set->f[name];
    uint32_t end = f->digest_offset + OT_DIGEST_BYTES; /* signatures may be added and dropped */
    for (uint32_t at = 0; at < end; at += sizeof sector) {
        uint32_t n = end - at < sizeof sector ? end - at : (uint32_t)sizeof sector;
        nor_peek(nor, set->slot_offset[slot] + at, sector, n);
        if (memcmp(sector, f->bytes + at, n) != 0)
            return false;
    }
    return true;
}

/* --- the factory --- */

static void put_table(const struct firmware_set *set, struct nor *nor)
{
    char csv[600];
    struct partition_list list;
    struct partition_rules rules = {.flash_bytes = set->flash_bytes};
    uint8_t table[OT_TABLE_BYTES];
    struct error err = {0};
    int n = snprintf(
        csv, sizeof csv,
        "nvs,data,nvs,0x9000,0x6000\notadata,data,ota,0xF000,0x2000\nphy_init,data,phy,0x11000,0x1000\n"
        "fctry,data,nvs,0x13000,0x6000\nota_0,app,ota_0,0x%x,0x%x\nota_1,app,ota_1,0x%x,0x%x\n",
        (unsigned)set->slot_offset[0], (unsigned)set->slot_bytes, (unsigned)set->slot_offset[1],
        (unsigned)set->slot_bytes);
    MUST(partition_csv_parse(csv, (size_t)n, "matrix", &rules, &list, &err) == 0);
    MUST(partition_table_build(&list, table, &err) == 0);
    nor_poke(nor, OT_TABLE_OFFSET_DEFAULT, table, sizeof table);
}

static void put_factory_data(const struct firmware_set *set, struct nor *nor)
{
    struct nvs_page page;
    int bad = 0;
    nvs_page_start(&page, "otaria");
    bad |= nvs_page_put_string(&page, "device_id", MATRIX_DEVICE);
    bad |= nvs_page_put_string(&page, "product", MATRIX_PRODUCT);
    bad |= nvs_page_put_u8(&page, "hw_rev", 0);
    bad |= nvs_page_put_u8(&page, "undescribed", 0);
    bad |= nvs_page_put_blob(&page, "trust", set->key[0].bytes, OT_DIGEST_BYTES);
    MUST(bad == 0);
    nor_poke(nor, 0x13000, page.bytes, sizeof page.bytes);
}

void firmware_secure_boot(const struct firmware_set *set, struct nor *nor, struct efuses *fuses, uint8_t keys)
{
    uint32_t unsigned_size = 0, size = 0;
    uint8_t *image = image_make(
        &(struct image_spec){.chip_id = MATRIX_CHIP, .project = "bootloader", .seed = 7, .size = 4096},
        &unsigned_size);
    uint8_t *signed_image = sign_by(keys, image, unsigned_size, &size);
    MUST(size <= OT_TABLE_OFFSET_DEFAULT);
    nor_poke(nor, 0, signed_image, size); /* where the C3 has it */
    free(image);
    free(signed_image);
    fuses->secure_boot = true;
    for (unsigned k = 0; k < 2; k++) {
        fuses->has_digest[k] = true;
        fuses->digest[k] = set->key[k];
    }
    fuses->revoked[2] = true; /* as the first boot leaves a place nobody uses */
}

void firmware_flash(const struct firmware_set *set, struct nor *nor, const char *otadata)
{
    struct ot_otadata_entry e[2];
    struct error err = {0};
    put_table(set, nor);
    put_factory_data(set, nor);
    nor_poke(nor, set->slot_offset[0], set->f[FIRMWARE_A].bytes, set->f[FIRMWARE_A].size);
    MUST(flash_otadata_spec(otadata, e, &err) == 0);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t bytes[OT_OTADATA_ENTRY_BYTES];
        if (e[i].seq == OT_OTADATA_SEQ_EMPTY)
            continue;
        ot_otadata_format(&e[i], bytes);
        nor_poke(nor, 0xF000u + i * 0x1000u, bytes, sizeof bytes);
    }
}
