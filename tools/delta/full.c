/* From one file to a patch without a base: compressed, or stored where that is no shorter. See tools/delta.h. */
#include "full.h"

#include "files.h"
#include "output.h"

#include "otaria/bytes.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK 1024u /* while the model learns fastest */

struct maker {
    const struct delta_file *target;
    const struct delta_listener *listener;
    struct delta_codec codec;
    struct delta_script script;
    struct delta_memory memory;
    struct ot_source written;
    uint8_t sector[DELTA_SECTOR];
    struct full_view view;
    struct full_window window;
    struct full_parser parser;
    uint32_t next; /* token */
    struct delta_output out;
};

static void give_token(void *ctx, uint32_t at, struct delta_token *out)
{
    struct maker *m = ctx;
    *out = m->parser.tokens[m->next++];
    out->byte = m->view.bytes[at];
}

static void prepare(struct maker *m, const struct ot_delta_header *h)
{
    struct delta_codec *c = &m->codec;
    m->memory = (struct delta_memory){.in = m->target->bytes};
    m->written = delta_memory_source(&m->memory, m->target->size);
    m->script = (struct delta_script){.ctx = m, .target = m->target->bytes, .token = give_token};
    m->next = 0;
    memset(c, 0, sizeof *c);
    c->base.chip = h->has_chip ? delta_chip_by_id(h->chip_id) : NULL;
    c->target.size = h->target_bytes;
    c->sector = m->sector;
    c->write = delta_output_discard;
    c->script = &m->script;
    delta_lines_start(&c->target_lines, &m->written);
    delta_full_start(c);
}

static void begin_output(struct maker *m, const struct ot_delta_header *h)
{
    m->out.size = 0;
    delta_output_put_header(&m->out, h);
    delta_coder_start(&m->codec.coder, delta_output_put, &m->out);
}

/* Parse a block, code it, and so on: the model that prices a block has learnt all before it. */
static enum ot_status compress(struct maker *m, const struct ot_delta_header *h)
{
    struct delta_codec *c = &m->codec;
    uint32_t block = FIRST_BLOCK, size = m->target->size;
    prepare(m, h);
    bool ok = full_view_start(&m->view, m->target, c) && full_window_start(&m->window, &m->view) &&
              full_parser_start(&m->parser, &m->view, &m->window, c);
    if (!ok)
        return OT_E_BUFFER;
    prepare(m, h);
    begin_output(m, h);
    for (uint32_t at = 0; at < size && c->failure == OT_OK; block = block < FULL_BLOCK ? 2u * block : block) {
        uint32_t end = size - at < block ? size : at + block;
        full_parse(&m->parser, at, end - at);
        m->next = 0;
        while (delta_full_position(c) < end && c->failure == OT_OK)
            delta_full_step(c);
        if (m->listener != NULL)
            m->listener->progress(m->listener->ctx, (unsigned)((uint64_t)end * 95u / size));
        at = end;
    }
    delta_coder_finish(&c->coder);
    return m->out.failed ? OT_E_BUFFER : c->failure;
}

static enum ot_status store(struct maker *m, const struct ot_delta_header *h)
{
    prepare(m, h);
    begin_output(m, h);
    m->codec.phase = DELTA_STORED;
    while (m->codec.phase != DELTA_DONE)
        delta_stored_step(&m->codec);
    delta_coder_finish(&m->codec.coder);
    return m->out.failed ? OT_E_BUFFER : m->codec.failure;
}

static void fill_header(struct ot_delta_header *h, const struct delta_file *target)
{
    bool is_image = target->size >= OT_IMAGE_HEADER_BYTES && target->bytes[0] == OT_IMAGE_MAGIC;
    uint16_t chip = is_image ? ot_load16(target->bytes + 12) : 0;
    bool is_known = is_image && delta_chip_by_id(chip) != NULL;
    *h = (struct ot_delta_header){.method = OT_DELTA_FULL,
                                  .profile = 1,
                                  .has_chip = is_known,
                                  .chip_id = is_known ? chip : 0,
                                  .target_bytes = target->size};
    delta_file_digest(target, &h->target_digest);
}

static enum ot_status make(struct maker *m, struct delta_patch *patch)
{
    enum ot_status st = compress(m, &patch->header);
    if (st == OT_OK && m->out.size >= OT_DELTA_HEADER_BYTES + m->target->size) {
        patch->header.method = OT_DELTA_STORED;
        patch->header.has_chip = false;
        patch->header.chip_id = 0;
        st = store(m, &patch->header);
    }
    patch->bytes = m->out.bytes;
    patch->size = m->out.size;
    return st == OT_OK ? delta_prove(NULL, m->target, patch) : st;
}

enum ot_status delta_make_full_told(const struct delta_file *target, const struct delta_listener *listener,
                                    struct delta_patch *patch)
{
    *patch = (struct delta_patch){0};
    if (target->size > OT_IMAGE_SPACE_MAX || target->size == 0)
        return OT_E_IMAGE_TOO_LARGE;
    struct maker *m = calloc(1, sizeof *m);
    if (m == NULL)
        return OT_E_BUFFER;
    m->target = target;
    m->listener = listener;
    fill_header(&patch->header, target);
    enum ot_status st = make(m, patch);
    if (st != OT_OK)
        delta_patch_free(patch);
    else if (listener != NULL)
        listener->progress(listener->ctx, 100);
    full_parser_free(&m->parser);
    full_window_free(&m->window);
    full_view_free(&m->view);
    free(m);
    return st;
}

enum ot_status delta_make_full(const struct delta_file *target, struct delta_patch *patch)
{
    return delta_make_full_told(target, NULL, patch);
}
