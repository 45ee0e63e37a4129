/* Order of versions, as Semantic Versioning has it (semver.org, 11), for one number or more: 1.2 is 1.2.0. */
#include "internal.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *numbers_of(const char *text)
{
    return (text[0] == 'v' || text[0] == 'V') && is_digit(text[1]) ? text + 1 : text;
}

/* Behind identifiers with dots between them; NULL when one is empty. */
static const char *skip_identifiers(const char *p)
{
    for (;; p++) {
        const char *from = p;
        while (is_digit(*p) || is_letter(*p) || *p == '-')
            p++;
        if (p == from)
            return NULL;
        if (*p != '.')
            return p;
    }
}

static const char *skip_numbers(const char *p)
{
    for (;; p++) {
        if (!is_digit(*p))
            return NULL;
        while (is_digit(*p))
            p++;
        if (*p != '.')
            return p;
    }
}

bool query_is_version(const char *text)
{
    const char *p = skip_numbers(numbers_of(text));
    if (p != NULL && *p == '-')
        p = skip_identifiers(p + 1);
    if (p != NULL && *p == '+')
        p = skip_identifiers(p + 1);
    return p != NULL && *p == '\0';
}

static size_t length_of(const char *p)
{
    size_t n = 0;
    while (is_digit(p[n]) || is_letter(p[n]) || p[n] == '-')
        n++;
    return n;
}

static bool all_digits(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(p[i]))
            return false;
    }
    return true;
}

static int sign_of(int n)
{
    return (n > 0) - (n < 0);
}

/* Digits of any length, by value: without leading zeros the longer is the greater. */
static int compare_digits(const char *a, size_t a_len, const char *b, size_t b_len)
{
    for (; a_len > 0 && *a == '0'; a_len--)
        a++;
    for (; b_len > 0 && *b == '0'; b_len--)
        b++;
    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    return a_len == 0 ? 0 : sign_of(memcmp(a, b, a_len));
}

static size_t digits_at(const char *p)
{
    size_t n = 0;
    while (is_digit(p[n]))
        n++;
    return n;
}

/* Numbers with dots; those that one of them lacks are 0. */
static int compare_numbers(const char **a, const char **b)
{
    int order = 0;
    while (is_digit(**a) || is_digit(**b)) {
        size_t x = digits_at(*a), y = digits_at(*b);
        if (order == 0)
            order = compare_digits(*a, x, *b, y);
        *a += x + ((*a)[x] == '.');
        *b += y + ((*b)[y] == '.');
    }
    return order;
}

static int compare_identifier(const char *a, size_t a_len, const char *b, size_t b_len)
{
    bool a_number = all_digits(a, a_len), b_number = all_digits(b, b_len);
    if (a_number && b_number)
        return compare_digits(a, a_len, b, b_len);
    if (a_number != b_number)
        return a_number ? -1 : 1; /* numbers come before words */
    int order = sign_of(memcmp(a, b, a_len < b_len ? a_len : b_len));
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* What stands behind the `-`: none at all is the release itself, and the last of all. */
static int compare_pre_release(const char *a, const char *b)
{
    if (*a != '-' || *b != '-')
        return (*a != '-') - (*b != '-');
    for (a++, b++;; a++, b++) {
        size_t x = length_of(a), y = length_of(b);
        int order = compare_identifier(a, x, b, y);
        a += x;
        b += y;
        if (order != 0)
            return order;
        if (*a != '.' || *b != '.')
            return (*a == '.') - (*b == '.'); /* the longer one comes later */
    }
}

bool query_version_order(const char *a, const char *b, int *order)
{
    if (!query_is_version(a) || !query_is_version(b))
        return false;
    a = numbers_of(a);
    b = numbers_of(b);
    *order = compare_numbers(&a, &b);
    if (*order == 0)
        *order = compare_pre_release(a, b);
    return true;
}
