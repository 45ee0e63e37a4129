/*
 * Does a subject match? A comparison with a value that the subject does not have is false, whatever the comparison;
 * `!=` is NOT of `=`, so it is true then.
 */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct match {
    const struct query *query;
    const struct query_subject *subject;
    uint64_t now_ms;
};

/* `*` stands for any bytes. Only the last star need be remembered: an earlier one can always take less. */
static bool matches_pattern(const char *pattern, const char *text)
{
    const char *star = NULL, *behind = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            behind = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++behind;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Anywhere in the text, whatever the case of ASCII letters. */
static bool contains(const char *text, const char *part)
{
    for (; *text != '\0'; text++) {
        size_t n = 0;
        while (part[n] != '\0' && lower(text[n]) == lower(part[n]))
            n++;
        if (part[n] == '\0')
            return true;
    }
    return false;
}

static bool in_order(enum query_operation operation, int order)
{
    return operation == OP_EQ   ? order == 0
           : operation == OP_LT ? order < 0
           : operation == OP_LE ? order <= 0
           : operation == OP_GT ? order > 0
                                : order >= 0;
}

static bool compare_number(enum query_operation operation, uint64_t a, uint64_t b)
{
    return in_order(operation, (a > b) - (a < b));
}

static bool compare_text(const struct match *m, const struct query_node *term, const char *text)
{
    const char *value = m->query->text + term->value;
    int order;
    if (term->operation == OP_HAS)
        return contains(text, value);
    if (term->operation != OP_EQ)
        return query_version_order(text, value, &order) &&
               in_order((enum query_operation)term->operation, order);
    return term->is_literal ? strcmp(value, text) == 0 : matches_pattern(value, text);
}

static bool compare_hex(const struct match *m, const struct query_node *term, const char *hex)
{
    const char *value = m->query->text + term->value;
    return strncmp(hex, value, strlen(value)) == 0;
}

static uint64_t age_ms(const struct match *m, uint64_t when_ms)
{
    return m->now_ms > when_ms ? m->now_ms - when_ms : 0;
}

static bool compare(const struct match *m, const struct query_node *term, const struct query_value *v)
{
    char hex[OT_DIGEST_HEX_BYTES];
    enum query_operation operation = (enum query_operation)term->operation;
    switch (query_field_kind((enum query_field)term->field)) {
    case QUERY_KIND_NUMBER:
    case QUERY_KIND_SIZE:
    case QUERY_KIND_DURATION:
        return compare_number(operation, v->number, term->number);
    case QUERY_KIND_METRIC:
        return in_order(operation, (v->metric > (int64_t)term->number) - (v->metric < (int64_t)term->number));
    case QUERY_KIND_AGE:
        return compare_number(operation, age_ms(m, v->number), term->number * 1000u);
    case QUERY_KIND_DIGEST:
        ot_digest_to_hex(v->digest, hex);
        return compare_hex(m, term, hex);
    case QUERY_KIND_CRASH:
        snprintf(hex, sizeof hex, "%016" PRIx64, v->number);
        return compare_hex(m, term, hex);
    case QUERY_KIND_TEXT:
    case QUERY_KIND_NAME:
    case QUERY_KIND_VERSION:
    default:
        return compare_text(m, term, v->text);
    }
}

/* One of the values is enough. */
static bool any_value(const struct match *m, const struct query_node *term)
{
    struct query_value v;
    const char *name = term->name != 0 ? m->query->text + term->name : NULL;
    for (unsigned i = 0; m->subject->get(m->subject->of, (enum query_field)term->field, name, i, &v); i++) {
        if (compare(m, term, &v))
            return true;
    }
    return false;
}

static bool holds_term(const struct match *m, const struct query_node *term)
{
    struct query_node equal = *term;
    if (term->operation != OP_NE)
        return any_value(m, term);
    equal.operation = OP_EQ;
    return !any_value(m, &equal);
}

/* As deep as the parser let it: a few calls for each of QUERY_DEPTH_MAX parentheses. */
static bool holds(const struct match *m, uint16_t at)
{
    const struct query_node *node = &m->query->nodes[at];
    if (node->kind == NODE_TERM)
        return holds_term(m, node);
    if (node->kind == NODE_NOT)
        return !holds(m, node->child);
    bool is_and = node->kind == NODE_AND;
    for (uint16_t child = node->child; child != 0; child = m->query->nodes[child].next) {
        if (holds(m, child) != is_and)
            return !is_and;
    }
    return is_and;
}

bool query_asks(const struct query *q, enum query_field field)
{
    for (uint16_t i = 1; i < q->node_count; i++) {
        if (q->nodes[i].kind == NODE_TERM && q->nodes[i].field == field)
            return true;
    }
    return false;
}

bool query_matches(const struct query *q, const struct query_subject *subject, uint64_t now_ms)
{
    struct match m = {.query = q, .subject = subject, .now_ms = now_ms};
    return q->root == 0 || holds(&m, q->root);
}
