/* One pair for scripts/bench: make the patch, apply it, say what it took. `apply` alone is what is measured by callgrind. */
#include "tools/delta.h"

#include "base/file.h"
#include "otaria/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

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

static int make(const char *old, const char *new, const char *out)
{
    struct delta_file base = load(old), target = load(new);
    struct delta_patch patch;
    struct rusage used;
    struct error err;
    clock_t began = clock();
    enum ot_status st = delta_make(&base, &target, &patch);
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
    struct delta_file base = load(old), file = load(patch);
    uint8_t *out;
    uint32_t size;
    enum ot_status st = delta_apply(&base, &file, &out, &size);
    printf("%s\n", ot_status_wire(st));
    return st != OT_OK;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "make") == 0)
        return make(argv[2], argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "apply") == 0)
        return apply(argv[2], argv[3]);
    fprintf(stderr, "usage: delta_bench make OLD NEW PATCH | apply OLD PATCH\n");
    return 2;
}
