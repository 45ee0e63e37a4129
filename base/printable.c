/* Text that came from elsewhere: see base/printable.h. */
#include "base/printable.h"

#include <stdbool.h>
#include <string.h>

/* Characters that hide or reorder the text around them: zero width, line ends, bidirectional controls. */
static bool is_deceptive(const unsigned char *s, unsigned n)
{
    if (n == 2)
        return s[0] == 0xD8 && s[1] == 0x9C; /* U+061C */
    if (n != 3)
        return false;
    unsigned c = (s[0] & 0x0Fu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    return (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
           c == 0xFEFF;
}

/* Length of the UTF-8 sequence at `s` that is safe on a terminal, or 0. */
static unsigned safe_bytes(const unsigned char *s)
{
    unsigned n = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3 : 0;
    if (n == 0 && s[0] >= 0xF0 && s[0] < 0xF5)
        n = 4;
    if (n == 1)
        return s[0] >= 0x20 && s[0] != 0x7F ? 1 : 0;
    for (unsigned i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    }
    bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool outside = (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F);
    bool control = s[0] == 0xC2 && s[1] < 0xA0;
    return overlong || outside || control || is_deceptive(s, n) ? 0 : n;
}

void text_printable(const char *text, char *out, size_t cap)
{
    size_t at = 0;
    const unsigned char *s = (const unsigned char *)(text != NULL ? text : "-");
    while (*s != '\0' && at + 5 < cap) {
        unsigned n = safe_bytes(s);
        if (n == 0) {
            out[at++] = '?';
            s++;
            continue;
        }
        memcpy(out + at, s, n);
        at += n;
        s += n;
    }
    out[at] = '\0';
}
