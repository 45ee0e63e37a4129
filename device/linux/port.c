/*
 * struct ot_port on the virtual ESP32.
 *
 * P1..P4 of agent/port.h are enforced here, whatever the agent asks: see may_write(), set_boot() and mark_valid().
 */
#include "vdev_state.h"

#include "base/crypto_openssl.h"
#include "base/nvs_page.h"
#include "otaria/bytes.h"
#include "otaria/planted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FACTORY_NAMESPACE "otaria"

/* --- facts --- */

static void read_identity(struct vdev *v, const uint8_t *page, bool has_page)
{
    struct ot_facts *f = &v->facts;
    const uint8_t *mac = v->chip.fuses.mac;
    uint8_t undescribed = 1;
    size_t len = 0;
    uint8_t keys[OT_WIRE_KEYS_MAX * OT_DIGEST_BYTES];
    f->allows_undescribed = true;
    if (!has_page ||
        nvs_page_get_string(page, FACTORY_NAMESPACE, "device_id", f->device, sizeof f->device) != 0)
        snprintf(f->device, sizeof f->device, "esp-%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2], mac[3],
                 mac[4], mac[5]);
    if (!has_page)
        return;
    if (nvs_page_get_string(page, FACTORY_NAMESPACE, "product", f->product, sizeof f->product) != 0)
        f->product[0] = '\0';
    if (nvs_page_get_u8(page, FACTORY_NAMESPACE, "hw_rev", &f->hardware_revision) != 0)
        f->hardware_revision = 0;
    if (nvs_page_get_u8(page, FACTORY_NAMESPACE, "undescribed", &undescribed) == 0)
        f->allows_undescribed = undescribed == 1;
    if (nvs_page_get_blob(page, FACTORY_NAMESPACE, "trust", keys, sizeof keys, &len) == 0) {
        f->factory_key_count = (uint8_t)(len / OT_DIGEST_BYTES);
        memcpy(f->factory_keys, keys, f->factory_key_count * (size_t)OT_DIGEST_BYTES);
    }
}

static void add_attributes(struct ot_facts *f, const struct ot_wire_attribute *list, uint8_t count)
{
    for (uint8_t i = 0; i < count && f->attribute_count < OT_WIRE_ATTRIBUTES_MAX; i++)
        f->attributes[f->attribute_count++] = list[i];
}

static void copy_fuses(const struct chip *c, struct ot_facts *f)
{
    f->has_secure_boot = c->fuses.secure_boot;
    f->secure_version = c->fuses.secure_version;
    f->can_revoke = chip_model(c)->can_revoke;
    f->fuse_key_bytes = efuses_key_bytes(&c->fuses);
    f->fuse_key_count = f->fuse_revoked_count = 0;
    for (unsigned i = 0; i < EFUSE_DIGESTS; i++) {
        if (!c->fuses.has_digest[i])
            continue;
        f->fuse_keys[f->fuse_key_count++] = c->fuses.digest[i];
        if (c->fuses.revoked[i])
            f->fuse_revoked[f->fuse_revoked_count++] = c->fuses.digest[i];
    }
}

static enum ot_status facts(void *ctx, struct ot_facts *out)
{
    struct vdev *v = ctx;
    const struct ot_partition *p;
    *out = v->facts;
    out->chip_id = v->chip.fuses.chip_id;
    out->ota_count = v->chip.layout.slots.contiguous;
    out->running_slot = (int8_t)v->running_slot;
    out->last_reset = v->next_reset;
    copy_fuses(&v->chip, out);
    out->secure_version_max = v->options.anti_rollback ? chip_model(&v->chip)->secure_version_bits : 0;
    for (uint8_t i = 0; i < out->ota_count; i++) {
        p = ot_slots_partition(&v->chip.layout.slots, i);
        if (out->slot_bytes == 0 || p->size < out->slot_bytes)
            out->slot_bytes = p->size;
    }
    return OT_OK;
}

/* --- flash --- */

/*
 * What reads the same twice in a row, because one read of flash can be wrong, or fail. A torn record may never settle:
 * then the last reading counts, as it does for the bootloader.
 */
static int read_settled(const struct vdev *v, unsigned index, uint8_t out[OT_OTADATA_ENTRY_BYTES])
{
    uint8_t again[OT_OTADATA_ENTRY_BYTES];
    int failed = -1;
    for (int i = 0; i < 4; i++) {
        failed = chip_read_otadata(&v->chip, index, out);
        if (failed == 0 && chip_read_otadata(&v->chip, index, again) == 0 &&
            memcmp(out, again, sizeof again) == 0)
            return 0;
    }
    return failed;
}

static int entries(const struct vdev *v, struct ot_otadata_entry e[2])
{
    uint8_t bytes[OT_OTADATA_ENTRY_BYTES];
    for (unsigned i = 0; i < 2; i++) {
        if (!v->chip.layout.slots.has_otadata || read_settled(v, i, bytes) != 0)
            return -1;
        ot_otadata_parse(bytes, &e[i]);
    }
    return 0;
}

/* The state word of the first entry with a right CRC that names this slot. */
static bool state_of(const struct vdev *v, const struct ot_otadata_entry e[2], int slot, uint32_t *state)
{
    for (unsigned i = 0; i < 2 && v->chip.layout.slots.contiguous > 0; i++) {
        if (e[i].seq != OT_OTADATA_SEQ_EMPTY && ot_otadata_crc_ok(&e[i]) &&
            (int)ot_otadata_slot(&e[i], v->chip.layout.slots.contiguous) == slot) {
            *state = e[i].state;
            return true;
        }
    }
    *state = OT_OTA_UNDEFINED;
    return false;
}

static enum ot_status slot_read(void *ctx, int slot, uint32_t offset, uint8_t *buf, uint32_t len)
{
    struct vdev *v = ctx;
    struct flash_part s;
    struct ot_source src;
    if (chip_slot_source(&v->chip, slot, &s, &src) != 0)
        return OT_E_ARGUMENT;
    return ot_source_read(&src, offset, buf, len);
}

/* P1, P2 and bounds. */
static enum ot_status may_write(struct vdev *v, int slot, uint32_t offset, uint32_t len, uint32_t *at)
{
    const struct ot_partition *p = ot_slots_partition(&v->chip.layout.slots, slot);
    struct ot_otadata_entry e[2];
    uint32_t state;
    if (p == NULL || slot < 0 || slot >= (int)OT_OTA_SLOTS_MAX ||
        (slot == v->running_slot && !OT_PLANTED(25)))
        return OT_E_ARGUMENT;
    if (entries(v, e) == 0 && state_of(v, e, v->running_slot, &state) && state == OT_OTA_PENDING)
        return OT_E_STATE;
    if (offset > p->size || len > p->size - offset)
        return OT_E_RANGE;
    *at = p->offset + offset;
    return OT_OK;
}

static bool is_erased(const struct vdev *v, uint32_t at, uint32_t len)
{
    uint8_t bytes[1024];
    for (uint32_t n; len > 0; at += n, len -= n) {
        n = len < sizeof bytes ? len : (uint32_t)sizeof bytes;
        if (flash_read(v->chip.flash, at, bytes, n) != 0)
            return false;
        for (uint32_t i = 0; i < n; i++) {
            if (bytes[i] != 0xFF)
                return false;
        }
    }
    return true;
}

/* An erase that the chip only claims to have made would be programmed over: look, and try once more. */
static int erase_checked(const struct vdev *v, uint32_t at, uint32_t len)
{
    for (int i = 0; i < 2; i++) {
        if (flash_erase(v->chip.flash, at, len) == 0 && (OT_PLANTED(26) || is_erased(v, at, len)))
            return 0;
    }
    return -1;
}

static enum ot_status slot_erase(void *ctx, int slot, uint32_t offset, uint32_t len)
{
    struct vdev *v = ctx;
    uint32_t at = 0;
    enum ot_status st = may_write(v, slot, offset, len, &at);
    if (st != OT_OK)
        return st;
    return erase_checked(v, at, len) == 0 ? OT_OK : OT_E_FLASH_ERASE;
}

static enum ot_status slot_write(void *ctx, int slot, uint32_t offset, const uint8_t *buf, uint32_t len)
{
    struct vdev *v = ctx;
    uint32_t at = 0;
    enum ot_status st = may_write(v, slot, offset, len, &at);
    if (st != OT_OK)
        return st;
    if (offset % 16 != 0 || len % 16 != 0)
        return OT_E_ARGUMENT;
    return flash_program(v->chip.flash, at, buf, len) == 0 ? OT_OK : OT_E_FLASH_WRITE;
}

/* --- boot control --- */

static enum ot_status boot_state(void *ctx, struct ot_boot_state *out)
{
    struct vdev *v = ctx;
    struct ot_otadata_entry e[2];
    memset(out, 0, sizeof *out);
    out->running_slot = (int8_t)v->running_slot;
    out->boot_slot = out->running_slot;
    out->running_state = out->other_state = OT_OTA_UNDEFINED;
    if (!v->chip.layout.slots.has_otadata || v->chip.layout.slots.contiguous == 0)
        return OT_OK;
    if (entries(v, e) != 0)
        return OT_E_BOOT_CONTROL;
    int active = ot_otadata_active(e);
    if (active >= 0)
        out->boot_slot = (int8_t)ot_otadata_slot(&e[active], v->chip.layout.slots.contiguous);
    int other = v->running_slot < 0 ? 0 : (v->running_slot + 1) % v->chip.layout.slots.contiguous;
    out->running_has_state = state_of(v, e, v->running_slot, &out->running_state);
    out->other_has_state = state_of(v, e, other, &out->other_state);
    return OT_OK;
}

static enum ot_status write_entry(struct vdev *v, const struct ot_otadata_write *w)
{
    uint8_t bytes[OT_OTADATA_ENTRY_BYTES], back[OT_OTADATA_ENTRY_BYTES];
    if (!w->needed)
        return OT_OK;
    ot_otadata_format(&w->entry, bytes);
    for (int i = 0; i < 2; i++) {
        uint32_t at = v->chip.layout.slots.otadata.offset + w->sector * FLASH_SECTOR_BYTES;
        if (erase_checked(v, at, FLASH_SECTOR_BYTES) == 0 &&
            flash_program(v->chip.flash, at, bytes, sizeof bytes) == 0 &&
            chip_read_otadata(&v->chip, w->sector, back) == 0 && memcmp(bytes, back, sizeof bytes) == 0)
            return OT_OK;
    }
    return OT_E_BOOT_CONTROL;
}

static int slot_of(const struct vdev *v, const struct ot_otadata_entry *e)
{
    return (int)ot_otadata_slot(e, v->chip.layout.slots.contiguous);
}

static bool names(const struct vdev *v, const struct ot_otadata_entry *e, int slot)
{
    return ot_otadata_usable(e) && slot_of(v, e) == slot;
}

/*
 * esp_ota_invalidate_inactive_ota_data_slot, going by the running slot: its entry stays, the other one is erased. Also one
 * whose CRC is wrong just now, or that looked active when it was read: a torn entry reads differently the next time.
 * Where no entry names the running slot none is erased: that could invent a first boot.
 */
/*
 * No entry names the running slot. Then none may name the other one either; and what reads torn may read as anything the next
 * time: only erased entries say nothing for sure. The factory app has no entry of its own, and nothing better to hope for.
 */
static bool knows_nothing_else(const struct vdev *v, const struct ot_otadata_entry e[2], int slot)
{
    if (names(v, &e[0], slot) || names(v, &e[1], slot))
        return false;
    return v->running_slot < 0 || (e[0].seq == OT_OTADATA_SEQ_EMPTY && e[1].seq == OT_OTADATA_SEQ_EMPTY);
}

static enum ot_status forget_slot(void *ctx, int slot)
{
    struct vdev *v = ctx;
    struct ot_otadata_entry e[2];
    if (slot == v->running_slot)
        return OT_E_ARGUMENT;
    if (!v->chip.layout.slots.has_otadata)
        return OT_OK;
    if (entries(v, e) != 0)
        return OT_E_BOOT_CONTROL;
    bool mine[2] = {names(v, &e[0], v->running_slot), names(v, &e[1], v->running_slot)};
    if (!mine[0] && !mine[1])
        return knows_nothing_else(v, e, slot) ? OT_OK : OT_E_STATE;
    if (mine[0] == mine[1])
        return OT_OK;
    unsigned other = mine[0] ? 1 : 0;
    if (e[other].seq != OT_OTADATA_SEQ_EMPTY && ot_otadata_crc_ok(&e[other]) &&
        slot_of(v, &e[other]) == v->running_slot)
        return OT_OK; /* given up once, but no other slot's */
    uint32_t at = v->chip.layout.slots.otadata.offset + other * FLASH_SECTOR_BYTES;
    if (e[other].seq == OT_OTADATA_SEQ_EMPTY && is_erased(v, at, FLASH_SECTOR_BYTES))
        return OT_OK;
    return erase_checked(v, at, FLASH_SECTOR_BYTES) == 0 ? OT_OK : OT_E_BOOT_CONTROL;
}

/* P3: the verdict must be about what stands in the slot now, not about what stood there when it was judged. */
static enum ot_status set_boot(void *ctx, int slot, const struct ot_verdict *verdict)
{
    struct vdev *v = ctx;
    struct ot_otadata_entry e[2];
    struct ot_otadata_write w;
    struct ot_image image;
    struct ot_digest stands;
    if (!v->chip.layout.slots.has_otadata || slot < 0 || slot >= v->chip.layout.slots.contiguous)
        return OT_E_ARGUMENT;
    enum ot_status st = chip_verify_slot(&v->chip, slot, &image);
    if (st == OT_OK)
        st = slot_read(v, slot, image.digest_offset, stands.bytes, sizeof stands.bytes);
    if (st != OT_OK)
        return st;
    if (!ot_verdict_accepts(verdict, &stands))
        return OT_E_STATE;
    if (entries(v, e) != 0)
        return OT_E_BOOT_CONTROL;
    /* As NEW, whatever the bootloader makes of it: that it makes nothing of it tells that it knows no rollback. */
    st = ot_otadata_select(e, (uint32_t)slot, v->chip.layout.slots.contiguous, true, &w);
    return st == OT_OK ? write_entry(v, &w) : st;
}

/* The state of the active entry in `e`: one reading decides and is acted on, because the next may differ. */
static enum ot_status mark(struct vdev *v, const struct ot_otadata_entry e[2], uint32_t state)
{
    struct ot_otadata_write w;
    enum ot_status st = ot_otadata_mark(e, state, &w);
    return st == OT_OK ? write_entry(v, &w) : st;
}

/* P4 */
static enum ot_status mark_valid(void *ctx)
{
    struct vdev *v = ctx;
    struct ot_otadata_entry e[2];
    if (v->running_slot < 0 || !v->chip.layout.slots.has_otadata)
        return OT_OK; /* factory: nothing to mark */
    if (entries(v, e) != 0)
        return OT_E_BOOT_CONTROL;
    int active = ot_otadata_active(e);
    if (active < 0)
        return OT_OK; /* otadata lost: the running slot is what boots */
    return OT_PLANTED(27) || slot_of(v, &e[active]) == v->running_slot ? mark(v, e, OT_OTA_VALID)
                                                                       : OT_E_STATE;
}

/* P5. Something else must boot when the running slot is given up. */
static enum ot_status mark_invalid(void *ctx, int slot)
{
    struct vdev *v = ctx;
    struct ot_otadata_entry e[2];
    struct ot_image image;
    if (entries(v, e) != 0)
        return OT_E_BOOT_CONTROL;
    int active = ot_otadata_active(e);
    if (active < 0 || slot_of(v, &e[active]) != slot)
        return OT_E_STATE;
    int left = ot_otadata_usable(&e[1 - active]) ? slot_of(v, &e[1 - active]) : OT_SLOT_FACTORY;
    if (slot == v->running_slot && chip_verify_slot(&v->chip, left, &image) != OT_OK)
        return OT_E_STATE;
    return mark(v, e, OT_OTA_INVALID);
}

static enum ot_status raise_secure_version(void *ctx, uint32_t version)
{
    struct vdev *v = ctx;
    return v->options.anti_rollback ? chip_raise_secure_version(&v->chip, version) : OT_OK;
}

/* The eFuses with this key revoked; false when they do not hold it. */
static bool without_key(const struct efuses *fuses, const struct ot_digest *key, struct efuses *out)
{
    bool found = false;
    *out = *fuses;
    for (unsigned i = 0; i < EFUSE_DIGESTS; i++) {
        if (!fuses->has_digest[i] || memcmp(fuses->digest[i].bytes, key->bytes, efuses_key_bytes(fuses)) != 0)
            continue;
        out->revoked[i] = true;
        found = true;
    }
    return found;
}

static bool may_try_again(enum ot_status st)
{
    return st == OT_E_READ || st == OT_E_CRYPTO;
}

/* P6, as esp_ota_revoke_secure_boot_public_key() has it. */
static enum ot_status revoke_key(void *ctx, const struct ot_digest *key)
{
    struct vdev *v = ctx;
    struct efuses after;
    struct ot_boot_state now;
    struct ot_image image;
    if (!v->chip.fuses.secure_boot || !chip_model(&v->chip)->can_revoke ||
        !without_key(&v->chip.fuses, key, &after))
        return OT_E_NOT_FOUND;
    if (efuses_equal(&v->chip.fuses, &after))
        return OT_OK;
    enum ot_status st = boot_state(v, &now);
    if (st != OT_OK)
        return OT_E_READ;
    if (now.boot_slot != now.running_slot ||
        (now.running_has_state && now.running_state != OT_OTA_VALID && now.running_state != OT_OTA_UNDEFINED))
        return OT_E_STATE;
    st = chip_verify_bootloader(&v->chip, &after);
    if (st == OT_OK)
        st = chip_verify_slot_by(&v->chip, &after, v->running_slot, &image);
    if (st != OT_OK)
        return may_try_again(st) ? st : OT_E_LOCKOUT;
    return chip_burn(&v->chip, &after);
}

/* --- journal --- */

static enum ot_status journal_get(void *ctx, enum ot_journal_key key, uint8_t *buf, uint32_t cap,
                                  uint32_t *len)
{
    struct vdev *v = ctx;
    if (journal_log_get(&v->chip.journal, (unsigned)key, buf, cap, len) != 0)
        return OT_E_JOURNAL;
    return *len > 0 ? OT_OK : OT_E_NOT_FOUND;
}

static enum ot_status journal_set(void *ctx, enum ot_journal_key key, const uint8_t *buf, uint32_t len)
{
    struct vdev *v = ctx;
    return journal_log_set(&v->chip.journal, (unsigned)key, buf, len) == 0 ? OT_OK : OT_E_JOURNAL;
}

/* --- transfer --- */

static bool network_is_lost(const struct vdev *v)
{
    return v->behaviour != NULL && v->behaviour->does == VDEV_LOSE_NETWORK;
}

static void make_url(const struct vdev *v, const char *path, char out[512])
{
    snprintf(out, 512, "%s%s", v->server_url, path);
}

static enum ot_status post(void *ctx, const char *path, const char *token, const uint8_t *body, uint32_t len,
                           uint8_t *reply, uint32_t cap, uint32_t *reply_len, int *http_status)
{
    struct vdev *v = ctx;
    char url[512];
    struct https_reply r;
    struct error err;
    *http_status = 0;
    if (network_is_lost(v))
        return OT_E_NETWORK;
    if (v->world.post != NULL) {
        v->polls++;
        return v->world.post(v->world.ctx, path, token, body, len, reply, cap, reply_len, http_status);
    }
    make_url(v, path, url);
    struct https_request request = {
        .method = "POST", .url = url, .token = token, .body = body, .body_len = len, .reply_limit = 65536};
    if (https_request(v->options.https, &request, &r, &err) != 0)
        return OT_E_NETWORK;
    *http_status = r.status;
    v->polls++;
    enum ot_status st = r.len <= cap ? OT_OK : OT_E_BUFFER;
    *reply_len = st == OT_OK ? (uint32_t)r.len : 0;
    if (*reply_len > 0)
        memcpy(reply, r.body, *reply_len);
    https_reply_free(&r);
    return st;
}

static enum ot_status get_open(void *ctx, const char *path, const char *token, uint32_t offset,
                               const char *etag, uint32_t *total, int *http_status)
{
    struct vdev *v = ctx;
    char url[512];
    uint64_t size = 0;
    struct error err;
    *http_status = 0;
    *total = 0;
    if (network_is_lost(v))
        return OT_E_NETWORK;
    if (v->world.get_open != NULL)
        return v->world.get_open(v->world.ctx, path, token, offset, etag, total, http_status);
    make_url(v, path, url);
    enum https_get result =
        https_get_open(v->options.https, url, token, offset, etag, &size, http_status, &err);
    *total = size <= UINT32_MAX ? (uint32_t)size : UINT32_MAX;
    switch (result) {
    case HTTPS_GET_OK:
        return OT_OK;
    case HTTPS_GET_CHANGED:
        return OT_E_STATE;
    case HTTPS_GET_STATUS:
        return OT_E_HTTP;
    case HTTPS_GET_FAILED:
    default:
        return OT_E_NETWORK;
    }
}

static enum ot_status get_read(void *ctx, uint8_t *buf, uint32_t cap, uint32_t *len)
{
    struct vdev *v = ctx;
    struct error err;
    size_t n = 0;
    *len = 0;
    if (v->world.get_read != NULL && !network_is_lost(v))
        return v->world.get_read(v->world.ctx, buf, cap, len);
    if (network_is_lost(v) || https_get_read(v->options.https, buf, cap, &n, &err) != 0)
        return OT_E_NETWORK;
    *len = (uint32_t)n;
    if (v->behaviour != NULL && v->behaviour->does == VDEV_SLOW)
        v->throttle_ms += (uint32_t)(n * 1000u / v->behaviour->bytes_per_s);
    return OT_OK;
}

static void get_close(void *ctx)
{
    struct vdev *v = ctx;
    if (v->world.get_close != NULL)
        v->world.get_close(v->world.ctx);
    else
        https_get_close(v->options.https);
}

static const char *enrolment_token(void *ctx)
{
    const struct vdev *v = ctx;
    return v->enrolment_token;
}

/* --- the rest --- */

static uint64_t now_ms(void *ctx)
{
    return vdev_device_ms(ctx);
}

static uint32_t random_word(void *ctx)
{
    const struct vdev *v = ctx;
    uint32_t word = 0;
    if (v->world.random != NULL)
        return v->world.random(v->world.ctx);
    if (getrandom(&word, sizeof word, 0) != (ssize_t)sizeof word)
        abort(); /* without random numbers a token would be guessable */
    return word;
}

static void reset(void *ctx)
{
    struct vdev *v = ctx;
    v->reset_asked = true;
}

static void watchdog_feed(void *ctx)
{
    (void)ctx; /* a hung application is the scenario's: see vdev.c */
}

/* What takes time in a real self test: sensors that settle, a network that comes up. */
static enum ot_self_test_state check_settled(void *ctx, bool first)
{
    const struct vdev *v = ctx;
    uint64_t ran_ms = vdev_device_ms(v) - v->self_test_ms;
    (void)first;
    return ran_ms < (uint64_t)v->options.scenario->self_test_s * 1000u ? OT_SELF_TEST_RUNNING
                                                                       : OT_SELF_TEST_PASSED;
}

/* The scenario's: fails as often as it says. */
static enum ot_self_test_state check_scenario(void *ctx, bool first)
{
    struct vdev *v = ctx;
    const struct vdev_behaviour *b = v->behaviour;
    (void)first;
    if (b == NULL || b->does != VDEV_SELF_TEST_FAILS || (b->fails != 0 && v->check_failures >= b->fails))
        return OT_SELF_TEST_PASSED;
    v->check_failures++;
    return OT_SELF_TEST_FAILED;
}

static void self_test_start(void *ctx)
{
    struct vdev *v = ctx;
    const struct vdev_behaviour *b = v->behaviour;
    bool named = b != NULL && b->does == VDEV_SELF_TEST_FAILS && b->check[0] != '\0';
    v->self_test_ms = vdev_device_ms(v);
    v->check_failures = 0;
    v->checks[0] = (struct ot_check){.name = "settled", .run = check_settled, .ctx = v, .required = true};
    v->checks[1] = (struct ot_check){.name = named ? b->check : "self_test",
                                     .run = check_scenario,
                                     .ctx = v,
                                     .required = b == NULL || !b->optional,
                                     .retries = (uint8_t)v->options.scenario->check_retries};
    ot_self_test_start(&v->self_test, v->checks, 2, v->self_test_ms);
}

static enum ot_self_test_state self_test_poll(void *ctx, enum ot_status *reason)
{
    struct vdev *v = ctx;
    enum ot_self_test_state state;
    do
        state = ot_self_test_step(&v->self_test, vdev_device_ms(v));
    while (state == OT_SELF_TEST_RUNNING &&
           v->self_test.is_first); /* a virtual check takes no time by itself */
    *reason = state == OT_SELF_TEST_FAILED ? OT_E_SELF_TEST : OT_OK;
    return state;
}

static const char *self_test_failed(void *ctx)
{
    const struct vdev *v = ctx;
    return ot_self_test_failed(&v->self_test);
}

static bool may_restart(void *ctx)
{
    (void)ctx;
    return true;
}

static void app_health(void *ctx, struct ot_health *health)
{
    const struct vdev *v = ctx;
    if (v->crash_signature != 0)
        health->crash_signature = v->crash_signature;
}

static uint32_t app_metrics(void *ctx, struct ot_wire_metric list[OT_WIRE_METRICS_MAX])
{
    const struct vdev *v = ctx;
    return scenario_metrics(v->options.scenario, v->behaviour, v->facts.device, list);
}

/* Log events of device/agent/work.h, by number: what a screen or a test wants to hear. */
static void log_event(void *ctx, uint32_t event, int32_t a, int32_t b)
{
    const struct vdev *v = ctx;
    enum { LOG_STATE = 1, LOG_OUTCOME = 4, LOG_REFUSED = 5, LOG_NETWORK = 6, LOG_ACKED = 9 };
    if (event == LOG_STATE)
        vdev_tell(v, VDEV_STATE, b, a);
    else if (event == LOG_OUTCOME)
        vdev_tell(v, VDEV_OUTCOME, a, b);
    else if (event == LOG_REFUSED)
        vdev_tell(v, VDEV_REFUSED, a, b);
    else if (event == LOG_NETWORK)
        vdev_tell(v, VDEV_NETWORK, a, b);
    else if (event == LOG_ACKED)
        vdev_tell(v, VDEV_ACKED, a, b);
}

int vdev_port_init(struct vdev *v, struct error *err)
{
    uint8_t page[FLASH_SECTOR_BYTES];
    bool has_page = chip_factory_page(&v->chip, page) == 0;
    read_identity(v, page, has_page);
    if (!ot_wire_is_device_id(v->facts.device))
        return error_set(err, "the device id in the factory data is not allowed");
    add_attributes(&v->facts, v->options.attributes, v->options.attribute_count);
    add_attributes(&v->facts, v->options.scenario->attributes, v->options.scenario->attribute_count);
    v->port = (struct ot_port){
        .ctx = v,
        .crypto = v->world.crypto != NULL ? v->world.crypto : crypto_openssl(),
        .facts = facts,
        .slot_read = slot_read,
        .slot_erase = slot_erase,
        .slot_write = slot_write,
        .boot_state = boot_state,
        .forget_slot = forget_slot,
        .set_boot = set_boot,
        .mark_valid = mark_valid,
        .mark_invalid = mark_invalid,
        .raise_secure_version = raise_secure_version,
        .revoke_key = revoke_key,
        .journal_get = journal_get,
        .journal_set = journal_set,
        .post = post,
        .get_open = get_open,
        .get_read = get_read,
        .get_close = get_close,
        .enrolment_token = enrolment_token,
        .now_ms = now_ms,
        .random = random_word,
        .reset = reset,
        .watchdog_feed = watchdog_feed,
        .self_test_start = self_test_start,
        .self_test_poll = self_test_poll,
        .self_test_failed = self_test_failed,
        .may_restart = may_restart,
        .app_health = app_health,
        .app_metrics = app_metrics,
        .log = log_event,
    };
    return 0;
}
