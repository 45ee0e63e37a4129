/**
 * The server of the matrix, in process: speaks the device messages with core/wire, serves images, and keeps a ledger
 * of what every attempt ended in. Plain memory: a snapshot is a copy.
 */
#ifndef MATRIX_SERVER_H
#define MATRIX_SERVER_H

#include "firmware.h"
#include "otaria/wire.h"

#define LEDGER_ATTEMPTS 6u

struct ledger_attempt {
    int firmware;
    bool wanted;    /* false: abandoned by the operator */
    uint32_t kinds; /* bit k: event kind k was reported */
    enum ot_event_kind outcome;
    enum ot_status reason;
    enum ot_way way;             /* of the outcome */
    enum ot_status not_by_patch; /* reason of `installed`: why it was no patch */
    char check[OT_CHECK_NAME_MAX + 1];
    bool went_back; /* late_revert: after the outcome */
    enum ot_status late_reason;
    uint8_t keys_kept;   /* key_kept: so many different events */
    uint32_t told_twice; /* bit k: event kind k came again under another sequence number */
    uint32_t outcomes;   /* different outcome events: must be 1 in the end */
};

struct ledger {
    bool enrolled;
    struct ot_digest token_sha256;
    uint32_t ack;
    uint32_t attempt_count;
    struct ledger_attempt attempts[LEDGER_ATTEMPTS];
    /* what the operator wants next */
    uint32_t plan_at; /* next entry of the scenario's plan */
    /* of the open transfer */
    int serves; /* firmware, or FIRMWARE_NONE */
    bool serves_blocks;
    const struct firmware_patch *serves_patch; /* patch or compressed image, not the image; NULL */
    uint32_t serve_at;
    /* totals */
    uint32_t sent_bytes;
    uint32_t sent_image_bytes, sent_compressed_bytes;
    uint32_t sent_to;    /* end of the image bytes sent last */
    uint32_t again_most; /* that a device asked for again, at one go, though they had been sent */
    uint32_t cuts_made;
    uint32_t check_ins, refused_messages, with_events;
    struct ot_wire_check_in last; /* the newest message */
};

/** What the operator does: one release after the other; the next when the one before has its outcome. */
struct server_plan {
    uint32_t count;
    struct {
        enum firmware_name firmware;
        uint32_t abandon_after; /* bytes served; 0: never */
    } offers[4];
    uint32_t cut_every; /* the connection breaks each time so many bytes were served in it; 0: never */
    uint32_t cuts_max;
    bool
        stores_every_third; /* the database is busy: other messages' events are not stored, and not acknowledged */
    uint32_t cut_at;        /* the connection breaks at this byte of the image, once; 0: never */
};

/** What a server may do wrong, or an attacker in its place on purpose. */
enum server_lie {
    LIE_NONE = 0,
    LIE_HTML,          /* 200 with a login page: a captive portal */
    LIE_STATUS,        /* `lie_status` to everything */
    LIE_GARBAGE,       /* replies with flipped bytes */
    LIE_HUGE,          /* a reply longer than any message */
    LIE_ENDLESS,       /* an image that does not end where it said */
    LIE_SHORT,         /* ... or ends early, each time */
    LIE_TOTAL,         /* another size than the offer's */
    LIE_IGNORES_RANGE, /* the whole image again where the rest was asked for */
    LIE_OTHER_BYTES,   /* right length, other content */
};

struct server {
    const struct firmware_set *set;
    struct firmware_patch patch;      /* to B; offered to devices that take patches */
    struct firmware_patch compressed; /* B, likewise */
    bool hides_patch;                 /* ... and not served */
    enum server_lie lie;
    int lie_status;
    uint32_t lies_left; /* so often; then it behaves */
    uint64_t lie_chance;
    struct server_plan plan;
    uint32_t in_connection; /* bytes since get_open */
    /* a server that lies */
    const uint8_t *replace_bytes; /* instead of this firmware's, with hashes to match: `replaced` below */
    enum firmware_name replaces;
    struct firmware replaced;
};

enum ot_status server_post(struct server *s, struct ledger *l, const char *path, const char *token,
                           const uint8_t *body, uint32_t len, uint8_t *reply, uint32_t cap,
                           uint32_t *reply_len, int *http_status);
enum ot_status server_get_open(struct server *s, struct ledger *l, const char *path, uint32_t offset,
                               const char *etag, uint32_t *total, int *http_status);
enum ot_status server_get_read(struct server *s, struct ledger *l, uint8_t *buf, uint32_t cap, uint32_t *len);
void server_get_close(struct server *s, struct ledger *l);

/** Everything planned was offered and has its outcome. */
bool server_is_done(const struct server *s, const struct ledger *l);

#endif
