/* One pair for scripts/bench: make the patch (or, `full`, the image compressed), apply it, say what it took. `apply` alone is what is measured by callgrind; `stack`: the deepest. */
#include "tools/delta.h"

#include "base/file.h"
#include "otaria/image.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define STACK_BYTES (128u * 1024u)
#define PAINT       0xA5

static struct delta_file load(const char *path)
{
    uint8_t *bytes;
    size_t len;
    struct error err;
    if (file_read(path, OT_IMAGE_SPACE_MAX, &bytes, &len, &err) != 0) {
        fprintf(stderr, "delta_bench: %s\n", err.text);
        exit(1);
    }
    return (struct delta_file){.bytes = bytes, .size = (uint32_t)len};
}

/* `old` NULL: the full image. */
static int make(const char *old, const char *new, const char *out)
{
    struct delta_file base = old != NULL ? load(old) : (struct delta_file){0}, target = load(new);
    struct delta_patch patch;
    struct rusage used;
    struct error err;
    clock_t began = clock();
    enum ot_status st = old != NULL ? delta_make(&base, &target, &patch) : delta_make_full(&target, &patch);
    double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
    if (st != OT_OK || file_write_atomic(out, patch.bytes, patch.size, 0600, &err) != 0) {
        fprintf(stderr, "delta_bench: %s\n", st != OT_OK ? ot_status_text(st) : err.text);
        return 1;
    }
    getrusage(RUSAGE_SELF, &used);
    printf(
        "{\"bytes\":%u,\"target\":%u,\"seconds\":%.3f,\"peak_kib\":%ld,\"reads\":%u,\"steps\":%u,\"operations\":%u,\"map\":%u,"
        "\"decoder\":%u}\n",
        patch.size, target.size, seconds, used.ru_maxrss, patch.decoder_reads, patch.decoder_steps,
        patch.operations, patch.map_entries, (unsigned)(OT_DELTA_CONTEXT_BYTES + OT_DELTA_SECTOR_BYTES));
    return 0;
}

static int apply(const char *old, const char *patch)
{
    struct delta_file base = old != NULL ? load(old) : (struct delta_file){0}, file = load(patch);
    uint8_t *out;
    uint32_t size;
    enum ot_status st = delta_apply(old != NULL ? &base : NULL, &file, &out, &size);
    printf("%s\n", ot_status_wire(st));
    return st != OT_OK;
}

/* --- stack: the decoder in a thread whose stack was painted, less what a thread takes that does nothing --- */

struct decoding {
    struct delta_file base;
    uint8_t *out;
    struct ot_delta_io io;
    struct ot_delta delta;
    uint8_t sector[OT_DELTA_SECTOR_BYTES];
    struct delta_file patch;
    enum ot_status status;
};

static enum ot_status read_base(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct decoding *d = ctx;
    memcpy(buf, d->base.bytes + offset, len);
    return OT_OK;
}

static enum ot_status read_out(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct decoding *d = ctx;
    memcpy(buf, d->out + offset, len);
    return OT_OK;
}

static enum ot_status write_out(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    struct decoding *d = ctx;
    memcpy(d->out + offset, bytes, len);
    return OT_OK;
}

static void *decode(void *decoding)
{
    struct decoding *d = decoding;
    ot_delta_start(&d->delta, &d->io, d->sector);
    d->status = ot_delta_feed(&d->delta, d->patch.bytes, d->patch.size);
    if (d->status == OT_OK)
        d->status = ot_delta_finish(&d->delta);
    return NULL;
}

static void *idle(void *nothing)
{
    return nothing;
}

static uint32_t stack_of(void *(*run)(void *), void *ctx)
{
    pthread_attr_t attr;
    pthread_t thread;
    uint8_t *stack = aligned_alloc(4096, STACK_BYTES);
    uint32_t unused = 0;
    if (stack == NULL || pthread_attr_init(&attr) != 0)
        exit(1);
    memset(stack, PAINT, STACK_BYTES);
    if (pthread_attr_setstack(&attr, stack, STACK_BYTES) != 0 ||
        pthread_create(&thread, &attr, run, ctx) != 0)
        exit(1);
    pthread_join(thread, NULL);
    while (unused < STACK_BYTES && stack[unused] == PAINT)
        unused++;
    free(stack);
    return STACK_BYTES - unused;
}

static int stack(const char *old, const char *patch)
{
    struct ot_delta_header h;
    struct decoding *d = calloc(1, sizeof *d);
    if (d == NULL)
        return 1;
    d->base = load(old);
    d->patch = load(patch);
    if (d->patch.size < OT_DELTA_HEADER_BYTES || ot_delta_header_read(d->patch.bytes, &h) != OT_OK)
        return 1;
    d->out = malloc(h.target_bytes);
    d->io = (struct ot_delta_io){.base = {.ctx = d, .size = d->base.size, .read = read_base},
                                 .base_digest = h.base_digest,
                                 .written = {.ctx = d, .size = h.target_bytes, .read = read_out},
                                 .target_max = h.target_bytes,
                                 .ctx = d,
                                 .write = write_out};
    if (d->out == NULL)
        return 1;
    uint32_t nothing = stack_of(idle, NULL);
    printf("%u\n", stack_of(decode, d) - nothing);
    return d->status != OT_OK;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "make") == 0)
        return make(argv[2], argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "apply") == 0)
        return apply(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "stack") == 0)
        return stack(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "full") == 0)
        return make(NULL, argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "apply") == 0)
        return apply(NULL, argv[2]);
    fprintf(stderr,
            "usage: delta_bench make OLD NEW PATCH | full NEW PATCH | apply [OLD] PATCH | stack OLD PATCH\n");
    return 2;
}
