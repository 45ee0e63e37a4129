/* From two files to a patch: analyse, match twice, map, code, prove. See tools/delta.h. */
#include "analysis.h"
#include "files.h"
#include "mapping.h"
#include "matcher.h"
#include "output.h"

#include "base/crypto_openssl.h"
#include "otaria/bytes.h"
#include "otaria/trust.h"

#include <stdlib.h>

#define NOISE_PERCENT 88u /* of the most entropy so few bytes can show */

/* --- the script: operations, made to fit where copies really end --- */

struct plan {
    const struct delta_analysis *base;
    const struct delta_ops *ops;
    const uint8_t *target;
    uint32_t next;    /* operation to come */
    uint32_t planned; /* target offset where the operations so far end */
};

static uint8_t phase_at(const struct delta_analysis *base, uint32_t old)
{
    uint8_t phase = 0;
    while (phase < DELTA_PHASE_MAX && old + phase < base->size && base->kinds[old + phase] == DELTA_NO_UNIT &&
           delta_layout_at(&base->layout, old + phase) != NULL)
        phase++;
    return phase;
}

/* The copy before may have gone on to the end of a unit: what it has eaten is missing here. */
static void next_operation(void *ctx, uint32_t at, struct delta_copy *out)
{
    struct plan *p = ctx;
    uint32_t inserted = 0;
    *out = (struct delta_copy){0};
    while (p->next < p->ops->count) {
        const struct delta_op *op = &p->ops->list[p->next++];
        uint32_t begin = p->planned + op->inserted, end = begin + op->length;
        p->planned = end;
        if (end <= at) /* eaten whole */
            continue;
        uint32_t skip = at > begin ? at - begin : 0;
        inserted = begin > at ? begin - at : 0;
        *out = (struct delta_copy){.inserted = inserted, .old = op->old + skip};
        out->phase = phase_at(p->base, out->old);
        return;
    }
}

static bool is_over(void *ctx, uint32_t at)
{
    const struct plan *p = ctx;
    return at >= p->planned;
}

/* Their own frequencies would hardly save anything, even if they were known. */
static bool is_noise(void *ctx, uint32_t at, uint32_t len)
{
    const struct plan *p = ctx;
    uint32_t counts[256] = {0}, bits16 = 0;
    for (uint32_t i = 0; i < len; i++)
        counts[p->target[at + i]]++;
    for (unsigned v = 0; v < 256; v++)
        bits16 += counts[v] == 0 ? 0 : counts[v] * (delta_log2(len, 16) - delta_log2(counts[v], 16));
    return bits16 * 100u >= len * delta_log2(len < 256 ? len : 256, 16) * NOISE_PERCENT;
}

/* --- coding --- */

static struct delta_codec *codec_for(const struct delta_analysis *base, const struct delta_analysis *target,
                                     const struct delta_mapping *map, const struct ot_delta_header *h)
{
    struct delta_codec *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->base = base->layout;
    c->target = target->layout;
    c->target.size = h->target_bytes;
    c->gp_base = base->gp;
    c->gp_target = target->gp;
    c->body_end = target->size;
    c->crypto = crypto_openssl();
    c->has_digest = h->has_digest;
    c->identity = h->target_digest;
    c->map_wanted = map->count;
    for (uint32_t i = 0; i < map->count; i++)
        delta_map_set(&c->map, i, map->entries[i]);
    return c;
}

static enum ot_status code(const struct delta_analysis *base, const struct delta_analysis *target,
                           const struct delta_ops *ops, const struct delta_mapping *map,
                           const struct ot_delta_header *h, struct delta_output *out)
{
    struct plan plan = {.base = base, .ops = ops, .target = target->bytes};
    struct delta_script script = {.ctx = &plan,
                                  .target = target->bytes,
                                  .next = next_operation,
                                  .is_noise = is_noise,
                                  .is_over = is_over};
    struct delta_memory in = {.in = base->bytes}, written = {.in = target->bytes}; /* the whole target */
    struct ot_source base_source = delta_memory_source(&in, base->size);
    struct ot_source written_source = delta_memory_source(&written, h->target_bytes);
    uint8_t sector[DELTA_SECTOR];
    struct delta_codec *c = codec_for(base, target, map, h);
    if (c == NULL)
        return OT_E_BUFFER;
    c->sector = sector;
    c->write = delta_output_discard;
    delta_coder_start(&c->coder, delta_output_put, out);
    delta_codec_start(c, &base_source, &written_source, &script);
    while (c->phase != DELTA_DONE && c->failure == OT_OK)
        delta_codec_step(c);
    delta_coder_finish(&c->coder);
    enum ot_status st = out->failed ? OT_E_BUFFER : c->failure;
    free(c);
    return st;
}

/* --- headers --- */

/* Both are images of one chip, laid out one segment behind the other: the codec can follow them. */
static bool layouts(const struct delta_file *base, const struct delta_file *target, struct delta_layout *b,
                    struct delta_layout *t)
{
    struct delta_memory base_memory = {.in = base->bytes}, target_memory = {.in = target->bytes};
    struct ot_source bs = delta_memory_source(&base_memory, base->size);
    struct ot_source ts = delta_memory_source(&target_memory, target->size);
    uint16_t chip = base->size >= OT_IMAGE_HEADER_BYTES ? ot_load16(base->bytes + 12) : 0;
    if (delta_layout_read(b, &bs, true, chip) == OT_OK && delta_layout_read(t, &ts, true, chip) == OT_OK)
        return true;
    *b = (struct delta_layout){.size = base->size};
    *t = (struct delta_layout){.size = target->size};
    return false;
}

static void fill_header(struct ot_delta_header *h, const struct delta_file *base,
                        const struct delta_file *target, const struct delta_layout *t)
{
    *h = (struct ot_delta_header){.method = OT_DELTA_CODED,
                                  .profile = 1,
                                  .has_chip = t->chip != NULL,
                                  .chip_id = t->chip != NULL ? t->chip->id : 0,
                                  .base_bytes = base->size,
                                  .target_bytes = target->size};
    delta_file_digest(base, &h->base_digest);
    delta_file_digest(target, &h->target_digest);
    if (t->count == 0)
        return;
    uint32_t end = (t->segments[t->count - 1].offset + t->segments[t->count - 1].length) / 16u * 16u + 16u;
    h->has_digest = end + OT_DIGEST_BYTES <= target->size &&
                    memcmp(target->bytes + end, h->target_digest.bytes, OT_DIGEST_BYTES) == 0;
}

/* Always true: a link in a chain of stages. */
static bool tell(const struct delta_listener *listener, unsigned percent)
{
    if (listener != NULL)
        listener->progress(listener->ctx, percent);
    return true;
}

static enum ot_status find_and_code(const struct delta_analysis *b, const struct delta_analysis *t,
                                    const struct ot_delta_header *h, const struct delta_symbols *symbols,
                                    const struct delta_listener *listener, struct delta_output *out,
                                    struct delta_patch *patch)
{
    struct delta_ops ops = {0};
    struct delta_mapping *map = calloc(1, sizeof *map);
    struct delta_matcher matcher = {0};
    struct delta_anchors anchors = {0};
    bool ok = map != NULL && delta_symbols_anchors(symbols, &b->layout, &t->layout, &anchors) &&
              (symbols == NULL || delta_mapping_of_symbols(symbols, &b->layout, map)) &&
              delta_matcher_start(&matcher, b, t, &anchors) && tell(listener, 35) &&
              delta_match(&matcher, symbols != NULL ? map : NULL, &ops) &&
              delta_mapping_find(b, t, &ops, map) && tell(listener, 50) && delta_match(&matcher, map, &ops) &&
              delta_mapping_find(b, t, &ops, map) && tell(listener, 65);
    enum ot_status st = ok ? code(b, t, &ops, map, h, out) : OT_E_BUFFER;
    if (ok) {
        patch->operations = ops.count;
        patch->map_entries = map->count;
        patch->inserted_bytes = 0;
        for (uint32_t i = 0; i < ops.count; i++)
            patch->inserted_bytes += ops.list[i].inserted;
    }
    delta_matcher_free(&matcher);
    free(anchors.list);
    free(map);
    free(ops.list);
    return st;
}

static bool ends_in_signatures(const struct delta_file *target)
{
    return target->size > DELTA_SECTOR && target->size % DELTA_SECTOR == 0 &&
           target->bytes[target->size - DELTA_SECTOR] == OT_SIG_MAGIC;
}

/* How names are used, if at all: where copies begin and references go, and to tell apart what references go to. */
struct names {
    const struct delta_symbols *symbols; /* NULL: not */
    bool label;
};

/* Everything for one header; `patch` holds the result when OT_OK. */
static enum ot_status make(const struct delta_file *base, const struct delta_file *target,
                           const struct delta_layout *bl, const struct delta_layout *tl, struct names names,
                           const struct delta_listener *listener, struct delta_patch *patch)
{
    struct delta_analysis b = {0}, t = {0};
    struct delta_output out = {0};
    uint32_t body = target->size - (patch->header.is_signed ? DELTA_SECTOR : 0);
    delta_output_put_header(&out, &patch->header);
    enum ot_status st = OT_E_BUFFER;
    tell(listener, 0);
    if (delta_analyse(&b, base->bytes, base->size, bl, names.label ? &names.symbols->old : NULL) &&
        delta_analyse(&t, target->bytes, body, tl, names.label ? &names.symbols->now : NULL))
        st = find_and_code(&b, &t, &patch->header, names.symbols, listener, &out, patch);
    delta_analysis_free(&b);
    delta_analysis_free(&t);
    patch->bytes = out.bytes;
    patch->size = out.size;
    tell(listener, 85);
    if (st == OT_OK)
        st = delta_prove(base, target, patch);
    if (st != OT_OK)
        delta_patch_free(patch);
    else
        tell(listener, 100);
    return st;
}

static enum ot_status make_once(const struct delta_file *base, const struct delta_file *target,
                                struct names names, const struct delta_listener *listener,
                                struct delta_patch *patch)
{
    struct delta_layout base_layout, target_layout;
    *patch = (struct delta_patch){0};
    if (base->size > OT_IMAGE_SPACE_MAX || target->size > OT_IMAGE_SPACE_MAX || base->size == 0 ||
        target->size == 0)
        return OT_E_IMAGE_TOO_LARGE;
    (void)layouts(base, target, &base_layout, &target_layout);
    fill_header(&patch->header, base, target, &target_layout);
    patch->header.is_signed = patch->header.has_digest && ends_in_signatures(target);
    enum ot_status st = make(base, target, &base_layout, &target_layout, names, listener, patch);
    if (st != OT_E_PATCH_RESULT || !patch->header.is_signed)
        return st;
    patch->header.is_signed =
        false; /* a sector that is not what its keys make of it: coded like other bytes */
    return make(base, target, &base_layout, &target_layout, names, listener, patch);
}

enum ot_status delta_make_told(const struct delta_file *base, const struct delta_file *target,
                               const struct delta_listener *listener, struct delta_patch *patch)
{
    return make_once(base, target, (struct names){0}, listener, patch);
}

/* --- with names --- */

int delta_symbols_load(const struct delta_file *base, const struct delta_file *target,
                       const struct delta_named elf[2], const char *const image_names[2],
                       struct delta_symbols **out, struct error *err)
{
    struct delta_elf files[2] = {{0}};
    struct delta_layout layout[2];
    const uint8_t *images[2] = {base->bytes, target->bytes};
    *out = NULL;
    (void)layouts(base, target, &layout[0], &layout[1]);
    int failed = 0;
    for (unsigned i = 0; i < 2 && failed == 0; i++)
        failed = delta_elf_read(&files[i], elf[i].name, elf[i].bytes, elf[i].size, err) != 0 ||
                 delta_elf_matches(&files[i], elf[i].name, images[i], image_names[i], &layout[i], err) != 0;
    if (failed == 0) {
        *out = malloc(sizeof **out);
        if (*out == NULL || !delta_symbols_pair(*out, &files[0], &files[1])) {
            free(*out);
            *out = NULL;
            failed = error_set(err, "no memory");
        }
    }
    delta_elf_free(&files[0]);
    delta_elf_free(&files[1]);
    return failed != 0 ? -1 : 0;
}

uint32_t delta_symbols_count(const struct delta_symbols *s)
{
    return s->old.count;
}

void delta_symbols_drop(struct delta_symbols *s)
{
    if (s != NULL)
        delta_symbols_free(s);
    free(s);
}

/* Several makings, one behind the other, as one. */
struct stage {
    const struct delta_listener *listener;
    unsigned index, count;
};

static void tell_stage(void *ctx, unsigned percent)
{
    const struct stage *s = ctx;
    s->listener->progress(s->listener->ctx, (100u * s->index + percent) / s->count);
}

static void keep_smaller(struct delta_patch *kept, struct delta_patch *made)
{
    if (made->size < kept->size) {
        struct delta_patch swapped = *kept;
        *kept = *made;
        *made = swapped;
    }
    delta_patch_free(made);
}

/* Names help in two ways that do not always go together: all are tried. */
enum ot_status delta_make_named(const struct delta_file *base, const struct delta_file *target,
                                const struct delta_symbols *symbols, const struct delta_listener *listener,
                                struct delta_patch *patch)
{
    const struct names ways[] = {{NULL, false}, {symbols, true}, {symbols, false}};
    const unsigned count = sizeof ways / sizeof ways[0];
    uint32_t without = 0;
    enum ot_status st = OT_OK;
    for (unsigned i = 0; i < count && st == OT_OK; i++) {
        struct stage stage = {.listener = listener, .index = i, .count = count};
        struct delta_listener told = {.progress = tell_stage, .ctx = &stage};
        struct delta_patch made;
        st = make_once(base, target, ways[i], listener != NULL ? &told : NULL, i == 0 ? patch : &made);
        if (i == 0)
            without = patch->size;
        else if (st == OT_OK)
            keep_smaller(patch, &made);
        else
            delta_patch_free(patch);
    }
    patch->without_symbols = without;
    return st;
}

enum ot_status delta_make(const struct delta_file *base, const struct delta_file *target,
                          struct delta_patch *patch)
{
    return delta_make_told(base, target, NULL, patch);
}

void delta_patch_free(struct delta_patch *p)
{
    free(p->bytes);
    p->bytes = NULL;
    p->size = 0;
}
