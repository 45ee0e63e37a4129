/**
 * The agent's memory: one struct, provided by the caller. Fields are the agent's own; read them for tests and screens,
 * change them never.
 */
#ifndef AGENT_AGENT_STATE_H
#define AGENT_AGENT_STATE_H

#include "agent/port.h"
#include "otaria/descriptor.h"

#define OT_AGENT_HASH_WINDOW   64u /* block hashes held at once: 4 MiB of image */
#define OT_AGENT_BLOCK_BYTES   65536u
#define OT_AGENT_OUTBOX_EVENTS OT_WIRE_EVENTS_MAX
#define OT_AGENT_PATCH_STARTS  8u /* of a patch, in a row without progress; then it is given up */

/** How far an attempt has come. On flash: numbers are never reused. */
enum ot_attempt_phase {
    OT_PHASE_NONE = 0,
    OT_PHASE_DOWNLOADING = 1,
    OT_PHASE_INSTALLED = 2,  /* complete and verified in the inactive slot */
    OT_PHASE_SWITCHING = 3,  /* about to select the slot, or selected it */
    OT_PHASE_PROBATION = 4,  /* the target has run */
    OT_PHASE_CONFIRMING = 5, /* self test passed, about to mark valid */
    OT_PHASE_REVERTING = 6,  /* given up, about to go back */
};

/** The attempt in progress; journalled as a whole (records.c has the byte layout). */
struct ot_attempt {
    enum ot_attempt_phase phase;
    char id[OT_ATTEMPT_ID_MAX + 1];
    uint32_t release;
    char version[OT_VERSION_MAX + 1];
    struct ot_digest target;
    bool undescribed;
    struct ot_wire_artifact image;
    int8_t slot;             /* where it goes */
    uint32_t verified_bytes; /* whole blocks that read back right */
    uint32_t received_bytes; /* over the network, all tries */
    uint8_t switch_tries;    /* set_boot was reached this often */
    uint8_t probation_boots;
    bool switching_reported;
    enum ot_status reason; /* why it is being given up */
    /* Survives the attempt: how often this very image was tried. */
    struct ot_digest last_target;
    uint8_t last_tries;
};

/**
 * A smaller way than the image: the patch that was offered, or the compressed image. Each journalled by itself and apart from
 * the attempt, because layouts never change: older agents read the attempt as before.
 */
struct ot_patch_note {
    enum ot_way way; /* patch or compressed: to be tried. full: not, or not any more. none: was not offered */
    enum ot_status reason; /* ... why not; OT_OK else */
    struct ot_digest sha256;
    uint32_t bytes;   /* 0: none that could be used */
    uint32_t fetched; /* stored in the slot so far, in whole blocks */
    uint32_t applied; /* of the target: whole blocks that are written and read back right */
    uint8_t starts;   /* boots that began it since a block was counted last */
};

/** The image that proved itself last. Another one that runs owes a self test, whatever otadata says of it. */
struct ot_proof {
    struct ot_digest digest;             /* zero: none yet */
    char attempt[OT_ATTEMPT_ID_MAX + 1]; /* that brought it; "": factory, or its late revert is reported */
    uint8_t crashes;                     /* of that image: abnormal resets in a row, each soon after boot */
    uint8_t trial_boots;                 /* of another image that runs without an attempt */
    bool keys_settled; /* what it asks of the eFuses' keys is done, or was found impossible and told */
};

/** Why the last failed self test failed. A record of its own: older agents must be able to read the others. */
struct ot_check_note {
    char attempt[OT_ATTEMPT_ID_MAX + 1];
    char check[OT_CHECK_NAME_MAX + 1];
};

struct ot_outbox {
    uint32_t next_seq;
    uint8_t count;
    struct ot_wire_event events[OT_AGENT_OUTBOX_EVENTS];
};

/** Floor and revocations, which only grow, and the keys the last confirmed image trusts. */
struct ot_trust_state {
    uint32_t floor;
    uint32_t generation; /* of the record: the higher one of the two copies is the newer */
    uint8_t key_count;   /* 0: the factory's keys */
    struct ot_digest keys[OT_WIRE_KEYS_MAX];
    uint8_t revoked_count;
    struct ot_digest revoked[OT_WIRE_REVOKED_MAX];
};

/** What the operator claimed about undescribed images this device has taken. */
struct ot_claim {
    struct ot_digest digest;
    uint32_t release;
    char version[OT_VERSION_MAX + 1];
};

struct ot_agent {
    const struct ot_port *port;
    struct ot_agent_config config;
    uint8_t *buffer; /* OT_AGENT_BUFFER_BYTES, the caller's */

    enum ot_agent_state state;
    uint32_t unexpected_events; /* (state, event) pairs without a row: a bug, counted and reported */

    struct ot_facts facts;
    struct ot_attempt attempt;
    struct ot_patch_note patch, compressed; /* of the attempt: it goes by the first that is to be tried */
    struct ot_outbox outbox;
    struct ot_trust_state trust;
    struct ot_claim claims[2];
    struct ot_proof proof;
    struct ot_check_note check_note;
    struct ot_health health; /* counters as journalled, without this boot's uptime */
    char token[65];
    bool enrolled;

    /* the running image */
    struct ot_wire_slot running, other;
    bool running_described;
    struct ot_descriptor running_desc;
    uint32_t running_secure_version;
    enum ot_wire_bootloader bootloader;
    bool owes_self_test; /* the running image is in probation */
    bool no_fallback;    /* ... and nothing else would boot */
    bool goes_back;      /* the guard has selected the other slot: reset */
    bool crash_counted;  /* the reset before this boot, against the image that proved itself */

    /* this boot only */
    uint32_t poll_s;
    uint8_t failures;         /* in a row, for back-off */
    uint8_t journal_failures; /* in a row: flash is worn by trying again and again */
    uint64_t next_poll_ms;
    uint64_t probation_since_ms;
    uint64_t defer_since_ms;
    uint64_t uptime_saved_ms;
    bool contact_since_boot;
    bool trust_unsaved; /* floor, keys or revocations are in force, and not in both copies of the record */
    bool wishes_open;   /* something the running image asks for could not be done */
    bool self_test_started;
    enum ot_self_test_state self_test;
    enum ot_status self_test_reason;
    struct ot_verdict verdict;
    enum ot_status failure; /* why the last piece of work failed */

    /* download */
    bool transfer_open;
    uint32_t write_at;     /* next byte of the image */
    uint32_t erased_to;    /* sectors below are erased or written */
    uint32_t fill;         /* bytes waiting in the buffer */
    uint8_t block_retries; /* of the present block */
    uint8_t refusals;      /* the server keeps the offer up and does not serve it */
    uint32_t window_first;
    uint32_t window_count;

    struct ot_image image;
    struct ot_image_digests digests;

    /* One message, one reply or a window of block hashes at a time. */
    union {
        struct ot_wire_check_in check_in;
        struct ot_wire_reply reply;
        struct ot_wire_enrol enrol;
        struct ot_digest window[OT_AGENT_HASH_WINDOW];
        uint8_t raw[2048];
    } u;
};

#endif
