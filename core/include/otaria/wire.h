/**
 * Device messages: the JSON a device and the server exchange, read and written by the same code on both sides.
 *
 * Strict: UTF-8 checked, depth limited, duplicate fields refused, wrong types refused, numbers are integers in range;
 * unknown fields are skipped (a newer peer may send more). A message is parsed completely before any of it counts.
 * Nothing here allocates; strings are copied into the structs, always NUL-terminated.
 *
 * Field names, meanings and examples: docs/protocol.md. Golden messages: tests/golden/wire/.
 */
#ifndef OTARIA_WIRE_H
#define OTARIA_WIRE_H

#include "otaria/crypto.h"
#include "otaria/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OT_WIRE_VERSION        1u
#define OT_WIRE_MESSAGE_MAX    4096u /* bytes of any device message, either way */
#define OT_WIRE_EVENTS_MAX     8u
#define OT_WIRE_ATTRIBUTES_MAX 8u
#define OT_WIRE_METRICS_MAX    8u
#define OT_WIRE_KEYS_MAX       4u
#define OT_WIRE_REVOKED_MAX    8u

#define OT_DEVICE_ID_MAX    64u /* [A-Za-z0-9._:-]+ */
#define OT_PRODUCT_MAX      31u /* [A-Za-z0-9._-]+, the app descriptor's project name */
#define OT_VERSION_MAX      32u /* printable UTF-8 without control characters */
#define OT_ATTEMPT_ID_MAX   24u /* [A-Za-z0-9-]+ */
#define OT_ATTRIBUTE_MAX    48u
#define OT_CHECK_NAME_MAX   24u /* [a-z0-9_]+ */
#define OT_METRIC_NAME_MAX  24u /* [a-z0-9_]+ */
/** Largest magnitude of a metric: every reader of JSON keeps whole numbers up to here exact (2^53 - 1). */
#define OT_METRIC_VALUE_MAX 9007199254740991

struct ot_wire_attribute {
    char name[OT_ATTRIBUTE_MAX + 1];  /* [a-z0-9_]+ */
    char value[OT_ATTRIBUTE_MAX + 1]; /* printable UTF-8 */
};

/** A number of the application's own: heap floor, boot time ... The value of the image that runs, whole, in a unit that never changes. */
struct ot_wire_metric {
    char name[OT_METRIC_NAME_MAX + 1];
    int64_t value; /* -OT_METRIC_VALUE_MAX .. OT_METRIC_VALUE_MAX */
};

struct ot_wire_enrol {
    char device[OT_DEVICE_ID_MAX + 1];
    struct ot_digest
        token_sha256; /* the device made its token itself; the server never needs to see it here */
    uint16_t chip_id;
    uint8_t hardware_revision; /* 0..63 */
    uint8_t attribute_count;
    struct ot_wire_attribute attributes[OT_WIRE_ATTRIBUTES_MAX];
};

struct ot_wire_enrolled {
    char product[OT_PRODUCT_MAX + 1];
    uint32_t poll_s;
};

enum ot_wire_bootloader {
    OT_BOOTLOADER_UNKNOWN = 0,
    OT_BOOTLOADER_ROLLBACK = 1,
    OT_BOOTLOADER_PLAIN = 2, /* built without rollback: the agent's own probation stands in */
};

enum ot_reset_reason {
    OT_RESET_UNKNOWN = 0,
    OT_RESET_POWER_ON = 1,
    OT_RESET_SOFTWARE = 2,
    OT_RESET_PANIC = 3,
    OT_RESET_WATCHDOG = 4,
    OT_RESET_BROWNOUT = 5,
    OT_RESET_DEEP_SLEEP = 6,
};

/** Monotonic since provisioning, never deltas: a lost check-in costs nothing. */
struct ot_health {
    uint32_t boots;
    uint32_t panics, watchdogs, brownouts, other_resets; /* abnormal resets by reason */
    uint32_t link_losses; /* the application's, never the update's own reboot */
    uint64_t uptime_s;
    enum ot_reset_reason last_reset;
    uint64_t crash_signature; /* of the last crash; 0 = none */
};

struct ot_wire_slot {
    bool present;
    int8_t slot;             /* enum ot_slot */
    struct ot_digest digest; /* zero: no image that verifies */
    uint32_t release;        /* 0: undescribed and not claimed */
    char version[OT_VERSION_MAX + 1];
    uint32_t state; /* otadata state as read, OT_OTA_UNDEFINED when none */
};

/** What happened to an attempt. Numbers stand in journals and databases: never reuse. */
enum ot_event_kind {
    OT_EVENT_NONE = 0,
    OT_EVENT_DOWNLOADING = 1, /* offer taken up */
    OT_EVENT_INSTALLED = 2,   /* complete and verified in the inactive slot */
    OT_EVENT_SWITCHING = 3,   /* about to switch */
    OT_EVENT_BOOTED = 4,      /* target runs, probation */
    /* outcomes: exactly one ends an attempt */
    OT_EVENT_CONFIRMED = 10,
    OT_EVENT_REVERTED = 11,
    OT_EVENT_REJECTED = 12,    /* the bootloader did not start it */
    OT_EVENT_NO_FALLBACK = 13, /* target runs though aborted, because the older image is broken */
    OT_EVENT_FAILED = 14,      /* before the switch */
    OT_EVENT_WITHDRAWN = 15,   /* dropped because the server no longer wanted it */
    /* after an outcome */
    OT_EVENT_LATE_REVERT = 20,
    OT_EVENT_KEY_KEPT =
        21, /* a key the image retires stays valid in the eFuses: `reason` says why; told once */
};

enum ot_way {
    OT_WAY_NONE = 0,
    OT_WAY_FULL = 1,
    OT_WAY_PATCH = 2,
    OT_WAY_COMPRESSED = 3, /* the full image, compressed: a patch without a base */
};

struct ot_wire_event {
    uint32_t seq; /* rises by at least 1 per event of this device, for ever */
    char attempt[OT_ATTEMPT_ID_MAX + 1];
    enum ot_event_kind kind;
    enum ot_status reason; /* OT_OK when none */
    enum ot_way way;
    uint32_t bytes;                    /* taken over the network for this attempt so far */
    char check[OT_CHECK_NAME_MAX + 1]; /* the self test's check that failed; "" when none did */
};

enum ot_ask {
    OT_ASK_NOTHING = 0,
    OT_ASK_OFFER = 1,  /* idle: is there anything for me? */
    OT_ASK_SWITCH = 2, /* installed: is it still wanted? */
};

struct ot_wire_check_in {
    char device[OT_DEVICE_ID_MAX + 1];
    uint16_t chip_id;
    uint8_t hardware_revision;
    uint32_t slot_bytes; /* smaller of the two slots */
    enum ot_wire_bootloader bootloader;
    uint8_t patch_profile; /* highest profile of patches it decodes (docs/patch-format.md); 0: takes none */
    uint8_t compressed_profile; /* ... of compressed images */
    struct ot_wire_slot running, other;
    uint32_t floor, secure_version;
    uint8_t key_count, revoked_count;
    struct ot_digest keys[OT_WIRE_KEYS_MAX];       /* trusted now */
    struct ot_digest revoked[OT_WIRE_REVOKED_MAX]; /* revoked in software or eFuses */
    struct ot_health health;
    char attempt[OT_ATTEMPT_ID_MAX + 1]; /* in progress; "" when none */
    enum ot_ask ask;
    uint8_t event_count;
    struct ot_wire_event events[OT_WIRE_EVENTS_MAX]; /* oldest first */
    uint8_t attribute_count;
    struct ot_wire_attribute attributes[OT_WIRE_ATTRIBUTES_MAX];
    uint8_t metric_count;
    struct ot_wire_metric metrics[OT_WIRE_METRICS_MAX]; /* names differ */
};

/** Exact bytes to fetch: GET /device/v1/artifacts/<sha256>, block hashes at .../blocks (32 bytes each, binary). */
struct ot_wire_artifact {
    struct ot_digest sha256; /* of the file; also its ETag */
    uint32_t bytes;
    uint32_t block_bytes;           /* 65536 */
    struct ot_digest blocks_sha256; /* of the block hash list */
};

struct ot_wire_patch {
    /* Identity it applies to; a device takes it only when it runs exactly this. Zero for a compressed image: any. */
    struct ot_digest base;
    struct ot_digest sha256;
    uint32_t bytes;
};

struct ot_wire_offer {
    char attempt[OT_ATTEMPT_ID_MAX + 1];
    uint32_t release;
    char version[OT_VERSION_MAX + 1];
    struct ot_digest target; /* image identity */
    uint32_t lease_s;        /* report DOWNLOADING within this time or the offer is withdrawn */
    bool undescribed;        /* release and version are the operator's claim */
    struct ot_wire_artifact image;
    bool has_patch;
    struct ot_wire_patch patch;
    bool has_compressed;
    struct ot_wire_patch compressed;
};

enum ot_switch_answer {
    OT_SWITCH_UNANSWERED = 0, /* do not switch */
    OT_SWITCH_GO = 1,
    OT_SWITCH_NO = 2,
};

struct ot_wire_reply {
    uint32_t ack;    /* highest event sequence stored durably; 0 = none yet */
    uint32_t poll_s; /* come back in about this many seconds; bounded and jittered on the device */
    enum ot_switch_answer switch_answer;
    bool drop; /* the attempt named in the check-in is no longer wanted */
    bool has_offer;
    struct ot_wire_offer offer;
};

/*
 * Write: `*len` receives the bytes written, no NUL. OT_OK, OT_E_BUFFER, OT_E_WIRE_TEXT (a string of the struct is not
 * allowed on the wire). Read: OT_OK or OT_E_WIRE_*, OT_E_KEY...; `*out` is undefined on failure.
 * A check-in carries its oldest events, as many as fit into `cap`: the rest follow once those are acknowledged.
 * `*error_at` (may be NULL) receives the byte offset where reading stopped.
 */
OT_CHECKED enum ot_status ot_wire_enrol_write(const struct ot_wire_enrol *m, char *buf, size_t cap,
                                              size_t *len);
OT_CHECKED enum ot_status ot_wire_enrol_read(const char *json, size_t len, struct ot_wire_enrol *out,
                                             size_t *error_at);
OT_CHECKED enum ot_status ot_wire_enrolled_write(const struct ot_wire_enrolled *m, char *buf, size_t cap,
                                                 size_t *len);
OT_CHECKED enum ot_status ot_wire_enrolled_read(const char *json, size_t len, struct ot_wire_enrolled *out,
                                                size_t *error_at);
OT_CHECKED enum ot_status ot_wire_check_in_write(const struct ot_wire_check_in *m, char *buf, size_t cap,
                                                 size_t *len);
OT_CHECKED enum ot_status ot_wire_check_in_read(const char *json, size_t len, struct ot_wire_check_in *out,
                                                size_t *error_at);
OT_CHECKED enum ot_status ot_wire_reply_write(const struct ot_wire_reply *m, char *buf, size_t cap,
                                              size_t *len);
OT_CHECKED enum ot_status ot_wire_reply_read(const char *json, size_t len, struct ot_wire_reply *out,
                                             size_t *error_at);

/** Is this text allowed as a device id / product / attempt id / version? Used by CLI and server too. */
bool ot_wire_is_device_id(const char *s);
bool ot_wire_is_product(const char *s);
bool ot_wire_is_attempt_id(const char *s);
bool ot_wire_is_version(const char *s);
bool ot_wire_is_attribute_name(const char *s);
bool ot_wire_is_attribute_value(const char *s);
bool ot_wire_is_check_name(const char *s);
bool ot_wire_is_metric_name(const char *s);

/** Wire names ("confirmed", "power_on", ...) of the enums; never NULL. */
const char *ot_event_kind_name(enum ot_event_kind kind);
const char *ot_reset_reason_name(enum ot_reset_reason reason);
const char *ot_way_name(enum ot_way way);
const char *ot_bootloader_name(enum ot_wire_bootloader bootloader);
/** Does this kind end an attempt? */
bool ot_event_is_outcome(enum ot_event_kind kind);

#endif
