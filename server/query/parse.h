/** A filter being read: the text, the token at hand, the query that grows. Private to server/query. */
#ifndef QUERY_PARSE_H
#define QUERY_PARSE_H

#include "internal.h"

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_STRING, /* in double quotes */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_OPERATOR,
    TOKEN_BAD, /* the error has been reported */
};

struct token {
    enum token_kind kind;
    size_t at;                       /* where it begins */
    enum query_operation operation;  /* TOKEN_OPERATOR */
    char text[QUERY_VALUE_MAX + 2u]; /* TOKEN_WORD, TOKEN_STRING: without quotes and escapes */
};

struct parser {
    const char *text;
    size_t len, at; /* `at`: behind the token */
    struct token token;
    const struct query_attributes *attributes;
    struct query *query;
    struct query_error *error;
    unsigned depth;
    bool has_failed;
};

/* lex.c */
/** Go on to the next token. */
void query_next(struct parser *p);
bool query_at_keyword(const struct parser *p, const char *keyword);

/** The first complaint counts. Always returns false. */
bool query_fail(struct parser *p, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** The token as a message may show it: quoted, or "the end". */
const char *query_seen(const struct token *t, char out[QUERY_VALUE_MAX + 8]);

/* value.c */
/** The token as the value of this term: fills in text or number. */
bool query_take_value(struct parser *p, struct query_node *term);
/** Room for a text in the query. */
uint16_t query_keep_text(struct query *q, const char *text);

#endif
