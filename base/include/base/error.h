/**
 * One message for a person, built where something failed: what, where, what to do. Never NULL, never too long.
 *
 *     struct error err = {0};
 *     if (flash_file_open(&f, path, false, &err) != 0)
 *         fprintf(stderr, "otaria: %s\n", err.text);
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#define ERROR_TEXT_MAX 400

struct error {
    char text[ERROR_TEXT_MAX];
};

/** Set the text, always returns -1: `return error_set(err, "%s: ...", path);`. `err` may be NULL. */
int error_set(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
