/* See output.h. */
#include "output.h"

#include "files.h"

#include <stdlib.h>

void delta_output_put(void *output, uint8_t byte)
{
    struct delta_output *o = output;
    if (o->size == o->room) {
        uint32_t room = o->room * 2u + 4096u;
        uint8_t *more = realloc(o->bytes, room);
        if (more == NULL) {
            o->failed = true;
            return;
        }
        o->bytes = more;
        o->room = room;
    }
    o->bytes[o->size++] = byte;
}

void delta_output_put_header(struct delta_output *o, const struct ot_delta_header *h)
{
    uint8_t header[OT_DELTA_HEADER_BYTES];
    ot_delta_header_write(h, header);
    for (uint32_t i = 0; i < sizeof header; i++)
        delta_output_put(o, header[i]);
}

enum ot_status delta_output_discard(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    (void)ctx;
    (void)offset;
    (void)bytes;
    (void)len;
    return OT_OK;
}

enum ot_status delta_prove(const struct delta_file *base, const struct delta_file *target,
                           struct delta_patch *patch)
{
    struct delta_file made = {.bytes = patch->bytes, .size = patch->size};
    uint8_t *result;
    uint32_t size;
    enum ot_status st =
        delta_apply_measured(base, &made, &result, &size, &patch->decoder_reads, &patch->decoder_steps);
    if (st == OT_OK && (size != target->size || memcmp(result, target->bytes, size) != 0))
        st = OT_E_PATCH_RESULT;
    free(result);
    return st == OT_OK || st == OT_E_BUFFER ? st : OT_E_PATCH_RESULT;
}
