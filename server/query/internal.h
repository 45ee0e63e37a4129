/** Shared by the files of the room. Private to server/query. */
#ifndef QUERY_INTERNAL_H
#define QUERY_INTERNAL_H

#include "query/query.h"

enum node_kind { NODE_TERM = 1, NODE_NOT, NODE_AND, NODE_OR };

/** `~` is "contains". Their spelling, in this order: query_operators. */
enum query_operation { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_HAS, OP_COUNT };
extern const char *const query_operators[OP_COUNT];

struct field_info {
    const char *name;
    enum query_kind kind;
    const char *const *values; /* QUERY_KIND_NAME: what it can be, NULL at the end; NULL: the chips */
};

const struct field_info *query_field_info(enum query_field field);
/** QUERY_FIELDS when there is none of this name. */
enum query_field query_field_from_name(const char *name);
/** Which operations a kind takes, as bits 1u << OP_... */
unsigned query_kind_takes(enum query_kind kind);
/** The `index`-th value of a field of QUERY_KIND_NAME; NULL behind the last. */
const char *query_field_value(enum query_field field, unsigned index);

/** Characters of a value without quotes. */
bool query_is_word_char(char c);
/** "and", "or", "not", "in", in any case? */
bool query_is_keyword(const char *word);
/** The same word, whatever the case of its ASCII letters? */
bool query_same_word(const char *a, const char *b);
/** An attribute that is known by its bare name everywhere. */
bool query_is_standing_attribute(const char *name);
bool query_is_version(const char *text);

/** Seconds of a unit: "s", "m", "h", "d", "w"; in the order of size. */
struct query_unit {
    char letter;
    uint32_t seconds;
};
extern const struct query_unit query_units[5];

/** Bytes that query_print() would write, NUL not counted; `out` may be NULL. */
size_t query_write(const struct query *q, char *out, size_t cap);

#endif
