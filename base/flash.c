/* Bounds and pages, for every chip: see flash.h. */
#include "base/flash.h"

#include <stdbool.h>

static bool in_chip(const struct flash *f, uint32_t offset, uint32_t len)
{
    return offset <= f->size && len <= f->size - offset;
}

int flash_read(const struct flash *f, uint32_t offset, uint8_t *buf, uint32_t len)
{
    return in_chip(f, offset, len) ? f->ops->read(f->ctx, offset, buf, len) : -1;
}

int flash_program(const struct flash *f, uint32_t offset, const uint8_t *buf, uint32_t len)
{
    if (!in_chip(f, offset, len))
        return -1;
    while (len > 0) {
        uint32_t n = FLASH_PAGE_BYTES - offset % FLASH_PAGE_BYTES;
        if (n > len)
            n = len;
        if (f->ops->program_page(f->ctx, offset, buf, n) != 0)
            return -1;
        offset += n;
        buf += n;
        len -= n;
    }
    return 0;
}

int flash_erase(const struct flash *f, uint32_t offset, uint32_t len)
{
    if (!in_chip(f, offset, len) || offset % FLASH_SECTOR_BYTES != 0 || len % FLASH_SECTOR_BYTES != 0)
        return -1;
    return len == 0 ? 0 : f->ops->erase(f->ctx, offset, len);
}
