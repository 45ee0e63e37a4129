/* detools sequential patches: see detools.h. A number is sign and magnitude, six bits first, then seven at a time. */
#include "detools.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NONE = 0, CRLE = 2, HEATSHRINK = 4 };
#define HEATSHRINK_8_7 0x44
#define WINDOW         256u

/* The decompressed stream, a byte at a time; the first thing wrong stays. */
struct stream {
    const uint8_t *in;
    size_t len, at;
    int kind;
    const char *wrong;
    bool ended;
    /* heatshrink, and repeats of both: `left` more bytes from `distance` back, or copies */
    uint8_t window[WINDOW]; /* zero in the beginning, and encoders use that */
    unsigned head;
    unsigned bit; /* of in[at], from 7 downwards */
    uint64_t left;
    unsigned distance;
    bool literal; /* CRLE: the next `left` bytes are in the input */
    uint8_t repeated;
};

static uint8_t fail(struct stream *s, const char *wrong)
{
    if (s->wrong == NULL)
        s->wrong = wrong;
    return 0;
}

static uint8_t take(struct stream *s)
{
    if (s->at == s->len)
        return fail(s, "the patch ends too early");
    return s->in[s->at++];
}

/* --- heatshrink --- */

static size_t bits_left(const struct stream *s)
{
    return s->at == s->len ? 0 : (s->len - s->at - 1) * 8 + s->bit + 1;
}

static unsigned take_bits(struct stream *s, unsigned count)
{
    unsigned value = 0;
    for (; count > 0; count--) {
        value = value << 1 | (s->in[s->at] >> s->bit & 1u);
        s->bit = s->bit == 0 ? 7 : s->bit - 1;
        s->at += s->bit == 7 ? 1 : 0;
    }
    return value;
}

static uint8_t remember(struct stream *s, uint8_t byte)
{
    s->window[s->head++ % WINDOW] = byte;
    return byte;
}

/* What is no whole token must be the padding of the last byte. */
static bool only_padding(struct stream *s)
{
    size_t left = bits_left(s);
    if (left == 0)
        return true;
    if (left >= 9 && (s->in[s->at] >> s->bit & 1u) == 1)
        return false;
    if (left >= 16)
        return false;
    if (left >= 8 || take_bits(s, (unsigned)left) != 0)
        (void)fail(s, "a token is cut off");
    return true;
}

static uint8_t next_heatshrink(struct stream *s)
{
    if (s->left == 0) {
        if (only_padding(s)) {
            s->ended = true;
            return 0;
        }
        if (take_bits(s, 1) == 1)
            return remember(s, (uint8_t)take_bits(s, 8));
        s->distance = take_bits(s, 8) + 1;
        s->left = take_bits(s, 7) + 1;
    }
    s->left--;
    return remember(s, s->window[(s->head - s->distance) % WINDOW]);
}

/* --- CRLE --- */

static uint64_t take_unsigned(struct stream *s)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = take(s);
        value |= (uint64_t)(byte & 0x7Fu) << shift;
        if ((byte & 0x80u) == 0)
            return value;
    }
    return fail(s, "a number is too long");
}

static uint8_t next_crle(struct stream *s)
{
    while (s->left == 0 && s->wrong == NULL) {
        if (s->at == s->len) {
            s->ended = true;
            return 0;
        }
        uint8_t kind = take(s);
        s->left = take_unsigned(s);
        s->literal = kind == 0;
        if (kind > 1)
            (void)fail(s, "unknown kind of segment");
        if (kind == 1)
            s->repeated = take(s);
    }
    if (s->wrong != NULL)
        return 0;
    s->left--;
    return s->literal ? take(s) : s->repeated;
}

static uint8_t next_raw(struct stream *s)
{
    s->ended = s->at == s->len;
    return s->ended ? 0 : s->in[s->at++];
}

/* A byte, or `ended`. */
static uint8_t next(struct stream *s)
{
    if (s->wrong != NULL || s->ended)
        return 0;
    return s->kind == NONE ? next_raw(s) : s->kind == CRLE ? next_crle(s) : next_heatshrink(s);
}

static uint8_t need(struct stream *s)
{
    uint8_t byte = next(s);
    return s->ended ? fail(s, "the patch ends too early") : byte;
}

static int64_t need_number(struct stream *s)
{
    uint8_t byte = need(s);
    bool negative = (byte & 0x40u) != 0;
    int64_t value = byte & 0x3F;
    for (unsigned shift = 6; (byte & 0x80u) != 0; shift += 7) {
        if (shift > 27)
            return fail(s, "a number is too long");
        byte = need(s);
        value |= (int64_t)(byte & 0x7Fu) << shift;
    }
    if (value > 0x7FFFFFFF)
        return fail(s, "a number is too large");
    return negative ? -value : value;
}

static size_t need_size(struct stream *s, size_t most, const char *wrong)
{
    int64_t size = need_number(s);
    if (size < 0 || (uint64_t)size > most)
        return fail(s, wrong);
    return (size_t)size;
}

const char *detools_number(const uint8_t *bytes, size_t len, int64_t *value, size_t *used)
{
    struct stream s = {.in = bytes, .len = len, .kind = NONE};
    *value = need_number(&s);
    *used = s.at;
    return s.wrong;
}

/* --- the patch --- */

struct job {
    const uint8_t *base;
    size_t base_len, from;
    uint8_t *target;
    size_t target_len, to;
};

static void one_round(struct stream *s, struct job *j)
{
    size_t diff = need_size(s, j->target_len - j->to, "a difference goes beyond the target");
    if (diff > j->base_len - j->from)
        diff = fail(s, "a difference goes beyond the base");
    for (; diff > 0 && s->wrong == NULL; diff--)
        j->target[j->to++] = (uint8_t)(need(s) + j->base[j->from++]);
    size_t extra = need_size(s, j->target_len - j->to, "an insertion goes beyond the target");
    for (; extra > 0 && s->wrong == NULL; extra--)
        j->target[j->to++] = need(s);
    int64_t from = (int64_t)j->from + need_number(s);
    if (from < 0 || (uint64_t)from > j->base_len)
        from = fail(s, "an adjustment goes beyond the base");
    j->from = (size_t)from;
}

static void apply(struct stream *s, struct job *j, size_t rounds_most)
{
    if (need_number(s) != 0)
        (void)fail(s, "data format patches are not decoded");
    for (size_t rounds = 0; j->to < j->target_len && s->wrong == NULL; rounds++) {
        if (rounds == rounds_most)
            (void)fail(s, "too many empty rounds");
        one_round(s, j);
    }
    (void)next(s);
    if (!s->ended)
        (void)fail(s, "something is left over");
}

/* The first byte, the size, and for heatshrink its parameters. */
static size_t start(struct stream *s)
{
    uint8_t first = take(s);
    if ((first & 0xF0u) != 0)
        (void)fail(s, "not a sequential patch");
    s->kind = NONE;
    size_t to_size = need_size(s, DETOOLS_TARGET_MAX, "impossible target size");
    s->kind = first & 0x0F;
    s->bit = 7;
    if (s->kind != NONE && s->kind != CRLE && s->kind != HEATSHRINK)
        (void)fail(s, "unknown compression");
    if (s->kind == HEATSHRINK && s->wrong == NULL && to_size > 0 && take(s) != HEATSHRINK_8_7)
        (void)fail(s, "not window 8 and lookahead 7");
    return to_size;
}

const char *detools_apply(const uint8_t *patch, size_t patch_len, const uint8_t *base, size_t base_len,
                          uint8_t **target, size_t *target_len)
{
    struct stream s = {.in = patch, .len = patch_len};
    struct job j = {.base = base, .base_len = base_len};
    *target = NULL;
    *target_len = 0;
    j.target_len = start(&s);
    if (s.wrong == NULL && j.target_len == 0 && s.at != s.len)
        (void)fail(&s, "something is left over");
    if (s.wrong != NULL)
        return s.wrong;
    j.target = malloc(j.target_len + 1);
    if (j.target == NULL)
        return "out of memory";
    if (j.target_len > 0)
        apply(&s, &j, j.target_len + patch_len);
    if (s.wrong != NULL) {
        free(j.target);
        return s.wrong;
    }
    *target = j.target;
    *target_len = j.target_len;
    return NULL;
}

const char *detools_header(const uint8_t *file, size_t file_len, uint8_t base_digest[32])
{
    static const uint8_t magic[4] = {0x10, 0xDE, 0xCD, 0xFC};
    if (file_len < DETOOLS_HEADER_BYTES)
        return "the header ends too early";
    if (memcmp(file, magic, sizeof magic) != 0)
        return "not a patch file";
    for (size_t i = 36; i < DETOOLS_HEADER_BYTES; i++) {
        if (file[i] != 0)
            return "reserved bytes are set";
    }
    memcpy(base_digest, file + 4, 32);
    return NULL;
}
