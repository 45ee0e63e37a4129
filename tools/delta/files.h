/** Files in memory as sources of core. Private to tools/delta. */
#ifndef TOOLS_DELTA_FILES_H
#define TOOLS_DELTA_FILES_H

#include "otaria/image.h"
#include "tools/delta.h"

#include <string.h>

struct delta_memory {
    const uint8_t *in;
    uint8_t *out; /* when written to as well */
};

static inline enum ot_status delta_memory_read(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct delta_memory *m = ctx;
    memcpy(buf, (m->out != NULL ? m->out : m->in) + offset, len);
    return OT_OK;
}

static inline struct ot_source delta_memory_source(struct delta_memory *m, uint32_t size)
{
    return (struct ot_source){.ctx = m, .size = size, .read = delta_memory_read};
}

enum ot_status delta_apply_measured(const struct delta_file *base, const struct delta_file *patch,
                                    uint8_t **out, uint32_t *out_size, uint32_t *reads, uint32_t *steps);

#endif
