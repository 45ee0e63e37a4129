/**
 * A fresh directory for one test, and paths in it.
 *
 *     struct temp_dir dir;
 *     temp_dir_make(&dir);
 *     flash_file_create(&f, temp_path(&dir, "chip.flash"), ...);
 *     temp_dir_remove(&dir);
 */
#ifndef TEMP_DIR_H
#define TEMP_DIR_H

#include <limits.h>

struct temp_dir {
    char path[200];
    char buf[4][PATH_MAX];
    unsigned next;
};

/** Aborts the test program when no directory can be made. */
void temp_dir_make(struct temp_dir *dir);
/** With everything in it. */
void temp_dir_remove(struct temp_dir *dir);
/** Path of a file in it. Good until the fourth call after this one. */
const char *temp_path(struct temp_dir *dir, const char *name);

#endif
