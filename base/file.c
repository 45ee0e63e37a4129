/* Whole files: see file.h. */
#include "base/file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_fd(int fd, const char *path, size_t limit, uint8_t **bytes, size_t *len, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_set(err, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(err, "%s: not a regular file", path);
    if ((uint64_t)st.st_size > limit)
        return error_set(err, "%s: %lld bytes, more than the %zu allowed here", path, (long long)st.st_size,
                         limit);
    size_t want = (size_t)st.st_size, have = 0;
    uint8_t *buf = malloc(want + 1);
    if (buf == NULL)
        return error_set(err, "%s: out of memory", path);
    while (have < want) {
        ssize_t n = read(fd, buf + have, want - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            free(buf);
            return error_set(err, "%s: %s", path,
                             n < 0 ? strerror(errno) : "became shorter while being read");
        }
        have += (size_t)n;
    }
    buf[want] = '\0';
    *bytes = buf;
    *len = want;
    return 0;
}

int file_read(const char *path, size_t limit, uint8_t **bytes, size_t *len, struct error *err)
{
    *bytes = NULL;
    *len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, "%s: %s", path, strerror(errno));
    int result = read_fd(fd, path, limit, bytes, len, err);
    close(fd);
    return result;
}

static int write_all(int fd, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return fsync(fd);
}

static void sync_directory(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        snprintf(dir, sizeof dir, ".");
    else
        snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

int file_write_new(const char *path, const void *bytes, size_t len, mode_t mode, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return error_set(err, "%s: %s", path, strerror(errno));
    int failed = write_all(fd, bytes, len);
    int cause = errno;
    close(fd);
    if (failed != 0) {
        unlink(path);
        return error_set(err, "%s: %s", path, strerror(cause));
    }
    sync_directory(path);
    return 0;
}

int file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode, struct error *err)
{
    char tmp[PATH_MAX];
    int n = snprintf(tmp, sizeof tmp, "%s.tmp.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof tmp)
        return error_set(err, "%s: path too long", path);
    unlink(tmp);
    if (file_write_new(tmp, bytes, len, mode, err) != 0)
        return -1;
    if (rename(tmp, path) != 0) {
        int cause = errno;
        unlink(tmp);
        return error_set(err, "%s: %s", path, strerror(cause));
    }
    sync_directory(path);
    return 0;
}

char *file_read_line(const char *path, struct error *err)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    if (file_read(path, 4096, &bytes, &len, err) != 0)
        return NULL;
    char *text = (char *)bytes;
    size_t start = 0, end;
    while (isspace((unsigned char)text[start]))
        start++;
    for (end = start; text[end] != '\0' && !isspace((unsigned char)text[end]); end++)
        ;
    if (end == start) {
        free(text);
        error_set(err, "%s: empty", path);
        return NULL;
    }
    memmove(text, text + start, end - start);
    text[end - start] = '\0';
    return text;
}

int file_make_directories(const char *path, mode_t mode, struct error *err)
{
    char dir[PATH_MAX];
    int n = snprintf(dir, sizeof dir, "%s", path);
    if (n <= 0 || (size_t)n >= sizeof dir)
        return error_set(err, "%s: path too long or empty", path);
    for (char *p = dir + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char keep = *p;
        *p = '\0';
        if (mkdir(dir, mode) != 0 && errno != EEXIST)
            return error_set(err, "%s: %s", dir, strerror(errno));
        *p = keep;
        if (keep == '\0')
            return 0;
    }
}
