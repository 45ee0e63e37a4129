/*
 * The patch decoder alone, for other processors under user-mode emulation: apply OLD PATCH OUT.
 *
 * Compiled with core/delta for 32-bit RISC-V (without a C library: system.h by system calls) and for a big-endian machine
 * (with one). The base digest is believed, and OUT is compared outside: what is shown is that every machine gives the same bytes.
 */
#include "system.h"

#include "otaria/delta.h"

#include <string.h>

#define FILE_MAX (4u << 20)

static uint8_t base[FILE_MAX], patch[FILE_MAX], target[FILE_MAX], sector[OT_DELTA_SECTOR_BYTES];
static struct ot_delta delta;

static enum ot_status read_base(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    (void)ctx;
    memcpy(buf, base + offset, len);
    return OT_OK;
}

static enum ot_status read_target(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    (void)ctx;
    memcpy(buf, target + offset, len);
    return OT_OK;
}

static enum ot_status write_target(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    (void)ctx;
    memcpy(target + offset, bytes, len);
    return OT_OK;
}

int emulated_main(const char *old_path, const char *patch_path, const char *out_path)
{
    struct ot_delta_header h;
    uint32_t base_size = system_read_file(old_path, base, FILE_MAX);
    uint32_t patch_size = system_read_file(patch_path, patch, FILE_MAX);
    if (patch_size < OT_DELTA_HEADER_BYTES || ot_delta_header_read(patch, &h) != OT_OK ||
        h.target_bytes > FILE_MAX)
        return 2;
    struct ot_delta_io io = {.base = {.size = base_size, .read = read_base},
                             .base_digest = h.base_digest,
                             .written = {.size = h.target_bytes, .read = read_target},
                             .target_max = FILE_MAX,
                             .write = write_target};
    ot_delta_start(&delta, &io, sector);
    enum ot_status st = OT_OK;
    for (uint32_t at = 0; at < patch_size && st == OT_OK; at += 256)
        st = ot_delta_feed(&delta, patch + at, patch_size - at < 256 ? patch_size - at : 256);
    if (st == OT_OK)
        st = ot_delta_finish(&delta);
    if (st != OT_OK)
        return 3;
    return system_write_file(out_path, target, h.target_bytes) ? 0 : 4;
}
