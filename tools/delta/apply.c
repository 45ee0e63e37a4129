/* A patch applied in memory, by the decoder that runs on devices. See tools/delta.h. */
#include "tools/delta.h"

#include "files.h"

#include "base/crypto_openssl.h"

#include <stdlib.h>
#include <string.h>

void delta_file_digest(const struct delta_file *file, struct ot_digest *out)
{
    struct delta_memory memory = {.in = file->bytes};
    struct ot_source source = delta_memory_source(&memory, file->size);
    const struct ot_crypto *crypto = crypto_openssl();
    struct ot_image image;
    struct ot_image_digests digests;
    uint8_t scratch[4096];
    enum ot_status st = ot_image_parse(&source, &(struct ot_image_limits){.space = 0}, &image);
    if (st == OT_OK)
        st = ot_image_hash(&source, &image, crypto, scratch, sizeof scratch, &digests);
    if (st == OT_OK)
        *out = digests.identity;
    else
        ot_sha256_of(crypto, file->bytes, file->size, out);
}

static enum ot_status write_memory(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    struct delta_memory *m = ctx;
    memcpy(m->out + offset, bytes, len);
    return OT_OK;
}

enum ot_status delta_apply_measured(const struct delta_file *base, const struct delta_file *patch,
                                    uint8_t **out, uint32_t *out_size, uint32_t *reads, uint32_t *steps)
{
    struct ot_delta_header header;
    struct ot_digest digest;
    *out = NULL;
    if (patch->size < OT_DELTA_HEADER_BYTES)
        return OT_E_PATCH_TRUNCATED;
    enum ot_status st = ot_delta_header_read(patch->bytes, &header);
    if (st != OT_OK)
        return st;
    uint8_t *target = malloc(header.target_bytes);
    struct ot_delta *d = malloc(sizeof *d);
    uint8_t sector[OT_DELTA_SECTOR_BYTES];
    if (target == NULL || d == NULL) {
        st = OT_E_BUFFER;
    } else {
        struct delta_memory in = {.in = base != NULL ? base->bytes : NULL}, written = {.out = target};
        struct ot_delta_io io = {.base = delta_memory_source(&in, base != NULL ? base->size : 0),
                                 .written = delta_memory_source(&written, header.target_bytes),
                                 .target_max = header.target_bytes,
                                 .crypto = crypto_openssl(),
                                 .ctx = &written,
                                 .write = write_memory};
        if (base != NULL)
            delta_file_digest(base, &io.base_digest);
        ot_delta_start(d, &io, sector);
        st = ot_delta_feed(d, patch->bytes, patch->size);
        if (st == OT_OK)
            st = ot_delta_finish(d);
        ot_delta_cost(d, reads, steps);
    }
    if (st == OT_OK) {
        delta_file_digest(&(struct delta_file){.bytes = target, .size = header.target_bytes}, &digest);
        st = ot_digest_equal(&digest, &header.target_digest) ? OT_OK : OT_E_PATCH_RESULT;
    }
    free(d);
    if (st != OT_OK) {
        free(target);
        return st;
    }
    *out = target;
    *out_size = header.target_bytes;
    return OT_OK;
}

enum ot_status delta_apply(const struct delta_file *base, const struct delta_file *patch, uint8_t **out,
                           uint32_t *out_size)
{
    uint32_t reads, steps;
    return delta_apply_measured(base, patch, out, out_size, &reads, &steps);
}
