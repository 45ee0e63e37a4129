/** What patches save, for a person; --json has the numbers. */
#ifndef CLI_SAVINGS_H
#define CLI_SAVINGS_H

#include <jansson.h>

/** "1.9 MB", from a number of bytes. */
void savings_print_bytes(const json_t *object, const char *field);
/**
 * A line "295 devices by patch, 3 by compressed image, 2 by image: 9.1 MB instead of 79.9 MB, 88.6 % saved", from `by_patch`,
 * `by_compressed`, `by_image` (or `devices`, all of them), `bytes` and `full_bytes`; nothing when there is nothing to send.
 */
void savings_print(const json_t *object);

#endif
