/*
 * The whole C library that core and the agent may know, for compiling them where there is none.
 * scripts/check-core puts it before the system headers; a chip's own libc or ROM supplies the functions.
 */
#ifndef OTARIA_FREESTANDING_STRING_H
#define OTARIA_FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *text);

#endif
