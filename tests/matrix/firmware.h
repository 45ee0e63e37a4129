/**
 * What the fault matrix rolls out: signed images of one product, and a chip as it leaves the factory.
 *
 * Deterministic: keys, signatures and images come from fixed seeds, so a case replays to the bit.
 */
#ifndef MATRIX_FIRMWARE_H
#define MATRIX_FIRMWARE_H

#include "base/efuse_file.h"
#include "otaria/trust.h"
#include "sign_support.h"
#include "vdev/nor.h"

#include <stdbool.h>

#define MATRIX_CHIP    5u /* ESP32-C3 */
#define MATRIX_PRODUCT "lamp"
#define MATRIX_DEVICE  "unit-1"

enum firmware_name {
    FIRMWARE_A = 0, /* runs, confirmed: release 10 */
    FIRMWARE_B,     /* the update: release 11 */
    FIRMWARE_C,     /* another release, when B is abandoned: release 12 */
    FIRMWARE_N,     /* the next update, after everything: release 13 */
    FIRMWARE_COUNT
};
#define FIRMWARE_NONE (-1)

struct firmware {
    enum firmware_name name;
    uint32_t release;
    char version[8];
    uint8_t *bytes; /* signed file */
    uint32_t size;
    uint32_t digest_offset; /* of the appended digest in the file */
    struct ot_digest identity, file_sha256, blocks_sha256;
    uint8_t *blocks; /* 32 bytes each */
    uint32_t block_count;
    uint32_t secure_version;
};

/** How the releases are made; zero is plain. */
struct firmware_plan {
    uint32_t bytes;                  /* of the signed file of B, about; a multiple of 4096 */
    bool changes_key;                /* B trusts key 2 and retires key 1; N is signed by key 2 */
    bool raises_counter;             /* B has secure_version 3, N too */
    bool drops_old_slot;             /* B says so */
    uint8_t signers[FIRMWARE_COUNT]; /* bit k: signed by key k; 0: key 0 (N, when keys change: key 1) */
    bool raises_floor;               /* B's floor is its own release */
    bool small_steps; /* B and C differ from A in a few places, as releases do; else in every byte */
    bool repeats;     /* half of the bytes have been there before: images can be compressed */
    bool roomy;       /* slots hold an image twice */
};

/** What is wrong with the patch from A to B, or with the compressed image of B. */
enum firmware_patch_fault {
    PATCH_NONE = 0, /* no patch is offered */
    PATCH_GOOD,
    PATCH_OTHER_BASE,  /* the offer names what runs, the patch was made for another image */
    PATCH_NAMES_OTHER, /* the offer says so itself */
    PATCH_SHORT,       /* its last bytes are missing */
    PATCH_WRONG,       /* decodes to its end, and gives something else */
    PATCH_HASH,        /* other bytes than those the offer names */
    PATCH_GONE,        /* the server does not serve it */
};

struct firmware_patch {
    uint8_t *bytes;
    uint32_t size;
    struct ot_digest base, sha256; /* as the offer says */
};

struct firmware_set {
    struct firmware f[FIRMWARE_COUNT];
    struct ot_digest key[2];
    uint32_t slot_bytes, slot_offset[2], flash_bytes;
};

/** From here on OpenSSL's random numbers are those of a fixed seed: keys and signatures are the same in each run. */
void firmware_use_fixed_chance(void);

void firmware_make(struct firmware_set *set, const struct firmware_plan *plan);
void firmware_drop(struct firmware_set *set);

/** A patch from A to B with this fault. Aborts when none can be made. `bytes` NULL for PATCH_NONE. */
void firmware_make_patch(const struct firmware_set *set, enum firmware_patch_fault fault,
                         struct firmware_patch *out);
/** The same for the compressed image of B, whose fault is no base's. */
void firmware_compress(const struct firmware_set *set, enum firmware_patch_fault fault,
                       struct firmware_patch *out);

/** The signing keys, 0 and 1. */
struct sign_key *firmware_key(unsigned index);
/** File, block list and appended digest hashed anew after `f->bytes` was changed or replaced; `f->blocks` is malloc'd. */
void firmware_rehash(struct firmware *f);

/** Which firmware stands in this slot, going by its appended digest; FIRMWARE_NONE. */
int firmware_in_slot(const struct firmware_set *set, const struct nor *nor, int slot);
/** ... and is it there to the last byte? */
bool firmware_is_whole(const struct firmware_set *set, const struct nor *nor, int slot, int name);
int firmware_by_digest(const struct firmware_set *set, const struct ot_digest *identity);

/** Burn both keys, and put a bootloader into the flash that is signed by those of `keys`. */
void firmware_secure_boot(const struct firmware_set *set, struct nor *nor, struct efuses *fuses,
                          uint8_t keys);

/** A flash with A in ota_0, selected and valid, and factory data. `nor` is freshly initialised. */
void firmware_flash(const struct firmware_set *set, struct nor *nor, const char *otadata);

#endif
