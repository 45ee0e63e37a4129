/* See system.h: with a C library. */
#include "system.h"

#include <stdio.h>

uint32_t system_read_file(const char *path, uint8_t *out, uint32_t cap)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return 0;
    size_t n = fread(out, 1, cap, f);
    fclose(f);
    return (uint32_t)n;
}

bool system_write_file(const char *path, const uint8_t *bytes, uint32_t size)
{
    FILE *f = fopen(path, "wb");
    bool good = f != NULL && fwrite(bytes, 1, size, f) == size;
    if (f != NULL)
        good = fclose(f) == 0 && good;
    return good;
}

int main(int argc, char **argv)
{
    return argc == 4 ? emulated_main(argv[1], argv[2], argv[3]) : 2;
}
