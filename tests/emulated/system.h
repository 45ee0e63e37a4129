/** The two things the emulated decoder wants from a system. hosted.c: by a C library; rv32.c: by Linux system calls. */
#ifndef EMULATED_SYSTEM_H
#define EMULATED_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

/** Bytes read, at most `cap`; 0 when it cannot be read. */
uint32_t system_read_file(const char *path, uint8_t *out, uint32_t cap);
bool system_write_file(const char *path, const uint8_t *bytes, uint32_t size);

int emulated_main(const char *old_path, const char *patch_path, const char *out_path);

#endif
