/* The value of a term: what each kind of field takes. */
#include "parse.h"

#include "otaria/wire.h"

#include <stdio.h>
#include <string.h>

uint16_t query_keep_text(struct query *q, const char *text)
{
    uint16_t at = q->text_len;
    size_t n = strlen(text) + 1;
    if (n > sizeof q->text - at)
        return 0; /* cannot be: all texts come from QUERY_TEXT_MAX bytes */
    memcpy(q->text + at, text, n);
    q->text_len = (uint16_t)(at + n);
    return at;
}

/* Decimal digits up to `max`, all of [text, end). */
static bool read_number(const char *text, const char *end, uint64_t max, uint64_t *out)
{
    *out = 0;
    for (const char *s = text; s < end; s++) {
        if (*s < '0' || *s > '9' || *out > (max - (uint64_t)(*s - '0')) / 10)
            return false;
        *out = *out * 10 + (uint64_t)(*s - '0');
    }
    return end > text;
}

static bool take_number(struct parser *p, struct query_node *term)
{
    const char *text = p->token.text;
    char seen[QUERY_VALUE_MAX + 8];
    return read_number(text, text + strlen(text), UINT32_MAX, &term->number) ||
           query_fail(p, p->token.at, "%s wants a whole number from 0 to %u, not %s",
                      query_field_name((enum query_field)term->field), UINT32_MAX,
                      query_seen(&p->token, seen));
}

static bool take_metric(struct parser *p, struct query_node *term)
{
    const char *text = p->token.text, *end = text + strlen(text);
    char seen[QUERY_VALUE_MAX + 8];
    bool is_negative = text[0] == '-';
    if (!read_number(text + is_negative, end, OT_METRIC_VALUE_MAX, &term->number))
        return query_fail(p, p->token.at, "a metric is compared with a whole number, not %s",
                          query_seen(&p->token, seen));
    term->number = is_negative ? 0 - term->number : term->number;
    return true;
}

static bool take_size(struct parser *p, struct query_node *term)
{
    const char *text = p->token.text, *end = text + strlen(text);
    char seen[QUERY_VALUE_MAX + 8];
    unsigned shift = 0;
    if (end > text && (end[-1] == 'K' || end[-1] == 'M'))
        shift = *--end == 'K' ? 10 : 20;
    if (!read_number(text, end, UINT32_MAX >> shift, &term->number))
        return query_fail(p, p->token.at, "%s wants bytes, such as 1966080, 1920K or 2M, not %s",
                          query_field_name((enum query_field)term->field), query_seen(&p->token, seen));
    term->number <<= shift;
    return true;
}

static bool take_duration(struct parser *p, struct query_node *term)
{
    const char *text = p->token.text, *end = text + strlen(text);
    char seen[QUERY_VALUE_MAX + 8];
    for (unsigned i = 0; end > text && i < 5; i++) {
        if (end[-1] == query_units[i].letter &&
            read_number(text, end - 1, UINT32_MAX / query_units[i].seconds, &term->number)) {
            term->number *= query_units[i].seconds;
            return true;
        }
    }
    return query_fail(p, p->token.at, "%s wants a time, such as 90s, 15m, 12h, 2d or 4w, not %s",
                      query_field_name((enum query_field)term->field), query_seen(&p->token, seen));
}

static bool take_hex(struct parser *p, struct query_node *term, unsigned most)
{
    char lower[QUERY_VALUE_MAX + 1], seen[QUERY_VALUE_MAX + 8];
    size_t n = strlen(p->token.text);
    bool good = n >= 4 && n <= most;
    for (size_t i = 0; good && i <= n; i++) {
        char c = p->token.text[i];
        lower[i] = c >= 'A' && c <= 'F' ? (char)(c + 32) : c;
        good = i == n || (c >= '0' && c <= '9') || (lower[i] >= 'a' && lower[i] <= 'f');
    }
    if (!good)
        return query_fail(p, p->token.at, "%s wants 4 to %u hex digits, the first of it, not %s",
                          query_field_name((enum query_field)term->field), most, query_seen(&p->token, seen));
    term->value = query_keep_text(p->query, lower);
    return true;
}

static bool take_name(struct parser *p, struct query_node *term)
{
    char list[300] = "", seen[QUERY_VALUE_MAX + 8];
    const char *name;
    bool is_pattern = p->token.kind == TOKEN_WORD && strchr(p->token.text, '*') != NULL, good = is_pattern;
    for (unsigned i = 0; (name = query_field_value((enum query_field)term->field, i)) != NULL; i++) {
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i > 0 ? ", " : "", name);
        good = good || strcmp(name, p->token.text) == 0;
    }
    if (!good)
        return query_fail(p, p->token.at, "%s cannot be %s: it is one of %s",
                          query_field_name((enum query_field)term->field), query_seen(&p->token, seen), list);
    term->value = query_keep_text(p->query, p->token.text);
    return true;
}

static bool take_version(struct parser *p, struct query_node *term)
{
    char seen[QUERY_VALUE_MAX + 8];
    bool is_ordered = term->operation >= OP_LT && term->operation <= OP_GE;
    if (is_ordered && !query_is_version(p->token.text))
        return query_fail(
            p, p->token.at,
            "%s has no place in an order: numbers with dots are wanted, such as 1.2.0 or 1.2.0-rc.1",
            query_seen(&p->token, seen));
    term->value = query_keep_text(p->query, p->token.text);
    return true;
}

bool query_take_value(struct parser *p, struct query_node *term)
{
    char seen[QUERY_VALUE_MAX + 8];
    const struct token *t = &p->token;
    if (t->kind != TOKEN_STRING && (t->kind != TOKEN_WORD || query_is_keyword(t->text)))
        return query_fail(p, t->at, "a value is wanted, not %s%s", query_seen(t, seen),
                          t->kind == TOKEN_WORD ? " (in quotes it would be one)" : "");
    term->is_literal = t->kind == TOKEN_STRING || term->operation == OP_HAS;
    switch (query_field_kind((enum query_field)term->field)) {
    case QUERY_KIND_NUMBER:
        return take_number(p, term);
    case QUERY_KIND_METRIC:
        return take_metric(p, term);
    case QUERY_KIND_SIZE:
        return take_size(p, term);
    case QUERY_KIND_DURATION:
    case QUERY_KIND_AGE:
        return take_duration(p, term);
    case QUERY_KIND_DIGEST:
        return take_hex(p, term, 64);
    case QUERY_KIND_CRASH:
        return take_hex(p, term, 16);
    case QUERY_KIND_NAME:
        return take_name(p, term);
    case QUERY_KIND_VERSION:
        return take_version(p, term);
    case QUERY_KIND_TEXT:
    default:
        term->value = query_keep_text(p->query, t->text);
        return true;
    }
}
