/** Making compressed full images: the target as it is decoded, matches within it, and the cheapest tokens. Private to tools/delta. */
#ifndef TOOLS_DELTA_FULL_H
#define TOOLS_DELTA_FULL_H

#include "otaria/delta/codec.h"
#include "tools/delta.h"

#define FULL_NOTHING UINT32_MAX

/* --- full_view.c: the target as decoded --- */

struct full_view {
    const uint8_t *stored; /* borrowed: the target */
    uint32_t size;
    const struct delta_chip *chip;
    uint8_t *bytes;           /* as decoded */
    struct delta_spot *spots; /* each byte's */
    uint32_t *shifts;         /* addresses minus offsets */
    uint16_t *classes;        /* bytes of one class are seen alike by a match */
};

/** By a codec that has just been started for the target; it is spent afterwards. False: no memory. */
bool full_view_start(struct full_view *v, const struct delta_file *target, struct delta_codec *c);
void full_view_free(struct full_view *v);
/** What a match that copies the byte `from` to `to` gives there. */
uint8_t full_view_copied(const struct full_view *v, uint32_t from, uint32_t to);
/** Bytes, at most `max`, that such a match from there on gives right. */
uint32_t full_view_match(const struct full_view *v, uint32_t from, uint32_t to, uint32_t max);

/* --- full_window.c: where the same bytes stood before --- */

#define FULL_MATCH_MAX 273u /* of the search; matches may be longer */

struct full_found {
    uint32_t length, distance;
};

/** Binary trees of what was passed, one for each three bytes that begin it. */
struct full_window {
    const struct full_view *view;
    uint32_t *pairs, *triples; /* the newest place that begins so */
    uint32_t *children;        /* two for each place: what sorts before it, and behind */
    struct full_found found[FULL_MATCH_MAX];
    uint32_t count;
};

bool full_window_start(struct full_window *w, const struct full_view *v);
void full_window_free(struct full_window *w);
/** Places one after the other, none left out: `found` has the matches there, longer ones further away. */
void full_window_pass(struct full_window *w, uint32_t at);

/* --- full_parse.c: the cheapest tokens, as the model stands --- */

#define FULL_BLOCK 32768u /* bytes that are parsed with one state of the model, at most */

struct full_node;
struct full_prices;

struct full_parser {
    const struct full_view *view;
    struct full_window *window;
    struct delta_codec *codec; /* borrowed: its models are asked, not changed */
    struct full_node *nodes;
    struct full_prices *prices;
    struct delta_token *tokens; /* the last block's */
    uint32_t count;
};

bool full_parser_start(struct full_parser *p, const struct full_view *v, struct full_window *w,
                       struct delta_codec *c);
void full_parser_free(struct full_parser *p);
/** Tokens of the next `count` bytes, where the codec stands. */
void full_parse(struct full_parser *p, uint32_t start, uint32_t count);

#endif
