/* Directories for tests. */
#include "temp_dir.h"

#include <dirent.h>
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

void temp_dir_remove(struct temp_dir *dir)
{
    DIR *d = opendir(dir->path);
    if (d == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (unlink(temp_path(dir, entry->d_name)) != 0)
            continue; /* `.` and `..` */
    }
    closedir(d);
    rmdir(dir->path);
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
