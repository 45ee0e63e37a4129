/** Text that came from a file or the network, made fit for a terminal, a log and a message. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stddef.h>

/**
 * Copy `text` (NULL: "-"): control bytes, invalid UTF-8 and characters that hide or reorder text become `?`. What does not
 * fit is left out, whole characters at a time.
 *
 * @param cap  Room in `out`, at least 5.
 */
void text_printable(const char *text, char *out, size_t cap);

#endif
