/**
 * Port: everything the agent needs from the chip (or from the virtual ESP32), as one struct of function pointers.
 *
 * The agent decides, a port acts. Each entry says what it must do, what may fail and whether it may block; every port
 * passes the same conformance test (tests/unit/agent/port_conformance.h).
 *
 * Rules that keep a device bootable, which every port enforces itself, whatever the agent asks:
 *   P1 slot_erase and slot_write refuse the running slot and anything but an OTA slot (OT_E_ARGUMENT).
 *   P2 slot_erase and slot_write refuse while the running image is pending verification (OT_E_STATE).
 *   P3 set_boot refuses without a verdict that accepts the image standing in that slot.
 *   P4 mark_valid refuses unless the running slot is the boot slot.
 *   P5 mark_invalid refuses unless otadata's active entry is this slot's, now: the vendor's function gives up whatever is
 *      active, and a torn entry reads differently each time.
 *   P6 revoke_key refuses unless the running image is confirmed, and bootloader and running image both verify by
 *      another key that is burned and not revoked. Whether the other slot may be given up is the agent's to know.
 *   P7 raise_secure_version burns nothing for a version that the counter cannot hold (OT_E_RANGE).
 */
#ifndef AGENT_PORT_H
#define AGENT_PORT_H

#include "otaria/boot.h"
#include "otaria/crypto.h"
#include "otaria/trust.h"
#include "otaria/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Who this device is and what it is made of: constant from one boot to the next reset. */
struct ot_facts {
    char device[OT_DEVICE_ID_MAX + 1];
    char product[OT_PRODUCT_MAX + 1]; /* "" when only the enrolment token knows it */
    uint16_t chip_id;
    bool has_chip_revision;
    uint16_t chip_revision; /* major*100+minor */
    uint8_t hardware_revision;
    bool allows_undescribed;
    uint8_t ota_count;
    int8_t running_slot;
    uint32_t slot_bytes;         /* of the slot to write */
    uint32_t secure_version;     /* the chip's anti-rollback counter */
    uint32_t secure_version_max; /* what it can hold; 0 where the bootloader does not use it */
    enum ot_reset_reason last_reset;
    /* Keys provisioned at the factory: the trust of a device whose running image is undescribed. */
    uint8_t factory_key_count;
    struct ot_digest factory_keys[OT_WIRE_KEYS_MAX];
    /* Hardware Secure Boot V2; both lists must accept an image when it is on. */
    bool has_secure_boot;
    uint8_t fuse_key_count, fuse_revoked_count;
    struct ot_digest fuse_keys[3], fuse_revoked[3];
    uint8_t fuse_key_bytes; /* of a digest the eFuses hold: 32, or 16 on the ESP32-C2; 0 means 32 */
    bool can_revoke; /* the chip has revoke bits. ESP32 and C2 have none: the software list is all there */
    uint8_t attribute_count;
    struct ot_wire_attribute attributes[OT_WIRE_ATTRIBUTES_MAX];
};

/** otadata as the application sees it now. */
struct ot_boot_state {
    int8_t running_slot;
    int8_t boot_slot;       /* what otadata selects for the next boot, without looking at images */
    bool running_has_state; /* some entry with a right CRC names the running slot */
    uint32_t running_state; /* its state; OT_OTA_UNDEFINED when there is none */
    bool other_has_state;
    uint32_t other_state; /* of the slot an update goes to */
};

/** Journal records: each at most OT_JOURNAL_RECORD_MAX bytes, replaced as a whole. Numbers are on flash: never reuse. */
enum ot_journal_key {
    OT_JOURNAL_ATTEMPT = 1,     /* the attempt in progress */
    OT_JOURNAL_OUTBOX = 2,      /* events not acknowledged yet, and the event sequence */
    OT_JOURNAL_TRUST = 3,       /* floor, revocations and trusted keys, first copy */
    OT_JOURNAL_TRUST_2 = 4,     /* second copy */
    OT_JOURNAL_TOKEN = 5,       /* the device token */
    OT_JOURNAL_HEALTH = 6,      /* monotonic counters */
    OT_JOURNAL_CLAIM = 7,       /* release and version claimed for undescribed images, by digest */
    OT_JOURNAL_PROOF = 8,       /* the image that proved itself last, and how it has fared since */
    OT_JOURNAL_CHECK = 9,       /* the check that failed last, and the attempt it ended */
    OT_JOURNAL_PATCH = 10,      /* the patch of the attempt in progress */
    OT_JOURNAL_COMPRESSED = 11, /* its compressed image */
};
#define OT_JOURNAL_RECORD_MAX 512u
#define OT_JOURNAL_KEYS       12u

enum ot_self_test_state {
    OT_SELF_TEST_RUNNING = 0,
    OT_SELF_TEST_PASSED = 1,
    OT_SELF_TEST_FAILED = 2,
};

struct ot_port {
    void *ctx;
    const struct ot_crypto *crypto;

    /** Fill in what is constant. Called once after each reset. Never blocks. */
    enum ot_status (*facts)(void *ctx, struct ot_facts *out);

    /* --- flash: bytes of OTA slots, through the decrypting path. May block for the time of the flash operation. --- */

    /** Any slot. OT_OK, OT_E_RANGE, OT_E_READ. */
    enum ot_status (*slot_read)(void *ctx, int slot, uint32_t offset, uint8_t *buf, uint32_t len);
    /** Sector aligned. OT_OK, OT_E_ARGUMENT (P1), OT_E_STATE (P2), OT_E_RANGE, OT_E_FLASH_ERASE. */
    enum ot_status (*slot_erase)(void *ctx, int slot, uint32_t offset, uint32_t len);
    /** 16-byte aligned; each unit is written once between erases. The same refusals; OT_E_FLASH_WRITE. */
    enum ot_status (*slot_write)(void *ctx, int slot, uint32_t offset, const uint8_t *buf, uint32_t len);

    /* --- boot control --- */

    enum ot_status (*boot_state)(void *ctx, struct ot_boot_state *out);
    /**
     * Before the first erase: make otadata forget the slot about to be overwritten. A no-op when it is not named.
     * OT_OK, OT_E_ARGUMENT, OT_E_BOOT_CONTROL; OT_E_STATE: it is all that is named, the running slot has to be selected
     * first.
     */
    enum ot_status (*forget_slot)(void *ctx, int slot);
    /** Select `slot` for the next boot. The verdict must accept what stands in it (P3). */
    enum ot_status (*set_boot)(void *ctx, int slot, const struct ot_verdict *verdict);
    /** Confirm the running image (P4). */
    enum ot_status (*mark_valid)(void *ctx);
    /** Give `slot` up: its entry becomes INVALID, the other slot active (P5). Does not reset. */
    enum ot_status (*mark_invalid)(void *ctx, int slot);
    /**
     * Raise the chip's anti-rollback counter; only after a confirm. A no-op where there is none. A cut may leave it in
     * between: asking again goes on. OT_OK, OT_E_RANGE (P7), OT_E_FLASH_WRITE (try again later).
     */
    enum ot_status (*raise_secure_version)(void *ctx, uint32_t version);
    /**
     * Burn the revoke bit of a Secure Boot key, for good. OT_OK also when it is burned already; OT_E_NOT_FOUND: this chip
     * holds no such key, or cannot revoke; OT_E_STATE: the running image is not confirmed; OT_E_LOCKOUT: the bootloader or
     * the running image needs it (P6); OT_E_READ, OT_E_CRYPTO, OT_E_FLASH_WRITE: try again later.
     */
    enum ot_status (*revoke_key)(void *ctx, const struct ot_digest *key);

    /* --- journal: `set` is atomic and durable when it returns OT_OK: after a power cut `get` gives old or new --- */

    /** OT_OK, OT_E_NOT_FOUND, OT_E_BUFFER, OT_E_JOURNAL. */
    enum ot_status (*journal_get)(void *ctx, enum ot_journal_key key, uint8_t *buf, uint32_t cap,
                                  uint32_t *len);
    /** len 0 erases the record. OT_OK, OT_E_JOURNAL. */
    enum ot_status (*journal_set)(void *ctx, enum ot_journal_key key, const uint8_t *buf, uint32_t len);

    /* --- transfer: TLS with the server's CA checked is the port's business; the token is the agent's --- */

    /**
     * POST `body` as JSON. Blocks up to the port's time limit.
     * @param token  Bearer token, NUL-terminated; never logged.
     * @return OT_OK with `*http_status` and the reply body (OT_E_BUFFER when longer than `cap`), or OT_E_NETWORK.
     */
    enum ot_status (*post)(void *ctx, const char *path, const char *token, const uint8_t *body, uint32_t len,
                           uint8_t *reply, uint32_t cap, uint32_t *reply_len, int *http_status);
    /**
     * Start GET `path` from `offset` (Range, with If-Range when `etag` is not NULL). One transfer at a time.
     * @param total  Receives the size of the whole object.
     * @return OT_OK: `read` continues exactly at `offset`. OT_E_STATE: the object changed, start again from 0.
     *         OT_E_HTTP with `*http_status`, OT_E_NETWORK.
     */
    enum ot_status (*get_open)(void *ctx, const char *path, const char *token, uint32_t offset,
                               const char *etag, uint32_t *total, int *http_status);
    /** Up to `cap` bytes; `*len` 0 with OT_OK is the end. OT_E_NETWORK when the connection broke. */
    enum ot_status (*get_read)(void *ctx, uint8_t *buf, uint32_t cap, uint32_t *len);
    void (*get_close)(void *ctx);
    /** The enrolment token, or NULL when the device has none. */
    const char *(*enrolment_token)(void *ctx);

    /* --- time, chance, end --- */

    uint64_t (*now_ms)(void *ctx); /* monotonic since reset */
    uint32_t (*random)(void *ctx);
    /** Restart the chip. Returns on ports that simulate; the agent then does nothing more until it is started anew. */
    void (*reset)(void *ctx);
    /** Feed the watchdog that guards probation. */
    void (*watchdog_feed)(void *ctx);

    /* --- the application --- */

    /** Begin the application's self test; called once per probation boot. */
    void (*self_test_start)(void *ctx);
    enum ot_self_test_state (*self_test_poll)(void *ctx, enum ot_status *reason);
    /** Name of the check that failed (agent/self_test.h), or NULL. The entry itself may be NULL. */
    const char *(*self_test_failed)(void *ctx);
    /** May the device restart now? false defers the switch. */
    bool (*may_restart)(void *ctx);
    /** What the application counts: link losses, crash signature. The agent adds boots, resets and uptime. */
    void (*app_health)(void *ctx, struct ot_health *health);
    /**
     * Numbers of the application's own about the running image (docs/porting.md): up to OT_WIRE_METRICS_MAX into `list`;
     * returns how many. A metric that is not known yet is left out. One with a name or a value that may not travel is left
     * out by the agent. The entry may be NULL.
     */
    uint32_t (*app_metrics)(void *ctx, struct ot_wire_metric list[OT_WIRE_METRICS_MAX]);
    /** Event log: number and two integers; text is made outside. May be NULL. */
    void (*log)(void *ctx, uint32_t event, int32_t a, int32_t b);
};

#endif
