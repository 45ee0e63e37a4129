/* One pass over an image's content: XOR checksum, identity, the digest a signature covers; and a file's shape. */
#include "otaria/trust.h"

#include <string.h>

#define CHECKSUM_START 0xEFu

struct pass {
    const struct ot_source *src;
    const struct ot_image *image;
    const struct ot_crypto *crypto;
    uint8_t *scratch;
    uint32_t scratch_len;
    struct ot_sha256 hash; /* over everything so far */
    uint8_t checksum;
};

/* XOR of the part of [offset, offset+len) that lies in segment data. Segments are in file order. */
static void checksum_chunk(struct pass *p, uint32_t offset, uint32_t len)
{
    uint8_t sum = p->checksum; /* not through a pointer that may alias the bytes: several at a time */
    for (uint32_t s = 0; s < p->image->segment_count; s++) {
        const struct ot_segment *segment = &p->image->segments[s];
        uint32_t from = segment->offset > offset ? segment->offset : offset;
        uint32_t to = segment->offset + segment->length;
        if (to > offset + len)
            to = offset + len;
        for (uint32_t i = from; i < to; i++)
            sum ^= p->scratch[i - offset];
    }
    p->checksum = sum;
}

static enum ot_status hash_range(struct pass *p, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint32_t n = to - from < p->scratch_len ? to - from : p->scratch_len;
        enum ot_status st = ot_source_read(p->src, from, p->scratch, n);
        if (st != OT_OK)
            return st;
        p->crypto->sha256_update(p->crypto->ctx, &p->hash, p->scratch, n);
        checksum_chunk(p, from, n);
        from += n;
    }
    return OT_OK;
}

/* [length, signature_offset): read what is there, FF where an unsigned file ends early. */
static enum ot_status hash_padding(struct pass *p)
{
    uint32_t from = p->image->length, to = p->image->signature_offset;
    uint32_t have = p->src->size < to ? p->src->size : to;
    enum ot_status st = hash_range(p, from, have);
    if (st != OT_OK)
        return st;
    memset(p->scratch, 0xFF, p->scratch_len);
    for (from = have; from < to;) {
        uint32_t n = to - from < p->scratch_len ? to - from : p->scratch_len;
        p->crypto->sha256_update(p->crypto->ctx, &p->hash, p->scratch, n);
        from += n;
    }
    return OT_OK;
}

enum ot_status ot_image_hash(const struct ot_source *src, const struct ot_image *image,
                             const struct ot_crypto *crypto, uint8_t *scratch, uint32_t scratch_len,
                             struct ot_image_digests *out)
{
    struct pass p = {.src = src,
                     .image = image,
                     .crypto = crypto,
                     .scratch = scratch,
                     .scratch_len = scratch_len,
                     .checksum = CHECKSUM_START};
    uint8_t tail[OT_DIGEST_BYTES];
    struct ot_digest identity;
    memset(out, 0, sizeof *out);
    if (scratch_len < 64)
        return OT_E_ARGUMENT;
    if (!image->has_digest)
        return OT_E_IMAGE_NO_DIGEST;
    crypto->sha256_start(crypto->ctx, &p.hash);
    enum ot_status st = hash_range(&p, 0, image->digest_offset);
    if (st == OT_OK)
        st = ot_source_read(src, image->digest_offset - 1, tail, 1);
    if (st != OT_OK)
        return st;
    if (tail[0] != p.checksum)
        return OT_E_IMAGE_CHECKSUM;
    struct ot_sha256 so_far = p.hash;
    crypto->sha256_finish(crypto->ctx, &so_far, &identity);
    st = ot_source_read(src, image->digest_offset, tail, sizeof tail);
    if (st != OT_OK)
        return st;
    if (memcmp(tail, identity.bytes, sizeof tail) != 0)
        return OT_E_IMAGE_DIGEST;
    crypto->sha256_update(crypto->ctx, &p.hash, tail, sizeof tail);
    st = hash_padding(&p);
    if (st != OT_OK)
        return st;
    crypto->sha256_finish(crypto->ctx, &p.hash, &out->covered);
    out->identity = identity; /* only now: a refused image has no identity */
    return OT_OK;
}

/* Is all of [from, to) FF? */
static enum ot_status check_padding(const struct ot_source *src, uint32_t from, uint32_t to)
{
    uint8_t pad[64];
    while (from < to) {
        uint32_t n = to - from < sizeof pad ? to - from : sizeof pad;
        enum ot_status st = ot_source_read(src, from, pad, n);
        if (st != OT_OK)
            return st;
        for (uint32_t i = 0; i < n; i++) {
            if (pad[i] != 0xFF)
                return OT_E_IMAGE_PADDING;
        }
        from += n;
    }
    return OT_OK;
}

/* The file ends somewhere else: in the middle of a signature sector, or it just goes on. */
static enum ot_status name_bad_end(const struct ot_source *src, const struct ot_image *image)
{
    uint8_t first = 0;
    if (src->size <= image->signature_offset || src->size > image->signature_offset + OT_SECTOR_BYTES)
        return OT_E_IMAGE_TRAILING;
    enum ot_status st = ot_source_read(src, image->signature_offset, &first, 1);
    if (st != OT_OK)
        return st;
    return first == OT_SIG_MAGIC ? OT_E_IMAGE_TRUNCATED : OT_E_IMAGE_TRAILING;
}

enum ot_status ot_image_file_shape(const struct ot_source *src, const struct ot_image *image, bool *is_signed)
{
    *is_signed = false;
    if (src->size < image->length)
        return OT_E_IMAGE_TRUNCATED;
    if (src->size == image->length)
        return OT_OK;
    if (src->size != image->signature_offset + OT_SECTOR_BYTES)
        return name_bad_end(src, image);
    *is_signed = true;
    return check_padding(src, image->length, image->signature_offset);
}
