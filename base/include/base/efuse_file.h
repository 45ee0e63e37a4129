/**
 * The virtual ESP32's eFuses: a small JSON file. Bits are only ever set: there is no way back, as on the chip.
 *
 *     {"chip":"esp32c3","mac":"24:0a:c4:00:00:01","secure_boot":false,"secure_version":0,
 *      "digests":["<64 hex>",null,null],"revoked":[false,false,false]}
 */
#ifndef BASE_EFUSE_FILE_H
#define BASE_EFUSE_FILE_H

#include "base/error.h"
#include "otaria/crypto.h"

#include <stdbool.h>
#include <stdint.h>

#define EFUSE_DIGESTS 3u

struct efuses {
    bool has_chip;
    uint16_t chip_id;
    uint8_t mac[6];
    bool secure_boot;
    uint32_t secure_version;
    bool has_digest[EFUSE_DIGESTS];
    struct ot_digest digest[EFUSE_DIGESTS];
    bool revoked[EFUSE_DIGESTS];
};

/** Bytes of a key digest that these eFuses hold: 16 on the ESP32-C2, else 32. */
uint8_t efuses_key_bytes(const struct efuses *fuses);
bool efuses_equal(const struct efuses *a, const struct efuses *b);

/** Load and check completely; unknown keys are refused by name. */
int efuse_file_load(const char *path, struct efuses *out, struct error *err);
/** Replace atomically. Refuses to clear anything that `path` has set already. */
int efuse_file_save(const char *path, const struct efuses *fuses, struct error *err);
/** A factory-new chip with a random, locally administered MAC. */
int efuses_random(struct efuses *out, struct error *err);

#endif
