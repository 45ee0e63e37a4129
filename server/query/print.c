/* The canonical text of a query: single spaces, quotes and parentheses only where they are needed. */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct writer {
    const struct query *query;
    char *out;
    size_t cap, len; /* `len` counts on when there is no room */
};

static void put(struct writer *w, const char *text)
{
    for (; *text != '\0'; text++, w->len++) {
        if (w->len < w->cap)
            w->out[w->len] = *text;
    }
}

static void put_char(struct writer *w, char c)
{
    put(w, (char[]){c, '\0'});
}

static void put_number(struct writer *w, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, n);
    put(w, text);
}

static void put_metric(struct writer *w, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, n);
    put(w, text);
}

static void put_duration(struct writer *w, uint64_t seconds)
{
    unsigned unit = seconds == 0 ? 0 : 4;
    while (unit > 0 && seconds % query_units[unit].seconds != 0)
        unit--;
    put_number(w, seconds / query_units[unit].seconds);
    put_char(w, query_units[unit].letter);
}

static bool needs_quotes(const struct query_node *term, const char *text)
{
    bool star = strchr(text, '*') != NULL;
    if (query_is_keyword(text) || (star && term->is_literal && term->operation != OP_HAS))
        return true;
    for (; *text != '\0'; text++) {
        if (!query_is_word_char(*text))
            return true;
    }
    return false;
}

static void put_text(struct writer *w, const struct query_node *term)
{
    const char *text = w->query->text + term->value;
    if (!needs_quotes(term, text)) {
        put(w, text);
        return;
    }
    put(w, "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            put(w, "\\");
        put_char(w, *text);
    }
    put(w, "\"");
}

static void put_value(struct writer *w, const struct query_node *term)
{
    enum query_kind kind = query_field_kind((enum query_field)term->field);
    if (kind == QUERY_KIND_NUMBER || kind == QUERY_KIND_SIZE)
        put_number(w, term->number);
    else if (kind == QUERY_KIND_DURATION || kind == QUERY_KIND_AGE)
        put_duration(w, term->number);
    else if (kind == QUERY_KIND_METRIC)
        put_metric(w, (int64_t)term->number);
    else
        put_text(w, term);
}

static void put_field(struct writer *w, const struct query_node *term)
{
    const char *name = w->query->text + term->name;
    bool is_standing = term->field == QUERY_ATTRIBUTE && query_is_standing_attribute(name);
    put(w, is_standing ? name : query_field_name((enum query_field)term->field));
    if (term->name != 0 && !is_standing) {
        put(w, ".");
        put(w, name);
    }
}

static void put_term(struct writer *w, const struct query_node *term)
{
    put_field(w, term);
    put(w, " ");
    put(w, query_operators[term->operation]);
    put(w, " ");
    put_value(w, term);
}

/* An OR of equal comparisons of one field is written as a list. */
static bool is_list(const struct query *q, const struct query_node *node)
{
    const struct query_node *first = &q->nodes[node->child];
    if (node->kind != NODE_OR)
        return false;
    for (uint16_t at = node->child; at != 0; at = q->nodes[at].next) {
        const struct query_node *n = &q->nodes[at];
        if (n->kind != NODE_TERM || n->operation != OP_EQ || n->field != first->field ||
            strcmp(q->text + n->name, q->text + first->name) != 0)
            return false;
    }
    return true;
}

static void put_list(struct writer *w, const struct query_node *node)
{
    put_field(w, &w->query->nodes[node->child]);
    put(w, " in (");
    for (uint16_t at = node->child; at != 0; at = w->query->nodes[at].next) {
        put(w, at != node->child ? ", " : "");
        put_value(w, &w->query->nodes[at]);
    }
    put(w, ")");
}

static void put_node(struct writer *w, uint16_t at, enum node_kind above)
{
    const struct query_node *node = &w->query->nodes[at];
    enum node_kind kind = (enum node_kind)node->kind;
    if (kind == NODE_TERM) {
        put_term(w, node);
    } else if (kind == NODE_NOT) {
        put(w, "not ");
        put_node(w, node->child, NODE_NOT);
    } else if (is_list(w->query, node)) {
        put_list(w, node);
    } else {
        bool is_inside = above == NODE_NOT || (kind == NODE_OR && above == NODE_AND);
        put(w, is_inside ? "(" : "");
        for (uint16_t child = node->child; child != 0; child = w->query->nodes[child].next) {
            put(w, child == node->child ? "" : kind == NODE_AND ? " and " : " or ");
            put_node(w, child, kind);
        }
        put(w, is_inside ? ")" : "");
    }
}

size_t query_write(const struct query *q, char *out, size_t cap)
{
    struct writer w = {.query = q, .out = out, .cap = cap};
    if (q->root != 0)
        put_node(&w, q->root, NODE_OR);
    return w.len;
}

void query_print(const struct query *q, char out[QUERY_TEXT_MAX + 1])
{
    size_t n = query_write(q, out, QUERY_TEXT_MAX);
    out[n < QUERY_TEXT_MAX ? n : QUERY_TEXT_MAX] = '\0';
}
