/* Artifacts in a directory: see artifact.h. */
#include "artifact.h"

#include "base/crypto_openssl.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARTIFACT_MAX (32u << 20)

static void make_path(const char *dir, const struct ot_digest *sha256, const char *suffix, char out[PATH_MAX])
{
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(sha256, hex);
    snprintf(out, PATH_MAX, "%.3900s/%s%s", dir, hex, suffix);
}

void artifact_path(const char *dir, const struct ot_digest *sha256, char out[PATH_MAX])
{
    make_path(dir, sha256, "", out);
}

int artifact_open(const char *dir, struct error *err)
{
    char path[PATH_MAX];
    if (file_make_directories(dir, 0750, err) != 0)
        return -1;
    DIR *d = opendir(dir);
    if (d == NULL)
        return error_set(err, "%s: %s", dir, strerror(errno));
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strstr(e->d_name, ".tmp.") == NULL)
            continue;
        snprintf(path, sizeof path, "%.3800s/%.250s", dir, e->d_name);
        unlink(path);
    }
    closedir(d);
    return 0;
}

static uint8_t *hash_blocks(const uint8_t *bytes, size_t len, size_t *list_len)
{
    size_t count = (len + ARTIFACT_BLOCK_BYTES - 1) / ARTIFACT_BLOCK_BYTES;
    uint8_t *list = malloc(count * OT_DIGEST_BYTES + 1);
    for (size_t i = 0; list != NULL && i < count; i++) {
        struct ot_digest d;
        size_t from = i * ARTIFACT_BLOCK_BYTES;
        size_t n = len - from < ARTIFACT_BLOCK_BYTES ? len - from : ARTIFACT_BLOCK_BYTES;
        ot_sha256_of(crypto_openssl(), bytes + from, n, &d);
        memcpy(list + i * OT_DIGEST_BYTES, d.bytes, OT_DIGEST_BYTES);
    }
    *list_len = count * OT_DIGEST_BYTES;
    return list;
}

int artifact_put(const char *dir, const uint8_t *bytes, size_t len, struct artifact *out, struct error *err)
{
    char path[PATH_MAX];
    size_t list_len = 0;
    uint8_t *list = hash_blocks(bytes, len, &list_len);
    if (list == NULL)
        return error_set(err, "out of memory");
    ot_sha256_of(crypto_openssl(), bytes, len, &out->sha256);
    ot_sha256_of(crypto_openssl(), list, list_len, &out->blocks);
    out->bytes = len;
    make_path(dir, &out->sha256, ".blocks", path);
    int result = file_write_atomic(path, list, list_len, 0640, err);
    free(list);
    if (result != 0)
        return -1;
    make_path(dir, &out->sha256, "", path);
    return file_write_atomic(path, bytes, len, 0640, err);
}

int artifact_read(const char *dir, const struct ot_digest *sha256, int blocks, uint64_t *size)
{
    char path[PATH_MAX];
    struct stat st;
    make_path(dir, sha256, blocks ? ".blocks" : "", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0) {
        close(fd);
        return -1;
    }
    *size = (uint64_t)st.st_size;
    return fd;
}

int artifact_verify(const char *dir, const struct ot_digest *sha256, struct error *err)
{
    char path[PATH_MAX];
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct ot_digest got;
    make_path(dir, sha256, "", path);
    if (file_read(path, ARTIFACT_MAX, &bytes, &len, err) != 0)
        return -1;
    ot_sha256_of(crypto_openssl(), bytes, len, &got);
    free(bytes);
    if (!ot_digest_equal(&got, sha256))
        return error_set(err, "%s: the bytes are not the ones of that name any more", path);
    return 0;
}
