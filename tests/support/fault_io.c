/* See fault_io.h. One lock around everything: the store's writer thread and the test's own may both write. */
#include "fault_io.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 32u
#define SECTOR    512u

/* A write or truncation that no sync has covered yet. */
struct pending {
    struct pending *next;
    off_t offset;
    size_t len;
    bool truncates; /* to `offset` */
    uint8_t bytes[];
};

/* A file since its last sync: what is certain, and what has come on top. */
struct file {
    dev_t dev;
    ino_t ino;
    int fd;
    uint8_t *certain;
    size_t certain_len;
    struct pending *first, **last;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t rearmed = PTHREAD_COND_INITIALIZER;
static enum fault armed;
static bool counting;
static uint64_t calls, fail_from, fail_count, random_state;
static struct file files[FILES_MAX];
static size_t file_count;

/* The next definition of a function: the C library's, or the sanitizer's in front of it. */
#define NEXT(result, name, ...)                                                                              \
    static result (*name)(__VA_ARGS__);                                                                      \
    if (name == NULL) {                                                                                      \
        void *found = dlsym(RTLD_NEXT, #name);                                                               \
        memcpy(&name, &found, sizeof name);                                                                  \
    }

static uint64_t draw(uint64_t below)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

static ssize_t really_write(int fd, const void *bytes, size_t len, off_t at)
{
    NEXT(ssize_t, pwrite64, int, const void *, size_t, off_t)
    return pwrite64(fd, bytes, len, at);
}

static int really_truncate(int fd, off_t len)
{
    NEXT(int, ftruncate64, int, off_t)
    return ftruncate64(fd, len);
}

static bool is_file(int fd)
{
    struct stat st;
    return fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* --- what is not certain yet --- */

static struct file *file_of(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        abort();
    for (size_t i = 0; i < file_count; i++) {
        if (files[i].dev == st.st_dev && files[i].ino == st.st_ino)
            return &files[i];
    }
    if (file_count == FILES_MAX)
        abort();
    struct file *f = &files[file_count++];
    *f = (struct file){.dev = st.st_dev, .ino = st.st_ino, .fd = dup(fd), .last = NULL};
    return f;
}

static void forget(struct file *f)
{
    while (f->first != NULL) {
        struct pending *p = f->first;
        f->first = p->next;
        free(p);
    }
    f->last = &f->first;
    free(f->certain);
    f->certain = NULL;
}

static void take_certain(struct file *f)
{
    struct stat st;
    char path[64];
    if (f->certain != NULL)
        return;
    forget(f);
    if (fstat(f->fd, &st) != 0)
        abort();
    f->certain_len = (size_t)st.st_size;
    f->certain = malloc(f->certain_len + 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", f->fd);
    FILE *in = fopen(path, "rb"); /* the descriptor may be for writing alone */
    if (f->certain == NULL || in == NULL || fread(f->certain, 1, f->certain_len, in) != f->certain_len)
        abort();
    fclose(in);
}

static void note_change(int fd, const void *bytes, size_t len, off_t offset, bool truncates)
{
    if (armed != FAULT_POWER)
        return;
    struct file *f = file_of(fd);
    take_certain(f);
    struct pending *p = malloc(sizeof *p + len);
    if (p == NULL)
        abort();
    *p = (struct pending){.offset = offset, .len = len, .truncates = truncates};
    if (len > 0)
        memcpy(p->bytes, bytes, len);
    *f->last = p;
    f->last = &p->next;
}

static void note_sync(int fd)
{
    if (armed == FAULT_POWER && is_file(fd))
        forget(file_of(fd));
}

/* Any subset of what was not synced arrives, a write in whole sectors. */
static void lose_power(void)
{
    for (size_t i = 0; i < file_count; i++) {
        struct file *f = &files[i];
        if (f->certain == NULL)
            continue;
        if (really_truncate(f->fd, 0) != 0 ||
            really_write(f->fd, f->certain, f->certain_len, 0) != (ssize_t)f->certain_len)
            abort();
        uint64_t keep = draw(4); /* of four: none, some, most, all */
        for (struct pending *p = f->first; p != NULL; p = p->next) {
            size_t len = p->len;
            if (draw(3) >= keep)
                continue;
            if (keep < 3 && len > SECTOR && draw(3) == 0)
                len = SECTOR * draw(len / SECTOR);
            if (p->truncates ? really_truncate(f->fd, p->offset) != 0
                             : really_write(f->fd, p->bytes, len, p->offset) != (ssize_t)len)
                abort();
        }
    }
}

/* --- the calls --- */

/* Counts this call: 0, or the errno it fails with. Ends the process when that is what was asked for. */
static int count_call(void)
{
    if (!counting)
        return 0;
    calls++;
    if (armed == FAULT_NONE || calls < fail_from || calls - fail_from >= fail_count)
        return 0;
    while (armed == FAULT_HOLD)
        pthread_cond_wait(&rearmed, &lock);
    if (armed == FAULT_NONE)
        return 0;
    if (armed == FAULT_POWER)
        lose_power();
    if (armed == FAULT_POWER || armed == FAULT_KILL)
        _exit(FAULT_EXIT);
    return armed == FAULT_FULL ? ENOSPC : EIO;
}

static int fail(int cause)
{
    pthread_mutex_unlock(&lock);
    errno = cause;
    return -1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    if (!is_file(fd))
        return really_write(fd, bytes, len, at);
    pthread_mutex_lock(&lock);
    int cause = count_call();
    if (cause == ENOSPC && len > 1)
        (void)really_write(fd, bytes, len / 2, at);
    if (cause != 0)
        return fail(cause);
    note_change(fd, bytes, len, at, false);
    ssize_t done = really_write(fd, bytes, len, at);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    NEXT(ssize_t, write, int, const void *, size_t)
    if (!is_file(fd))
        return write(fd, bytes, len);
    pthread_mutex_lock(&lock);
    int cause = count_call();
    if (cause != 0)
        return fail(cause);
    note_change(fd, bytes, len, lseek(fd, 0, SEEK_CUR), false);
    ssize_t done = write(fd, bytes, len);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate64(int fd, off_t len)
{
    pthread_mutex_lock(&lock);
    int cause = count_call();
    if (cause != 0)
        return fail(cause);
    note_change(fd, NULL, 0, len, true);
    int done = really_truncate(fd, len);
    pthread_mutex_unlock(&lock);
    return done;
}

static int sync_file(int fd)
{
    pthread_mutex_lock(&lock);
    int cause = count_call();
    if (cause != 0)
        return fail(cause);
    note_sync(fd);
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd)
{
    return sync_file(fd);
}

int fdatasync(int fd)
{
    return sync_file(fd);
}

int rename(const char *from, const char *to)
{
    NEXT(int, rename, const char *, const char *)
    pthread_mutex_lock(&lock);
    int cause = count_call();
    if (cause != 0)
        return fail(cause);
    int done = rename(from, to);
    pthread_mutex_unlock(&lock);
    return done;
}

int unlink(const char *path)
{
    NEXT(int, unlink, const char *)
    pthread_mutex_lock(&lock);
    int cause = count_call();
    if (cause == EIO)
        return fail(cause);
    int done = unlink(path); /* a full disk lets go of files */
    pthread_mutex_unlock(&lock);
    return done;
}

void fault_io_arm(enum fault kind, uint64_t at, uint64_t count)
{
    pthread_mutex_lock(&lock);
    counting = true;
    armed = kind;
    calls = 0;
    fail_from = at;
    fail_count = count;
    pthread_cond_broadcast(&rearmed);
    pthread_mutex_unlock(&lock);
}

uint64_t fault_io_calls(void)
{
    pthread_mutex_lock(&lock);
    uint64_t n = calls;
    pthread_mutex_unlock(&lock);
    return n;
}

void fault_io_seed(uint64_t seed)
{
    random_state = seed;
}
