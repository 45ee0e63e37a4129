/**
 * Filters: which devices? One language for device lists, exports and rollouts; docs/filters.md is its page.
 *
 *     struct query q;
 *     struct query_error e;
 *     if (query_parse(text, strlen(text), NULL, &q, &e) != 0)
 *         complain(e.at, e.message);
 *     if (query_matches(&q, &subject, now_ms)) ...
 *
 * Pure: no heap, no clock, no globals. A struct query is plain data of one size: copy it, keep it, throw it away; it
 * points nowhere. Untrusted text is parsed whole before any of it counts.
 */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "otaria/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUERY_TEXT_MAX  1024u /* bytes of a filter, as given and as query_print() writes it */
#define QUERY_TERMS_MAX 64u   /* comparisons; each value of a list is one */
#define QUERY_DEPTH_MAX 16u   /* parentheses inside each other */
#define QUERY_VALUE_MAX 64u   /* bytes of one value */
#define QUERY_NODES_MAX 256u  /* enough for all terms, whatever joins them */

/** What can be asked about. Numbers live in memory only. */
enum query_field {
    QUERY_ID,
    QUERY_CHIP,
    QUERY_HW_REV,
    QUERY_VERSION,
    QUERY_RELEASE,
    QUERY_DIGEST,
    QUERY_SLOT,
    QUERY_STATE,
    QUERY_OTHER_VERSION,
    QUERY_OTHER_RELEASE,
    QUERY_OTHER_DIGEST,
    QUERY_OTHER_SLOT,
    QUERY_OTHER_STATE,
    QUERY_BOOTLOADER,
    QUERY_PATCH_PROFILE,
    QUERY_SLOT_BYTES,
    QUERY_FLOOR,
    QUERY_SECURE_VERSION,
    QUERY_KEY,
    QUERY_REVOKED,
    QUERY_TAG,
    QUERY_UNHEARD,
    QUERY_FIRST_SEEN,
    QUERY_CHECKED_IN,
    QUERY_IN_SYNC,
    QUERY_BOOTS,
    QUERY_PANICS,
    QUERY_WATCHDOGS,
    QUERY_BROWNOUTS,
    QUERY_OTHER_RESETS,
    QUERY_LINK_LOSSES,
    QUERY_UPTIME,
    QUERY_LAST_RESET,
    QUERY_CRASH,
    QUERY_ATTRIBUTE, /* attr.NAME */
    QUERY_METRIC,    /* metric.NAME */
    QUERY_FIELDS
};

/** One value of a subject. Which member counts depends on the field: query_field_kind(). */
struct query_value {
    const char *text; /* QUERY_KIND_TEXT, _NAME, _VERSION */
    uint64_t number;  /* QUERY_KIND_NUMBER, _SIZE, _DURATION (seconds), _CRASH; _AGE: ms, wall clock */
    int64_t metric;   /* QUERY_KIND_METRIC */
    const struct ot_digest *digest; /* QUERY_KIND_DIGEST */
};

enum query_kind {
    QUERY_KIND_TEXT,     /* any text */
    QUERY_KIND_NAME,     /* one of a fixed list */
    QUERY_KIND_VERSION,  /* text, with an order where it reads as numbers with dots */
    QUERY_KIND_NUMBER,   /* whole number */
    QUERY_KIND_SIZE,     /* bytes */
    QUERY_KIND_DURATION, /* seconds */
    QUERY_KIND_AGE,      /* how long ago something was */
    QUERY_KIND_DIGEST,   /* 64 hex digits, named by the first four or more */
    QUERY_KIND_CRASH,    /* 16 hex digits, likewise */
    QUERY_KIND_METRIC,   /* whole number, may be below 0 */
};
enum query_kind query_field_kind(enum query_field field);
/** "hw_rev"; "attr" for QUERY_ATTRIBUTE, "metric" for QUERY_METRIC. */
const char *query_field_name(enum query_field field);

/**
 * The thing a query is asked about. `get` gives the `index`-th value of a field (`name` is what stands behind
 * the dot of QUERY_ATTRIBUTE and QUERY_METRIC, else NULL) and returns false when there is none; fields with one value have it at index 0. Values
 * are borrowed until the next call. For devices: query/device.h.
 */
struct query_subject {
    const void *of;
    bool (*get)(const void *of, enum query_field field, const char *name, unsigned index,
                struct query_value *out);
};

/** Which bare names are attributes: a name that is no field counts as attr.NAME when this says so. */
struct query_attributes {
    const void *of;
    bool (*is_known)(const void *of, const char *name);
};

/** Private to the room, except that the struct is to be copied as a whole. */
struct query_node {
    uint8_t kind, field, operation;
    bool is_literal;      /* written in quotes: `*` is a star */
    uint16_t child, next; /* 0: none */
    uint16_t name, value; /* offsets into the text of the query; 0: none */
    uint64_t number;
};

struct query {
    uint16_t root; /* 0: every device */
    uint16_t node_count, text_len, term_count;
    struct query_node nodes[QUERY_NODES_MAX]; /* [0] is unused */
    char text[QUERY_TEXT_MAX + 2u * QUERY_TERMS_MAX + 2u];
};

struct query_error {
    size_t at;         /* byte of the text, from 0; its length when something is missing at the end */
    char message[640]; /* a sentence for a person; printable UTF-8, says where */
};

/**
 * Read a filter. Empty text, or spaces alone, is every device.
 *
 * @param attributes  May be NULL: then only fields, attr.NAME, metric.NAME, `region` and `link` are known.
 * @return 0, or -1 with `*error` filled in; then `*out` is an empty query that matches nothing.
 */
int query_parse(const char *text, size_t len, const struct query_attributes *attributes, struct query *out,
                struct query_error *error);

/** Does it ask about this field anywhere? */
bool query_asks(const struct query *q, enum query_field field);

/** Does the subject match? `now_ms`: the wall clock that ages count from. A time in the future is age 0. */
bool query_matches(const struct query *q, const struct query_subject *subject, uint64_t now_ms);

/**
 * The canonical text: reads back as the same query, without knowing attributes, and prints the same again. At most
 * QUERY_TEXT_MAX bytes and a NUL. What is kept (in a plan, in a log) is this.
 */
void query_print(const struct query *q, char out[QUERY_TEXT_MAX + 1]);

/**
 * Order of two versions: numbers with dots, an optional `v` before, `-` and what comes before the release behind,
 * `+build` without meaning. Missing numbers are 0. False when one of them does not read so.
 */
bool query_version_order(const char *a, const char *b, int *order);

#endif
