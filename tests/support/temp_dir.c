/* Directories for tests. */
#include "temp_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void temp_dir_make(struct temp_dir *dir)
{
    const char *base = getenv("TMPDIR");
    dir->next = 0;
    snprintf(dir->path, sizeof dir->path, "%.150s/otaria-test-XXXXXX",
             base != NULL && *base != '\0' ? base : "/tmp");
    if (mkdtemp(dir->path) == NULL) {
        perror(dir->path);
        abort();
    }
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

void temp_dir_remove(struct temp_dir *dir)
{
    nftw(dir->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *temp_path(struct temp_dir *dir, const char *name)
{
    char *buf = dir->buf[dir->next++ % 4];
    size_t at = strlen(dir->path), len = strlen(name);
    if (at + len + 2 > PATH_MAX)
        abort();
    memcpy(buf, dir->path, at);
    buf[at] = '/';
    memcpy(buf + at + 1, name, len + 1);
    return buf;
}
