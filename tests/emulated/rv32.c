/* See system.h: Linux on 32-bit RISC-V without a C library. Built by scripts/emulated only, not with the host's tests. */
#include "system.h"

#include <stddef.h>
#include <string.h>

enum { SYS_OPENAT = 56, SYS_CLOSE = 57, SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT = 93, AT_CWD = -100 };
enum { READ_ONLY = 0, WRITE_NEW = 01 | 0100 | 01000 };

static long call(long number, long a, long b, long c, long d)
{
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
    return a0;
}

uint32_t system_read_file(const char *path, uint8_t *out, uint32_t cap)
{
    long f = call(SYS_OPENAT, AT_CWD, (long)path, READ_ONLY, 0), n;
    uint32_t size = 0;
    if (f < 0)
        return 0;
    while (size < cap && (n = call(SYS_READ, f, (long)(out + size), (long)(cap - size), 0)) > 0)
        size += (uint32_t)n;
    (void)call(SYS_CLOSE, f, 0, 0, 0);
    return size;
}

bool system_write_file(const char *path, const uint8_t *bytes, uint32_t size)
{
    long f = call(SYS_OPENAT, AT_CWD, (long)path, WRITE_NEW, 0644), n;
    uint32_t at = 0;
    if (f < 0)
        return false;
    while (at < size && (n = call(SYS_WRITE, f, (long)(bytes + at), (long)(size - at), 0)) > 0)
        at += (uint32_t)n;
    return call(SYS_CLOSE, f, 0, 0, 0) == 0 && at == size;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *s = from;
    while (n-- > 0)
        *t++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *s = from;
    if (t < s)
        return memcpy(to, from, n);
    while (n-- > 0)
        t[n] = s[n];
    return to;
}

void *memset(void *to, int value, size_t n)
{
    unsigned char *t = to;
    while (n-- > 0)
        *t++ = (unsigned char)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;
    for (; n > 0; n--, x++, y++) {
        if (*x != *y)
            return *x - *y;
    }
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n] != '\0')
        n++;
    return n;
}

__attribute__((noreturn, used)) void start(const long *stack)
{
    const char *const *argv = (const char *const *)(stack + 1);
    int code = stack[0] == 4 ? emulated_main(argv[1], argv[2], argv[3]) : 2;
    for (;;)
        (void)call(SYS_EXIT, code, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n mv a0, sp\n andi sp, sp, -16\n call start\n");
