/**
 * The world around a virtual chip, as far as a test or a simulator wants to be it: flash, eFuses, time, chance, network.
 *
 * Members left NULL are the real thing. `flash` comes with `fuses` and `burn`; the four of the transfer come together.
 * A function may leave by longjmp to cut the power: see vdev_cut().
 */
#ifndef VDEV_WORLD_H
#define VDEV_WORLD_H

#include "agent/port.h"
#include "base/efuse_file.h"
#include "base/flash.h"

struct vdev_world {
    void *ctx;
    const struct flash *flash;  /* borrowed; instead of the flash file */
    const struct efuses *fuses; /* borrowed; read at power-on, never written through */
    int (*burn)(void *ctx, const struct efuses *fuses); /* 0 when durable */
    uint64_t (*now_ms)(void *ctx);
    uint32_t (*random)(void *ctx);
    const struct ot_crypto *crypto;
    /* as in struct ot_port */
    enum ot_status (*post)(void *ctx, const char *path, const char *token, const uint8_t *body, uint32_t len,
                           uint8_t *reply, uint32_t cap, uint32_t *reply_len, int *http_status);
    enum ot_status (*get_open)(void *ctx, const char *path, const char *token, uint32_t offset,
                               const char *etag, uint32_t *total, int *http_status);
    enum ot_status (*get_read)(void *ctx, uint8_t *buf, uint32_t cap, uint32_t *len);
    void (*get_close)(void *ctx);
};

#endif
