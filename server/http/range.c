/* Range headers: one range of bytes. More than one, another unit or nonsense is answered as if it were not there. */
#include "internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Digits only, no overflow. */
static bool parse_number(const char **p, uint64_t *out)
{
    uint64_t n = 0;
    if (!isdigit((unsigned char)**p))
        return false;
    for (; isdigit((unsigned char)**p); (*p)++) {
        unsigned digit = (unsigned)(**p - '0');
        if (n > (UINT64_MAX - digit) / 10u)
            return false;
        n = n * 10u + digit;
    }
    *out = n;
    return true;
}

enum http_range http_parse_range(const char *header, uint64_t size, uint64_t *first, uint64_t *last)
{
    const char *p = header;
    bool has_first, has_last;
    if (p == NULL || strncmp(p, "bytes=", 6) != 0 || strchr(p, ',') != NULL)
        return HTTP_RANGE_NONE;
    p += 6;
    has_first = parse_number(&p, first);
    if (*p++ != '-')
        return HTTP_RANGE_NONE;
    has_last = parse_number(&p, last);
    if (*p != '\0' || (!has_first && !has_last))
        return HTTP_RANGE_NONE;
    if (!has_first) { /* the last n bytes */
        if (*last == 0 || size == 0)
            return HTTP_RANGE_BAD;
        *first = *last < size ? size - *last : 0;
        *last = size - 1;
        return HTTP_RANGE_OK;
    }
    if (has_last && *last < *first)
        return HTTP_RANGE_NONE;
    if (*first >= size)
        return HTTP_RANGE_BAD;
    if (!has_last || *last >= size)
        *last = size - 1;
    return HTTP_RANGE_OK;
}
