/**
 * Whole files: read with a limit, written atomically (temporary name, fsync, rename), so a reader sees old or new.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Read a whole file of at most `limit` bytes. `*bytes` is malloc'ed with a NUL behind the content; the caller frees.
 * @return 0, or -1 with a message.
 */
int file_read(const char *path, size_t limit, uint8_t **bytes, size_t *len, struct error *err);

/** Replace `path` by these bytes, with this mode. Durable when it returns 0. */
int file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode, struct error *err);

/** Create a new file; refuses to replace an existing one. */
int file_write_new(const char *path, const void *bytes, size_t len, mode_t mode, struct error *err);

/** First line of a small file without surrounding white space: a token. malloc'ed; NULL with a message. */
char *file_read_line(const char *path, struct error *err);

/** mkdir -p for one level or more. */
int file_make_directories(const char *path, mode_t mode, struct error *err);

#endif
