/* Bounds-checked reading, and a source over plain memory. */
#include "otaria/source.h"

#include <string.h>

enum ot_status ot_source_read(const struct ot_source *src, uint32_t offset, uint8_t *buf, uint32_t len)
{
    if (offset > src->size || len > src->size - offset)
        return OT_E_RANGE;
    return src->read(src->ctx, offset, buf, len);
}

static enum ot_status read_memory(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct ot_memory *memory = ctx;
    memcpy(buf, memory->bytes + offset, len);
    return OT_OK;
}

struct ot_source ot_source_from_memory(struct ot_memory *memory)
{
    return (struct ot_source){.ctx = memory, .size = memory->size, .read = read_memory};
}
