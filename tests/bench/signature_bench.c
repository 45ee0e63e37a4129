/* What signatures add to a patch, for scripts/bench: a pair of images unsigned, then signed by one to three keys that stay or change. */
#include "sign_support.h"
#include "tools/delta.h"

#include "base/file.h"
#include "otaria/image.h"

#include <stdio.h>
#include <stdlib.h>

#define RSA_KEYS 6u

struct signed_case {
    const char *name;
    unsigned old_first, old_count, new_first, new_count; /* of the keys: six of RSA, then two of ECDSA */
};

static const struct signed_case cases[] = {
    {"1 RSA-3072, key stays", 0, 1, 0, 1},
    {"2 RSA-3072, keys stay", 0, 2, 0, 2},
    {"3 RSA-3072, keys stay", 0, 3, 0, 3},
    {"1 RSA-3072, key changes", 0, 1, 3, 1},
    {"2 RSA-3072, keys change", 0, 2, 3, 2},
    {"3 RSA-3072, keys change", 0, 3, 3, 3},
    {"ECDSA P-256, key stays", RSA_KEYS, 1, RSA_KEYS, 1},
    {"ECDSA P-256, key changes", RSA_KEYS, 1, RSA_KEYS + 1, 1},
};

static uint8_t *load(const char *path, uint32_t *size)
{
    uint8_t *bytes;
    size_t len;
    struct error err;
    if (file_read(path, OT_IMAGE_SPACE_MAX, &bytes, &len, &err) != 0) {
        fprintf(stderr, "signature_bench: %s\n", err.text);
        exit(1);
    }
    *size = (uint32_t)len;
    return bytes;
}

static uint32_t patch_bytes(const struct delta_file *base, const struct delta_file *target)
{
    struct delta_patch patch;
    enum ot_status st = delta_make(base, target, &patch);
    if (st != OT_OK) {
        fprintf(stderr, "signature_bench: %s\n", ot_status_text(st));
        exit(1);
    }
    uint32_t size = patch.size;
    delta_patch_free(&patch);
    return size;
}

int main(int argc, char **argv)
{
    struct sign_key *keys[RSA_KEYS + 2u];
    uint32_t old_size, new_size;
    if (argc != 3) {
        fprintf(stderr, "usage: signature_bench OLD NEW\n");
        return 2;
    }
    uint8_t *old = load(argv[1], &old_size), *new = load(argv[2], &new_size);
    for (unsigned i = 0; i < RSA_KEYS + 2u; i++)
        keys[i] = sign_key_make(i < RSA_KEYS ? OT_SCHEME_RSA3072 : OT_SCHEME_ECDSA256);
    struct delta_file base = {.bytes = old, .size = old_size}, target = {.bytes = new, .size = new_size};
    uint32_t plain = patch_bytes(&base, &target);
    printf("{\"unsigned\":%u,\"cases\":[", plain);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct signed_case *c = &cases[i];
        uint8_t *from = sign_file(old, old_size, keys + c->old_first, c->old_count, &base.size);
        uint8_t *to = sign_file(new, new_size, keys + c->new_first, c->new_count, &target.size);
        base.bytes = from;
        target.bytes = to;
        printf("%s{\"name\":\"%s\",\"blocks\":%u,\"more\":%d}", i == 0 ? "" : ",", c->name, c->new_count,
               (int)(patch_bytes(&base, &target) - plain));
        free(from);
        free(to);
    }
    printf("]}\n");
    for (unsigned i = 0; i < RSA_KEYS + 2u; i++)
        sign_key_free(keys[i]);
    free(old);
    free(new);
    return 0;
}
