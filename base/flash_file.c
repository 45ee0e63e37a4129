/* The virtual flash chip: see flash_file.h. */
#include "base/flash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB 0x100000u

static bool is_chip_size(uint64_t size)
{
    return size >= MIB && size <= 128ull * MIB && (size & (size - 1)) == 0;
}

uint32_t flash_file_next_data(const struct flash_file *f, uint32_t from)
{
    off_t at = lseek(f->fd, (off_t)from, SEEK_DATA);
    if (at < 0)
        return errno == ENXIO ? f->flash.size
                              : from; /* no data behind; or a file system that does not tell */
    return (uint32_t)at - (uint32_t)at % FLASH_SECTOR_BYTES;
}

uint32_t flash_size_from_text(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || strcmp(end, "MB") != 0 || n == 0 || n > 128 || !is_chip_size((uint64_t)n * MIB))
        return 0;
    return (uint32_t)n * MIB;
}

static void complement(uint8_t *buf, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        buf[i] = (uint8_t)~buf[i];
}

static int file_read(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct flash_file *f = ctx;
    for (uint32_t have = 0; have < len;) {
        ssize_t n = pread(f->fd, buf + have, len - have, (off_t)(offset + have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        have += (uint32_t)n;
    }
    complement(buf, len);
    return 0;
}

static int write_raw(const struct flash_file *f, uint32_t offset, const uint8_t *buf, uint32_t len)
{
    for (uint32_t have = 0; have < len;) {
        ssize_t n = pwrite(f->fd, buf + have, len - have, (off_t)(offset + have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        have += (uint32_t)n;
    }
    return 0;
}

static int file_program_page(void *ctx, uint32_t offset, const uint8_t *buf, uint32_t len)
{
    const struct flash_file *f = ctx;
    uint8_t page[FLASH_PAGE_BYTES];
    if (file_read(ctx, offset, page, len) != 0)
        return -1;
    for (uint32_t i = 0; i < len; i++) {
        if ((buf[i] & (uint8_t)~page[i]) != 0)
            return -1; /* a programmed 0 cannot become a 1 again */
        page[i] &= buf[i];
    }
    complement(page, len);
    return write_raw(f, offset, page, len);
}

static int file_erase(void *ctx, uint32_t offset, uint32_t len)
{
    const struct flash_file *f = ctx;
    static const uint8_t zero[FLASH_SECTOR_BYTES];
    if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len) == 0)
        return 0;
    /* A file system without holes. */
    for (uint32_t at = offset; at < offset + len; at += FLASH_SECTOR_BYTES) {
        if (write_raw(f, at, zero, FLASH_SECTOR_BYTES) != 0)
            return -1;
    }
    return 0;
}

static const struct flash_ops file_ops = {
    .read = file_read, .program_page = file_program_page, .erase = file_erase};

int flash_file_create(struct flash_file *f, const char *path, uint32_t size, struct error *err)
{
    *f = (struct flash_file){.flash = {.ops = &file_ops, .ctx = f, .size = size}, .fd = -1};
    if (!is_chip_size(size))
        return error_set(err, "flash size %u: 1 MiB to 128 MiB, a power of two", size);
    f->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (f->fd < 0)
        return error_set(err, "%s: %s", path, strerror(errno));
    if (ftruncate(f->fd, (off_t)size) != 0) {
        int cause = errno;
        flash_file_close(f);
        unlink(path);
        return error_set(err, "%s: %s", path, strerror(cause));
    }
    return 0;
}

int flash_file_open(struct flash_file *f, const char *path, bool writable, struct error *err)
{
    struct stat st;
    *f = (struct flash_file){.flash = {.ops = &file_ops, .ctx = f},
                             .fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC)};
    if (f->fd < 0)
        return error_set(err, "%s: %s", path, strerror(errno));
    if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode) || !is_chip_size((uint64_t)st.st_size)) {
        flash_file_close(f);
        return error_set(err, "%s: not a virtual flash file (its length is no flash chip's)", path);
    }
    f->flash.size = (uint32_t)st.st_size;
    return 0;
}

void flash_file_close(struct flash_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}
