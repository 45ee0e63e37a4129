/* Header and push-style driving of the codec. See otaria/delta.h. */
#include "otaria/delta.h"

#include "otaria/bytes.h"
#include "otaria/delta/codec.h"

#include <string.h>

#define INPUT_BYTES 512u
/* A step takes at most DELTA_STEP_BITS bits of two bytes each (probabilities are 2/65536 or more), and what the coder holds. */
#define STEP_BYTES  (2u * DELTA_STEP_BITS + 8u)
#define MISSING_MAX 4u /* bytes that the coder looks ahead */

struct decoder {
    struct delta_codec codec;
    struct ot_delta_io io;
    struct ot_delta_header header;
    bool is_open;
    uint32_t held;
    uint8_t input[INPUT_BYTES];
};

_Static_assert(sizeof(struct decoder) <= sizeof(struct ot_delta), "OT_DELTA_CONTEXT_BYTES");

static struct decoder *decoder_of(struct ot_delta *d)
{
    return (struct decoder *)(void *)d->opaque;
}

static const uint8_t magic[4] = {'O', 't', 'P', 1};

enum { FLAG_CHIP = 1, FLAG_DIGEST = 2, FLAG_SIGNED = 4, FLAGS_UNKNOWN = 8 };

static bool is_signable(uint32_t bytes)
{
    return bytes % OT_DELTA_SECTOR_BYTES == 0 && bytes > OT_DELTA_SECTOR_BYTES;
}

/* A patch without a base says nothing of one, and its signature sector is bytes like others. */
static bool is_sane(const struct ot_delta_header *h)
{
    static const struct ot_digest none;
    if (h->base_bytes > OT_IMAGE_SPACE_MAX || h->target_bytes > OT_IMAGE_SPACE_MAX || h->target_bytes == 0 ||
        (!h->has_chip && h->chip_id != 0))
        return false;
    if (h->method == OT_DELTA_CODED)
        return !h->is_signed || is_signable(h->target_bytes);
    return h->base_bytes == 0 && ot_digest_equal(&h->base_digest, &none) && !h->is_signed && !h->has_digest;
}

enum ot_status ot_delta_header_read(const uint8_t b[OT_DELTA_HEADER_BYTES], struct ot_delta_header *out)
{
    if (memcmp(b, magic, 3) != 0)
        return OT_E_PATCH_MAGIC;
    if (b[3] != magic[3] || b[4] < OT_DELTA_CODED || b[4] > OT_DELTA_STORED || b[5] >> 4 != 1)
        return OT_E_PATCH_VERSION;
    out->method = b[4];
    out->profile = b[5] >> 4;
    out->has_chip = (b[5] & FLAG_CHIP) != 0;
    out->has_digest = (b[5] & FLAG_DIGEST) != 0;
    out->is_signed = (b[5] & FLAG_SIGNED) != 0;
    out->chip_id = ot_load16(b + 6);
    out->base_bytes = ot_load32(b + 8);
    out->target_bytes = ot_load32(b + 12);
    memcpy(out->base_digest.bytes, b + 16, OT_DIGEST_BYTES);
    memcpy(out->target_digest.bytes, b + 48, OT_DIGEST_BYTES);
    return (b[5] & FLAGS_UNKNOWN) == 0 && is_sane(out) ? OT_OK : OT_E_PATCH_FORMAT;
}

void ot_delta_header_write(const struct ot_delta_header *h, uint8_t b[OT_DELTA_HEADER_BYTES])
{
    memcpy(b, magic, 4);
    b[4] = h->method;
    b[5] = (uint8_t)(h->profile << 4 | (h->has_chip ? FLAG_CHIP : 0) | (h->has_digest ? FLAG_DIGEST : 0) |
                     (h->is_signed ? FLAG_SIGNED : 0));
    ot_store16(b + 6, h->chip_id);
    ot_store32(b + 8, h->base_bytes);
    ot_store32(b + 12, h->target_bytes);
    memcpy(b + 16, h->base_digest.bytes, OT_DIGEST_BYTES);
    memcpy(b + 48, h->target_digest.bytes, OT_DIGEST_BYTES);
}

void ot_delta_start(struct ot_delta *delta, const struct ot_delta_io *io, uint8_t *sector)
{
    struct decoder *d = decoder_of(delta);
    memset(d, 0, sizeof *d);
    d->io = *io;
    d->codec.sector = sector;
    d->codec.write = io->write;
    d->codec.write_ctx = io->ctx;
}

/* Without a base: only the chip is told, and the target's own headers tell the rest. */
static enum ot_status open_full(struct decoder *d)
{
    d->codec.base.chip = d->header.has_chip ? delta_chip_by_id(d->header.chip_id) : NULL;
    if (d->header.has_chip && d->codec.base.chip == NULL)
        return OT_E_PATCH_VERSION;
    delta_lines_start(&d->codec.target_lines, &d->io.written);
    delta_full_start(&d->codec);
    if (d->header.method == OT_DELTA_STORED)
        d->codec.phase = DELTA_STORED;
    return OT_OK;
}

static bool has_its_base(const struct decoder *d)
{
    return d->header.method != OT_DELTA_CODED ||
           (ot_digest_equal(&d->header.base_digest, &d->io.base_digest) &&
            d->header.base_bytes <= d->io.base.size);
}

static enum ot_status open_coded(struct decoder *d)
{
    d->io.base.size = d->header.base_bytes; /* a slot holds more behind it */
    d->codec.body_end = d->header.target_bytes - (d->header.is_signed ? OT_DELTA_SECTOR_BYTES : 0u);
    d->codec.crypto = d->io.crypto;
    d->codec.has_digest = d->header.has_digest;
    d->codec.identity = d->header.target_digest;
    enum ot_status st = delta_layout_read(&d->codec.base, &d->io.base, d->header.has_chip, d->header.chip_id);
    if (st == OT_OK)
        delta_codec_start(&d->codec, &d->io.base, &d->io.written, NULL);
    return st;
}

static enum ot_status open_patch(struct decoder *d)
{
    enum ot_status st = ot_delta_header_read(d->input, &d->header);
    if (st != OT_OK)
        return st;
    if (!has_its_base(d))
        return OT_E_PATCH_BASE;
    if (d->header.target_bytes > d->io.target_max)
        return OT_E_IMAGE_TOO_LARGE;
    d->codec.target.size = d->header.target_bytes;
    st = d->header.method == OT_DELTA_CODED ? open_coded(d) : open_full(d);
    if (st != OT_OK)
        return st;
    delta_coder_start(&d->codec.coder, NULL, NULL);
    d->is_open = true;
    d->codec.coder.in = d->input + OT_DELTA_HEADER_BYTES;
    d->codec.coder.in_len = d->held - OT_DELTA_HEADER_BYTES;
    delta_coder_prime(&d->codec.coder);
    return OT_OK;
}

static bool is_within_work(const struct delta_codec *c)
{
    return c->parser.steps / OT_DELTA_STEPS_PER_BYTE <= c->at + OT_DELTA_STEPS_BASE / OT_DELTA_STEPS_PER_BYTE;
}

/* Steps while the input surely holds what the next one takes; to the end when no more will come. */
static enum ot_status run(struct decoder *d, bool is_last)
{
    struct delta_codec *c = &d->codec;
    while (c->failure == OT_OK && c->phase != DELTA_DONE && (is_last || c->coder.in_len >= STEP_BYTES)) {
        delta_codec_step(c);
        if (c->coder.missing > MISSING_MAX)
            delta_fail(c, OT_E_PATCH_TRUNCATED);
        if (!is_within_work(c))
            delta_fail(c, OT_E_PATCH_WORK);
    }
    return c->failure;
}

static uint32_t take(struct decoder *d, const uint8_t *bytes, uint32_t len)
{
    uint32_t n = INPUT_BYTES - d->held < len ? INPUT_BYTES - d->held : len;
    memcpy(d->input + d->held, bytes, n);
    d->held += n;
    return n;
}

/* What the coder has not used moves to the front. */
static void compact(struct decoder *d)
{
    struct delta_coder *c = &d->codec.coder;
    memmove(d->input, c->in, c->in_len);
    d->held = c->in_len;
    c->in = d->input;
}

enum ot_status ot_delta_feed(struct ot_delta *delta, const uint8_t *bytes, uint32_t len)
{
    struct decoder *d = decoder_of(delta);
    enum ot_status st = d->codec.failure;
    while (st == OT_OK && len > 0) {
        if (d->is_open) {
            compact(d);
            if (d->codec.phase == DELTA_DONE && d->held > 0)
                st = OT_E_PATCH_TRAILING;
        }
        uint32_t n = take(d, bytes, len);
        bytes += n;
        len -= n;
        if (!d->is_open && d->held >= OT_DELTA_HEADER_BYTES + 4u && st == OT_OK)
            st = open_patch(d);
        else if (d->is_open)
            d->codec.coder.in_len = d->held;
        if (st == OT_OK && d->is_open)
            st = run(d, false);
    }
    if (st != OT_OK)
        delta_fail(&d->codec, st);
    return st;
}

/* The maker ends with one byte, or none where zeros do: so many of the four looked ahead are missing, no more, no less. */
static enum ot_status check_end(const struct delta_coder *c)
{
    uint32_t due = c->low != 0 ? MISSING_MAX - 1u : MISSING_MAX;
    if (c->in_len > 0 || c->missing < due)
        return OT_E_PATCH_TRAILING;
    return c->missing > due ? OT_E_PATCH_TRUNCATED : OT_OK;
}

enum ot_status ot_delta_finish(struct ot_delta *delta)
{
    struct decoder *d = decoder_of(delta);
    enum ot_status st = d->codec.failure;
    if (st == OT_OK && !d->is_open)
        st = d->held < OT_DELTA_HEADER_BYTES ? OT_E_PATCH_TRUNCATED : open_patch(d);
    if (st == OT_OK)
        st = run(d, true);
    if (st == OT_OK)
        st = check_end(&d->codec.coder);
    if (st != OT_OK)
        delta_fail(&d->codec, st);
    return st;
}

uint32_t ot_delta_produced(const struct ot_delta *delta)
{
    const struct decoder *d = (const struct decoder *)(const void *)delta->opaque;
    return d->codec.at;
}

void ot_delta_cost(const struct ot_delta *delta, uint32_t *reads, uint32_t *steps)
{
    const struct decoder *d = (const struct decoder *)(const void *)delta->opaque;
    *reads = d->codec.target_lines.reads + (d->codec.base.size != 0 ? d->codec.base_reader.lines.reads : 0);
    *steps = d->codec.parser.steps;
}
