/**
 * The boot decision: which slot boots, and why, exactly as genuine second-stage bootloaders of ESP-IDF 5.1 to 6.x
 * take it. The virtual ESP32 and the RV32 board run it; `otaria flash boot` explains it.
 *
 * Writes happen through the port at the very moments a genuine bootloader makes them (NEW becomes PENDING before the
 * image is looked at), so a power cut at any of them can be studied.
 *
 * Rules, numbered as in docs/formats.md "Boot decision"; decision table in tests/unit/core/test_boot.c.
 * Power cut: at any port call; the next boot decides from what is in flash. RAM: the result struct. Stack < 1 KiB.
 */
#ifndef OTARIA_BOOT_H
#define OTARIA_BOOT_H

#include "otaria/otadata.h"
#include "otaria/partition.h"

struct ot_boot_config {
    bool rollback;      /* CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE */
    bool anti_rollback; /* CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK */
};

struct ot_boot_port {
    void *ctx;
    /** Read entry 0 or 1. OT_OK or OT_E_READ (no boot then). */
    enum ot_status (*read_entry)(void *ctx, unsigned index, uint8_t out[OT_OTADATA_ENTRY_BYTES]);
    /** Erase the sector, program 32 bytes. A failure is noted in the result and otherwise ignored, as on the chip. */
    enum ot_status (*write_entry)(void *ctx, unsigned index, const uint8_t bytes[OT_OTADATA_ENTRY_BYTES]);
    /** Does the image in this slot verify (structure, digest, signature where configured)? OT_OK or the cause. */
    enum ot_status (*verify)(void *ctx, int slot);
    /** Anti-rollback only: secure_version of the image in a slot, OT_E_* when it has no readable description. */
    enum ot_status (*image_secure_version)(void *ctx, int slot, uint32_t *out);
    /** Anti-rollback only: the chip's counter, and raising it. */
    uint32_t (*chip_secure_version)(void *ctx);
    enum ot_status (*burn_secure_version)(void *ctx, uint32_t version);
};

/** Why; in the order things happened. Each is one plain sentence in ot_boot_reason_text(). */
enum ot_boot_reason {
    OT_BOOT_NO_OTADATA = 1, /* table has no otadata: factory, else ota_0 */
    OT_BOOT_OTADATA_UNREADABLE,
    OT_BOOT_PENDING_ABORTED, /* entry `arg` was pending: now aborted */
    OT_BOOT_BOTH_UNUSABLE,   /* no usable entry */
    OT_BOOT_NO_OTA_SLOTS,
    OT_BOOT_INITIAL,            /* nothing was ever selected */
    OT_BOOT_CRC_WRONG,          /* entries look usable, but no checksum is right */
    OT_BOOT_ACTIVE,             /* entry `arg` is active */
    OT_BOOT_NEW_PENDING,        /* active entry was new: now pending */
    OT_BOOT_BELOW_CHIP_VERSION, /* slot `arg` is below the anti-rollback counter */
    OT_BOOT_IMAGE_REFUSED,      /* slot `arg` does not verify (status alongside) */
    OT_BOOT_SLOT_STARTED,       /* slot `arg` boots */
    OT_BOOT_FALLBACK,           /* not the slot that was selected */
    OT_BOOT_FIRST_WRITTEN,      /* entry 0 recorded the slot that loaded */
    OT_BOOT_VERSION_BURNED,     /* anti-rollback counter raised to `arg` */
    OT_BOOT_NOTHING_BOOTS,      /* endless reset */
};

#define OT_BOOT_TRIED_MAX   18u
#define OT_BOOT_REASONS_MAX 40u

struct ot_boot_step {
    enum ot_boot_reason reason;
    int32_t arg;
    enum ot_status status;
};

struct ot_boot_result {
    int slot;     /* what boots; OT_SLOT_NONE: nothing */
    int selected; /* what select() named before any image was looked at */
    uint8_t tried_count;
    int8_t tried[OT_BOOT_TRIED_MAX]; /* slots whose image was asked for, in order, the booted one last */
    uint8_t otadata[2][OT_OTADATA_ENTRY_BYTES]; /* afterwards; FF when there is no otadata partition */
    uint8_t reason_count;
    struct ot_boot_step reasons[OT_BOOT_REASONS_MAX];
};

/** OT_OK (a slot boots) or OT_E_NO_BOOT. `*out` is complete in both cases. */
OT_CHECKED enum ot_status ot_boot_decide(const struct ot_slots *slots, const struct ot_boot_config *config,
                                         const struct ot_boot_port *port, struct ot_boot_result *out);

/** One sentence for a step; written into `buf`, always terminated. Returns `buf`. */
const char *ot_boot_reason_text(const struct ot_boot_step *step, char *buf, uint32_t buf_len);

/** Stable machine name of a reason ("pending_aborted"). */
const char *ot_boot_reason_name(enum ot_boot_reason reason);

#endif
