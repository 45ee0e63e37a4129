/*
 * From tokens to a tree, by recursive descent:
 *
 *     filter = [ any ]                          any  = all { "or" all }
 *     all    = not { "and" not }                not  = { "not" } ( "(" any ")" | term )
 *     term   = field operator value  |  field "in" "(" value { "," value } ")"
 *
 * A list becomes an OR of terms. Two NOTs are none, so that each node has one at most and QUERY_NODES_MAX is enough.
 */
#include "parse.h"

#include "otaria/wire.h"

#include <stdio.h>
#include <string.h>

static uint16_t new_node(struct parser *p, enum node_kind kind)
{
    struct query *q = p->query;
    if (q->node_count >= QUERY_NODES_MAX) {
        query_fail(p, p->token.at, "a filter has at most %u parts", QUERY_NODES_MAX);
        return 0;
    }
    q->nodes[q->node_count] = (struct query_node){.kind = (uint8_t)kind};
    return q->node_count++;
}

/* --- terms --- */

static bool no_field(struct parser *p)
{
    char list[420] = "", seen[QUERY_VALUE_MAX + 8];
    for (unsigned i = 0; i < QUERY_ATTRIBUTE; i++) {
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s, ", query_field_name((enum query_field)i));
    }
    return query_fail(p, p->token.at,
                      "%s is no field; fields are %sregion, link and, for any other attribute, attr.NAME; "
                      "for a metric, metric.NAME",
                      query_seen(&p->token, seen), list);
}

bool query_is_standing_attribute(const char *name)
{
    return strcmp(name, "region") == 0 || strcmp(name, "link") == 0;
}

static bool is_known_attribute(const struct parser *p, const char *name)
{
    return query_is_standing_attribute(name) || (p->attributes != NULL && ot_wire_is_attribute_name(name) &&
                                                 p->attributes->is_known(p->attributes->of, name));
}

/* What stands behind the dot of "attr." and "metric.", and all of a bare attribute; NULL: a field without a name. */
static const char *name_of_field(const struct parser *p, const char *word, enum query_field *field)
{
    *field = query_field_from_name(word);
    if (*field != QUERY_FIELDS)
        return NULL;
    for (enum query_field f = QUERY_ATTRIBUTE; f <= QUERY_METRIC; f++) {
        size_t n = strlen(query_field_name(f));
        if (strncmp(word, query_field_name(f), n) == 0 && word[n] == '.') {
            *field = f;
            return word + n + 1;
        }
    }
    *field = is_known_attribute(p, word) ? QUERY_ATTRIBUTE : QUERY_FIELDS;
    return word;
}

static bool take_field(struct parser *p, struct query_node *term)
{
    enum query_field field;
    const char *name = name_of_field(p, p->token.text, &field);
    if (field == QUERY_FIELDS)
        return no_field(p);
    if (name != NULL &&
        !(field == QUERY_METRIC ? ot_wire_is_metric_name(name) : ot_wire_is_attribute_name(name)))
        return query_fail(p, p->token.at, "behind the dot stands a name of a-z, 0-9 and _, at most %u",
                          field == QUERY_METRIC ? OT_METRIC_NAME_MAX : OT_ATTRIBUTE_MAX);
    term->field = (uint8_t)field;
    term->name = name != NULL ? query_keep_text(p->query, name) : 0;
    query_next(p);
    return true;
}

static bool take_operator(struct parser *p, struct query_node *term)
{
    char seen[QUERY_VALUE_MAX + 8], list[40] = "";
    unsigned takes = query_kind_takes(query_field_kind((enum query_field)term->field));
    bool is_list = query_at_keyword(p, "in");
    enum query_operation operation = is_list ? OP_EQ : p->token.operation;
    if ((p->token.kind == TOKEN_OPERATOR || is_list) && (takes >> operation & 1u) != 0) {
        term->operation = (uint8_t)operation;
        query_next(p);
        return true;
    }
    for (unsigned i = 0; i < OP_COUNT; i++) {
        size_t n = strlen(list);
        if ((takes >> i & 1u) != 0)
            snprintf(list + n, sizeof list - n, " %s", query_operators[i]);
    }
    return query_fail(p, p->token.at, "behind %s stands one of%s%s, not %s",
                      query_field_name((enum query_field)term->field), list, (takes & 1u) != 0 ? " in" : "",
                      query_seen(&p->token, seen));
}

static uint16_t add_term(struct parser *p, const struct query_node *term)
{
    if (p->query->term_count >= QUERY_TERMS_MAX) {
        query_fail(p, p->token.at, "a filter has at most %u comparisons", QUERY_TERMS_MAX);
        return 0;
    }
    p->query->term_count++;
    uint16_t at = new_node(p, NODE_TERM);
    if (at != 0) {
        p->query->nodes[at] = *term;
        p->query->nodes[at].kind = NODE_TERM;
    }
    if (at == 0 || !query_take_value(p, &p->query->nodes[at]))
        return 0;
    query_next(p);
    return at;
}

/* --- what joins them --- */

/* Children of one parent, in order. A single one needs no parent. */
struct family {
    uint16_t first, last, count;
};

static bool add_child(struct parser *p, struct family *f, uint16_t child)
{
    if (child == 0)
        return false;
    if (f->last != 0)
        p->query->nodes[f->last].next = child;
    else
        f->first = child;
    f->last = child;
    f->count++;
    return true;
}

static uint16_t parent_of(struct parser *p, const struct family *f, enum node_kind kind)
{
    if (f->count == 1)
        return f->first;
    uint16_t at = new_node(p, kind);
    if (at != 0)
        p->query->nodes[at].child = f->first;
    return at;
}

static bool take(struct parser *p, enum token_kind kind, const char *what)
{
    char seen[QUERY_VALUE_MAX + 8];
    if (p->token.kind != kind)
        return query_fail(p, p->token.at, "%s is wanted, not %s", what, query_seen(&p->token, seen));
    query_next(p);
    return true;
}

static uint16_t read_list(struct parser *p, const struct query_node *term)
{
    struct family f = {0};
    if (!take(p, TOKEN_OPEN, "\"(\""))
        return 0;
    do {
        if (f.count > 0)
            query_next(p); /* the comma */
        if (!add_child(p, &f, add_term(p, term)))
            return 0;
    } while (p->token.kind == TOKEN_COMMA);
    return take(p, TOKEN_CLOSE, "\",\" or \")\"") ? parent_of(p, &f, NODE_OR) : 0;
}

static uint16_t read_term(struct parser *p)
{
    struct query_node term = {.kind = NODE_TERM};
    char seen[QUERY_VALUE_MAX + 8];
    if (p->token.kind != TOKEN_WORD || query_is_keyword(p->token.text)) {
        query_fail(p, p->token.at, "a field, \"not\" or \"(\" is wanted, not %s",
                   query_seen(&p->token, seen));
        return 0;
    }
    if (!take_field(p, &term))
        return 0;
    bool is_list = query_at_keyword(p, "in");
    if (!take_operator(p, &term))
        return 0;
    return is_list ? read_list(p, &term) : add_term(p, &term);
}

static uint16_t read_any(struct parser *p);

static uint16_t read_group(struct parser *p)
{
    if (p->depth == QUERY_DEPTH_MAX) {
        query_fail(p, p->token.at, "at most %u parentheses inside each other", QUERY_DEPTH_MAX);
        return 0;
    }
    p->depth++;
    query_next(p);
    uint16_t inside = read_any(p);
    p->depth--;
    return inside != 0 && take(p, TOKEN_CLOSE, "\"and\", \"or\" or \")\"") ? inside : 0;
}

static uint16_t negate(struct parser *p, uint16_t what)
{
    if (p->query->nodes[what].kind == NODE_NOT)
        return p->query->nodes[what].child;
    uint16_t at = new_node(p, NODE_NOT);
    if (at != 0)
        p->query->nodes[at].child = what;
    return at;
}

static uint16_t read_not(struct parser *p)
{
    bool is_negated = false;
    for (; query_at_keyword(p, "not"); query_next(p))
        is_negated = !is_negated;
    uint16_t at = p->token.kind == TOKEN_OPEN ? read_group(p) : read_term(p);
    return at != 0 && is_negated ? negate(p, at) : at;
}

/* Parts with a word between them. */
static uint16_t read_joined(struct parser *p, const char *word, enum node_kind kind,
                            uint16_t (*read_part)(struct parser *p))
{
    struct family f = {0};
    do {
        if (f.count > 0)
            query_next(p); /* the word */
        if (!add_child(p, &f, read_part(p)))
            return 0;
    } while (query_at_keyword(p, word));
    return parent_of(p, &f, kind);
}

static uint16_t read_all(struct parser *p)
{
    return read_joined(p, "and", NODE_AND, read_not);
}

static uint16_t read_any(struct parser *p)
{
    return read_joined(p, "or", NODE_OR, read_all);
}

/* What is kept is what query_print() writes: it must be a filter, too. */
static bool fits_written(struct parser *p)
{
    size_t n = query_write(p->query, NULL, 0);
    return n <= QUERY_TEXT_MAX ||
           query_fail(p, p->len, "written out this is %zu bytes; a filter has at most %u", n, QUERY_TEXT_MAX);
}

static bool read_all_of_it(struct parser *p)
{
    if (p->len > QUERY_TEXT_MAX)
        return query_fail(p, QUERY_TEXT_MAX, "a filter has at most %u bytes", QUERY_TEXT_MAX);
    query_next(p);
    if (p->token.kind == TOKEN_END)
        return true;
    p->query->root = read_any(p);
    return p->query->root != 0 && take(p, TOKEN_END, "\"and\", \"or\" or the end") && fits_written(p);
}

int query_parse(const char *text, size_t len, const struct query_attributes *attributes, struct query *out,
                struct query_error *error)
{
    struct parser p = {.text = text, .len = len, .attributes = attributes, .query = out, .error = error};
    memset(out, 0, sizeof *out); /* whole, so that equal queries are equal bytes */
    memset(error, 0, sizeof *error);
    out->node_count = out->text_len = 1; /* 0 is none */
    if (read_all_of_it(&p))
        return 0;
    /* An OR without children holds for nothing: a refused filter must never be every device. */
    out->nodes[1] = (struct query_node){.kind = NODE_OR};
    out->root = 1;
    out->node_count = 2;
    return -1;
}
