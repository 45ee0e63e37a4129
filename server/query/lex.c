/* From bytes to tokens: words, quoted values, operators, parentheses. */
#include "parse.h"

#include "otaria/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool query_fail(struct parser *p, size_t at, const char *format, ...)
{
    va_list args;
    if (p->has_failed)
        return false;
    p->has_failed = true;
    p->error->at = at;
    int n = snprintf(p->error->message, sizeof p->error->message, "at byte %zu: ", at);
    va_start(args, format);
    vsnprintf(p->error->message + n, sizeof p->error->message - (size_t)n, format, args);
    va_end(args);
    return false;
}

/* What came from outside goes into a message only as text that a person can read. */
static bool is_printable(const char *text)
{
    bool ascii = true;
    for (const char *s = text; *s != '\0'; s++)
        ascii = ascii && *s >= 0x20 && *s < 0x7F;
    return ascii || ot_wire_is_attribute_value(text);
}

const char *query_seen(const struct token *t, char out[QUERY_VALUE_MAX + 8])
{
    const size_t cap = QUERY_VALUE_MAX + 8;
    if (t->kind == TOKEN_WORD || t->kind == TOKEN_STRING)
        snprintf(out, cap, "\"%s\"", t->text);
    else if (t->kind == TOKEN_OPERATOR)
        snprintf(out, cap, "\"%s\"", query_operators[t->operation]);
    else
        snprintf(out, cap, "%s",
                 t->kind == TOKEN_OPEN    ? "\"(\""
                 : t->kind == TOKEN_CLOSE ? "\")\""
                 : t->kind == TOKEN_COMMA ? "\",\""
                                          : "the end");
    return out;
}

bool query_is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._:*+-/@%#", c) != NULL);
}

bool query_same_word(const char *a, const char *b)
{
    for (;; a++, b++) {
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a,
             y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
        if (x != y)
            return false;
        if (x == '\0')
            return true;
    }
}

bool query_is_keyword(const char *word)
{
    return query_same_word(word, "and") || query_same_word(word, "or") || query_same_word(word, "not") ||
           query_same_word(word, "in");
}

bool query_at_keyword(const struct parser *p, const char *keyword)
{
    return p->token.kind == TOKEN_WORD && query_same_word(p->token.text, keyword);
}

static bool put(struct parser *p, size_t *n, char c)
{
    struct token *t = &p->token;
    if (*n >= QUERY_VALUE_MAX)
        return query_fail(p, t->at, "a value has at most %u bytes", QUERY_VALUE_MAX);
    t->text[(*n)++] = c;
    t->text[*n] = '\0';
    return true;
}

static bool read_word(struct parser *p)
{
    size_t n = 0;
    p->token.kind = TOKEN_WORD;
    for (; p->at < p->len && query_is_word_char(p->text[p->at]); p->at++) {
        if (!put(p, &n, p->text[p->at]))
            return false;
    }
    return true;
}

static bool read_string(struct parser *p)
{
    struct token *t = &p->token;
    size_t n = 0;
    t->kind = TOKEN_STRING;
    t->text[0] = '\0';
    for (p->at++; p->at < p->len && p->text[p->at] != '"'; p->at++) {
        if (p->text[p->at] == '\\' && ++p->at < p->len && p->text[p->at] != '"' && p->text[p->at] != '\\')
            return query_fail(p, p->at, "behind \\ in quotes stands \" or \\");
        if (p->at < p->len && !put(p, &n, p->text[p->at]))
            return false;
    }
    if (p->at >= p->len)
        return query_fail(p, t->at, "these quotes are not closed");
    p->at++;
    if (memchr(t->text, '\0', n) != NULL || n == 0 || !is_printable(t->text))
        return query_fail(p, t->at, "a value is 1 to %u bytes of printable UTF-8 (48 where it is not ASCII)",
                          QUERY_VALUE_MAX);
    return true;
}

static bool read_operator(struct parser *p)
{
    static const enum query_operation longest_first[] = {OP_NE, OP_LE, OP_GE, OP_EQ, OP_LT, OP_GT, OP_HAS};
    for (unsigned i = 0; i < OP_COUNT; i++) {
        const char *text = query_operators[longest_first[i]];
        size_t n = strlen(text);
        if (n > p->len - p->at || memcmp(p->text + p->at, text, n) != 0)
            continue;
        p->token.kind = TOKEN_OPERATOR;
        p->token.operation = longest_first[i];
        p->at += n;
        return true;
    }
    return query_fail(p, p->at,
                      "nothing in a filter begins like this; a value with other characters than "
                      "letters, digits and ._:*+-/@%%# stands in double quotes");
}

static bool read_token(struct parser *p)
{
    char c = p->text[p->at];
    if (query_is_word_char(c))
        return read_word(p);
    if (c == '"')
        return read_string(p);
    if (c != '(' && c != ')' && c != ',')
        return read_operator(p);
    p->token.kind = c == '(' ? TOKEN_OPEN : c == ')' ? TOKEN_CLOSE : TOKEN_COMMA;
    p->at++;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void query_next(struct parser *p)
{
    while (p->at < p->len && is_space(p->text[p->at]))
        p->at++;
    p->token.at = p->at;
    p->token.kind = TOKEN_END;
    if (p->at < p->len && !read_token(p))
        p->token.kind = TOKEN_BAD;
}
