/* What a boot decision's steps say to a person and to a machine. */
#include "otaria/boot.h"

#include <string.h>

struct sentence {
    enum ot_boot_reason reason;
    const char *name;
    const char *text; /* %s is the slot or entry the step is about */
    bool about_slot;
};

static const struct sentence sentences[] = {
    {OT_BOOT_NO_OTADATA, "no_otadata", "the table has no otadata: factory first, else ota_0", false},
    {OT_BOOT_OTADATA_UNREADABLE, "otadata_unreadable", "otadata cannot be read: nothing boots", false},
    {OT_BOOT_PENDING_ABORTED, "pending_aborted",
     "otadata entry %s was pending and never confirmed: it is aborted now", false},
    {OT_BOOT_BOTH_UNUSABLE, "both_unusable", "both otadata entries are empty, invalid or aborted", false},
    {OT_BOOT_NO_OTA_SLOTS, "no_ota_slots", "the table has no OTA slot", false},
    {OT_BOOT_INITIAL, "initial", "no slot was ever selected", false},
    {OT_BOOT_CRC_WRONG, "no_right_crc", "no otadata entry can be believed: every slot is tried", false},
    {OT_BOOT_ACTIVE, "active", "otadata entry %s is active", false},
    {OT_BOOT_NEW_PENDING, "new_pending",
     "otadata entry %s was new: it is pending now, before its image is looked at", false},
    {OT_BOOT_BELOW_CHIP_VERSION, "below_chip_version", "%s is below the chip's anti-rollback version", true},
    {OT_BOOT_IMAGE_REFUSED, "image_refused", "%s does not verify", true},
    {OT_BOOT_SLOT_STARTED, "started", "%s boots", true},
    {OT_BOOT_FALLBACK, "fallback", "%s was selected, but another slot boots", true},
    {OT_BOOT_FIRST_WRITTEN, "first_written", "otadata now records %s, valid", true},
    {OT_BOOT_VERSION_BURNED, "version_burned", "the chip's anti-rollback version is raised to %s", false},
    {OT_BOOT_NOTHING_BOOTS, "nothing_boots", "no image verifies: the chip resets for ever", false},
};

static const struct sentence *find(enum ot_boot_reason reason)
{
    for (uint32_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
        if (sentences[i].reason == reason)
            return &sentences[i];
    }
    return NULL;
}

const char *ot_boot_reason_name(enum ot_boot_reason reason)
{
    const struct sentence *s = find(reason);
    return s != NULL ? s->name : "unknown";
}

struct text {
    char *buf;
    uint32_t len, at;
};

static void put(struct text *t, const char *s)
{
    while (*s != '\0' && t->at + 1 < t->len)
        t->buf[t->at++] = *s++;
}

static void put_number(struct text *t, uint32_t n)
{
    char digits[11];
    uint32_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put(t, digits + at);
}

const char *ot_boot_reason_text(const struct ot_boot_step *step, char *buf, uint32_t buf_len)
{
    struct text t = {.buf = buf, .len = buf_len};
    const struct sentence *s = find(step->reason);
    char slot[8], one[2] = {0, 0};
    if (buf_len == 0)
        return buf;
    for (const char *p = s != NULL ? s->text : "unknown step"; *p != '\0'; p++) {
        if (*p != '%') {
            one[0] = *p;
            put(&t, one);
            continue;
        }
        p++;
        if (s->about_slot)
            put(&t, ot_slot_name(step->arg, slot));
        else
            put_number(&t, (uint32_t)step->arg);
    }
    if (step->status != OT_OK && step->reason != OT_BOOT_NOTHING_BOOTS) {
        put(&t, ": ");
        put(&t, ot_status_text(step->status));
    }
    buf[t.at] = '\0';
    return buf;
}
