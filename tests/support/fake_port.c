/* See fake_port.h. */
#include "fake_port.h"

#include "base/crypto_openssl.h"

#include <string.h>

static enum ot_status scripted(struct fake_port *f, enum fake_call call)
{
    f->calls[call]++;
    if (f->bad[call] == 0)
        return OT_OK;
    if (f->good[call] > 0) {
        f->good[call]--;
        return OT_OK;
    }
    f->bad[call]--;
    return f->fails[call];
}

void fake_fail(struct fake_port *f, enum fake_call call, enum ot_status status, uint32_t good, uint32_t bad)
{
    f->fails[call] = status;
    f->good[call] = good;
    f->bad[call] = bad;
}

static enum ot_status facts(void *ctx, struct ot_facts *out)
{
    struct fake_port *f = ctx;
    *out = f->facts;
    return scripted(f, FAKE_FACTS);
}

static bool inside(int slot, uint32_t offset, uint32_t len)
{
    return slot >= 0 && slot < 2 && offset <= FAKE_SLOT_BYTES && len <= FAKE_SLOT_BYTES - offset;
}

static enum ot_status slot_read(void *ctx, int slot, uint32_t offset, uint8_t *buf, uint32_t len)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_SLOT_READ);
    if (slot == OT_SLOT_FACTORY)
        slot = 0; /* the tests' factory app stands in the first place */
    if (st == OT_OK && !inside(slot, offset, len))
        st = OT_E_RANGE;
    if (st == OT_OK)
        memcpy(buf, f->slots[slot] + offset, len);
    return st;
}

/* P1 and P2, as every port has them. */
static enum ot_status may_change(const struct fake_port *f, int slot, uint32_t offset, uint32_t len)
{
    if (!inside(slot, offset, len) || slot == f->facts.running_slot)
        return OT_E_ARGUMENT;
    return f->boot.running_has_state && f->boot.running_state == OT_OTA_PENDING ? OT_E_STATE : OT_OK;
}

static enum ot_status slot_erase(void *ctx, int slot, uint32_t offset, uint32_t len)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_SLOT_ERASE);
    if (st == OT_OK)
        st = may_change(f, slot, offset, len);
    if (st == OT_OK)
        memset(f->slots[slot] + offset, 0xFF, len);
    return st;
}

static enum ot_status slot_write(void *ctx, int slot, uint32_t offset, const uint8_t *buf, uint32_t len)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_SLOT_WRITE);
    if (st == OT_OK)
        st = may_change(f, slot, offset, len);
    for (uint32_t i = 0; st == OT_OK && i < len; i++)
        st = f->slots[slot][offset + i] == 0xFF ? OT_OK : OT_E_FLASH_WRITE; /* once between erases */
    if (st == OT_OK)
        memcpy(f->slots[slot] + offset, buf, len);
    return st;
}

static enum ot_status boot_state(void *ctx, struct ot_boot_state *out)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_BOOT_STATE);
    *out = f->boot;
    if (st != OT_OK)
        memset(out, 0xA5, sizeof *out); /* nobody may go by what could not be read */
    return st;
}

static enum ot_status forget_slot(void *ctx, int slot)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_FORGET);
    if (st == OT_OK && slot == f->facts.running_slot)
        st = OT_E_ARGUMENT;
    if (st == OT_OK && slot == f->boot.boot_slot)
        st = OT_E_STATE; /* the running slot has to be selected first */
    if (st == OT_OK)
        f->boot.other_has_state = false;
    return st;
}

static enum ot_status set_boot(void *ctx, int slot, const struct ot_verdict *verdict)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_SET_BOOT);
    if (st == OT_OK && verdict->state != OT_VERDICT_ACCEPTED)
        st = OT_E_STATE; /* P3 */
    if (st == OT_OK)
        f->boot.boot_slot = (int8_t)slot;
    return st;
}

static enum ot_status mark_valid(void *ctx)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_MARK_VALID);
    if (st == OT_OK && f->boot.boot_slot != f->boot.running_slot)
        st = OT_E_STATE; /* P4 */
    if (st == OT_OK)
        f->boot.running_state = OT_OTA_VALID;
    return st;
}

static enum ot_status mark_invalid(void *ctx, int slot)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_MARK_INVALID);
    bool running = slot == f->boot.running_slot;
    if (st == OT_OK && slot != f->boot.boot_slot)
        st = OT_E_STATE; /* P5 */
    if (st != OT_OK)
        return st;
    *(running ? &f->boot.running_state : &f->boot.other_state) = OT_OTA_INVALID;
    *(running ? &f->boot.running_has_state : &f->boot.other_has_state) = true;
    f->boot.boot_slot = (int8_t)(1 - slot);
    return OT_OK;
}

static enum ot_status raise_secure_version(void *ctx, uint32_t version)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_RAISE);
    if (st == OT_OK && f->facts.secure_version_max != 0 && version > f->facts.secure_version_max)
        st = OT_E_RANGE; /* P7 */
    if (st == OT_OK)
        f->facts.secure_version = version;
    return st;
}

static enum ot_status revoke_key(void *ctx, const struct ot_digest *key)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_REVOKE);
    if (st == OT_OK && f->boot.running_state != OT_OTA_VALID)
        st = OT_E_STATE; /* P6, what of it needs no signatures */
    if (st == OT_OK && f->facts.fuse_revoked_count == 3)
        st = OT_E_NOT_FOUND;
    if (st == OT_OK)
        f->facts.fuse_revoked[f->facts.fuse_revoked_count++] = *key;
    return st;
}

static enum ot_status journal_get(void *ctx, enum ot_journal_key key, uint8_t *buf, uint32_t cap,
                                  uint32_t *len)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_JOURNAL_GET);
    if (st != OT_OK)
        return st;
    if (f->record_bytes[key] == 0)
        return OT_E_NOT_FOUND;
    if (f->record_bytes[key] > cap)
        return OT_E_BUFFER;
    *len = f->record_bytes[key];
    memcpy(buf, f->records[key], *len);
    return OT_OK;
}

static enum ot_status journal_set(void *ctx, enum ot_journal_key key, const uint8_t *buf, uint32_t len)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_JOURNAL_SET);
    if (st != OT_OK)
        return st;
    memcpy(f->records[key], buf, len);
    f->record_bytes[key] = len;
    return OT_OK;
}

static enum ot_status post(void *ctx, const char *path, const char *token, const uint8_t *body, uint32_t len,
                           uint8_t *reply, uint32_t cap, uint32_t *reply_len, int *http_status)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_POST);
    (void)path;
    (void)token;
    f->posted_bytes = len < sizeof f->posted ? len : (uint32_t)sizeof f->posted;
    memcpy(f->posted, body, f->posted_bytes);
    *http_status = f->http_status;
    const char *text = f->replies[f->reply];
    if (f->reply + 1u < 4 && f->replies[f->reply + 1u] != NULL)
        f->reply++;
    *reply_len = text == NULL ? 0 : (uint32_t)strlen(text);
    if (st == OT_OK && *reply_len > cap)
        st = OT_E_BUFFER;
    if (st == OT_OK && text != NULL)
        memcpy(reply, text, *reply_len);
    return st;
}

static enum ot_status get_open(void *ctx, const char *path, const char *token, uint32_t offset,
                               const char *etag, uint32_t *total, int *http_status)
{
    struct fake_port *f = ctx;
    (void)path;
    (void)token;
    (void)etag;
    *http_status = f->open_http_status;
    *total = f->object_bytes;
    f->object_at = offset;
    return scripted(f, FAKE_OPEN);
}

static enum ot_status get_read(void *ctx, uint8_t *buf, uint32_t cap, uint32_t *len)
{
    struct fake_port *f = ctx;
    enum ot_status st = scripted(f, FAKE_READ);
    uint32_t left = f->object_bytes - f->object_at;
    *len = left < cap ? left : cap;
    if (f->read_max != 0 && *len > f->read_max)
        *len = f->read_max;
    if (st == OT_OK)
        memcpy(buf, f->object + f->object_at, *len);
    f->object_at += *len;
    return st;
}

static void get_close(void *ctx)
{
    (void)ctx;
}

static const char *enrolment_token(void *ctx)
{
    return ((struct fake_port *)ctx)->enrolment_token;
}

static uint64_t now_ms(void *ctx)
{
    return ((struct fake_port *)ctx)->now_ms;
}

static uint32_t random_word(void *ctx)
{
    struct fake_port *f = ctx;
    return f->random = f->random * 1664525u + 1013904223u;
}

static void reset(void *ctx)
{
    ((struct fake_port *)ctx)->resets++;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static enum ot_self_test_state self_test_poll(void *ctx, enum ot_status *reason)
{
    struct fake_port *f = ctx;
    *reason = f->self_test_reason;
    return f->self_test;
}

static const char *self_test_failed(void *ctx)
{
    return ((struct fake_port *)ctx)->failed_check;
}

static bool may_restart(void *ctx)
{
    return ((struct fake_port *)ctx)->may_restart;
}

static void app_health(void *ctx, struct ot_health *health)
{
    (void)ctx;
    health->link_losses = 1;
}

static uint32_t app_metrics(void *ctx, struct ot_wire_metric list[OT_WIRE_METRICS_MAX])
{
    const struct fake_port *f = ctx;
    memcpy(list, f->metrics, sizeof f->metrics);
    return f->metric_count;
}

static void log_event(void *ctx, uint32_t event, int32_t a, int32_t b)
{
    (void)event;
    (void)a;
    (void)b;
    ((struct fake_port *)ctx)->logged++;
}

void fake_port_start(struct fake_port *f)
{
    memset(f, 0, sizeof *f);
    memset(f->slots, 0xFF, sizeof f->slots);
    f->port = (struct ot_port){
        .ctx = f,
        .crypto = crypto_openssl(),
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
        .watchdog_feed = nothing,
        .self_test_start = nothing,
        .self_test_poll = self_test_poll,
        .self_test_failed = self_test_failed,
        .may_restart = may_restart,
        .app_health = app_health,
        .app_metrics = app_metrics,
        .log = log_event,
    };
    memcpy(f->facts.device, "unit-1", 7);
    memcpy(f->facts.product, "lamp", 5);
    f->facts.chip_id = 5;
    f->facts.ota_count = 2;
    f->facts.slot_bytes = FAKE_SLOT_BYTES;
    f->boot = (struct ot_boot_state){.running_has_state = true, .running_state = OT_OTA_VALID};
    f->http_status = f->open_http_status = 200;
    f->replies[0] = "{\"v\":1,\"ack\":0,\"poll_s\":60}";
    f->enrolment_token = "enrol";
    f->may_restart = true;
}

void fake_put_image(struct fake_port *f, int slot, const uint8_t *bytes, uint32_t size)
{
    memset(f->slots[slot], 0xFF, FAKE_SLOT_BYTES);
    memcpy(f->slots[slot], bytes, size < FAKE_SLOT_BYTES ? size : FAKE_SLOT_BYTES);
}

enum ot_status fake_agent(struct fake_port *f, struct ot_agent *a)
{
    static uint8_t buffer[OT_AGENT_BUFFER_BYTES];
    struct ot_agent_config config = ot_agent_config_default();
    return ot_agent_start(a, &f->port, &config, buffer);
}

enum ot_agent_state fake_run(struct fake_port *f, struct ot_agent *a, unsigned most)
{
    enum ot_agent_state before = a->state;
    for (unsigned i = 0; i < most && a->state == before; i++) {
        uint32_t wait_ms;
        (void)ot_agent_run(a, &wait_ms);
        f->now_ms += wait_ms;
    }
    return a->state;
}
