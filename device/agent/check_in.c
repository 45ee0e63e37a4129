/* Enrolment and check-ins: build the message, take the reply, keep the outbox. */
#include "work.h"

#include <string.h>

#define PATH_ENROL     "/device/v1/enrol"
#define PATH_CHECK_IN  "/device/v1/check-in"
#define UPTIME_SAVE_MS 600000u

/* Back-off with full jitter: 2^failures seconds at most, bounded by the configuration. */
static void schedule_retry(struct ot_agent *a)
{
    uint32_t ceiling = 1u << (a->failures < 12 ? a->failures : 12);
    if (ceiling > a->config.backoff_max_s)
        ceiling = a->config.backoff_max_s;
    if (a->failures < 255)
        a->failures++;
    uint32_t ms = 200u + a->port->random(a->port->ctx) % (ceiling * 1000u);
    a->next_poll_ms = a->port->now_ms(a->port->ctx) + ms;
}

/* The server's interval, bounded, plus or minus a tenth so that a fleet does not march in step. */
static void schedule_poll(struct ot_agent *a, uint32_t poll_s)
{
    if (poll_s < a->config.poll_min_s)
        poll_s = a->config.poll_min_s;
    if (poll_s > a->config.poll_max_s)
        poll_s = a->config.poll_max_s;
    a->poll_s = poll_s;
    uint32_t tenth = poll_s * 100u;
    uint32_t ms = poll_s * 1000u - tenth + a->port->random(a->port->ctx) % (2u * tenth + 1u);
    a->next_poll_ms = a->port->now_ms(a->port->ctx) + ms;
}

static enum agent_event unreachable(struct ot_agent *a, enum ot_status st, int http_status)
{
    a->failure = st;
    agent_log(a, AGENT_LOG_NETWORK, st, http_status);
    schedule_retry(a);
    return EV_NETWORK;
}

/* --- enrolment --- */

static enum ot_status make_token(struct ot_agent *a)
{
    static const char digits[] = "0123456789abcdef";
    for (uint32_t i = 0; i < 64; i += 8) {
        uint32_t word = a->port->random(a->port->ctx);
        for (uint32_t j = 0; j < 8; j++, word >>= 4)
            a->token[i + j] = digits[word & 15u];
    }
    a->token[64] = '\0';
    return agent_save_token(a);
}

static enum ot_status build_enrol(struct ot_agent *a, size_t *len)
{
    struct ot_wire_enrol *m = &a->u.enrol;
    memset(m, 0, sizeof *m);
    memcpy(m->device, a->facts.device, sizeof m->device);
    ot_sha256_of(a->port->crypto, (const uint8_t *)a->token, 64, &m->token_sha256);
    m->chip_id = a->facts.chip_id;
    m->hardware_revision = a->facts.hardware_revision;
    m->attribute_count = a->facts.attribute_count;
    memcpy(m->attributes, a->facts.attributes, sizeof m->attributes);
    return ot_wire_enrol_write(m, (char *)a->buffer, OT_AGENT_BUFFER_BYTES, len);
}

enum agent_event agent_work_enrol(struct ot_agent *a)
{
    size_t len = 0;
    uint32_t reply_len = 0;
    int http_status = 0;
    const char *enrolment_token = a->port->enrolment_token(a->port->ctx);
    if (a->port->now_ms(a->port->ctx) < a->next_poll_ms)
        return EV_NONE;
    if (enrolment_token == NULL)
        return unreachable(a, OT_E_NOT_FOUND, 0);
    enum ot_status st = a->token[0] == '\0' ? make_token(a) : OT_OK;
    if (st == OT_OK)
        st = build_enrol(a, &len);
    if (st == OT_OK)
        st = a->port->post(a->port->ctx, PATH_ENROL, enrolment_token, a->buffer, (uint32_t)len, a->u.raw,
                           sizeof a->u.raw, &reply_len, &http_status);
    if (st != OT_OK || (http_status != 200 && http_status != 201))
        return unreachable(a, st != OT_OK ? st : OT_E_HTTP, http_status);
    a->enrolled = true;
    st = agent_save_token(a);
    if (st != OT_OK)
        return unreachable(a, st, 0);
    a->failures = 0;
    a->next_poll_ms = 0;
    return EV_READY;
}

/* --- check-in --- */

static void fill_health(struct ot_agent *a, struct ot_health *h)
{
    uint64_t now = a->port->now_ms(a->port->ctx);
    *h = a->health;
    h->uptime_s += now / 1000u;
    h->last_reset = a->facts.last_reset;
    a->port->app_health(a->port->ctx, h);
    if (now - a->uptime_saved_ms < UPTIME_SAVE_MS)
        return;
    /* Uptime may lose ten minutes to a power cut; what has been reported must not run backwards for longer. */
    struct ot_health keep = a->health;
    a->health.uptime_s = h->uptime_s;
    if (agent_save_health(a) == OT_OK)
        a->uptime_saved_ms = now;
    a->health.uptime_s = keep.uptime_s;
}

/* The eFuses may know of more than the journal: the factory's, or those of a journal that was lost. */
static void add_revoked(struct ot_wire_check_in *m, const struct ot_digest *key)
{
    for (uint32_t i = 0; i < m->revoked_count; i++) {
        if (ot_digest_equal(&m->revoked[i], key))
            return;
    }
    if (m->revoked_count < OT_WIRE_REVOKED_MAX)
        m->revoked[m->revoked_count++] = *key;
}

static void fill_keys(const struct ot_agent *a, struct ot_wire_check_in *m)
{
    struct ot_trust_set trust = agent_software_trust(a);
    m->key_count = (uint8_t)trust.key_count;
    memcpy(m->keys, trust.keys, trust.key_count * sizeof m->keys[0]);
    m->revoked_count = a->trust.revoked_count;
    memcpy(m->revoked, a->trust.revoked, sizeof m->revoked);
    for (uint32_t i = 0; i < a->facts.fuse_revoked_count; i++)
        add_revoked(m, &a->facts.fuse_revoked[i]);
}

static void fill_slots(struct ot_agent *a, struct ot_wire_check_in *m)
{
    struct ot_boot_state boot;
    m->running = a->running;
    m->other = a->other;
    if (a->port->boot_state(a->port->ctx, &boot) == OT_OK) {
        m->running.state = boot.running_has_state ? boot.running_state : OT_OTA_UNDEFINED;
        m->other.state = boot.other_has_state ? boot.other_state : OT_OTA_UNDEFINED;
    }
    /* While the other slot is being written it holds nothing that has a name. */
    if (a->attempt.phase == OT_PHASE_DOWNLOADING) {
        memset(&m->other.digest, 0, sizeof m->other.digest);
        m->other.release = 0;
        m->other.version[0] = '\0';
    }
}

/* The outcome of an attempt that a check ended says which. */
static void name_checks(const struct ot_agent *a, struct ot_wire_check_in *m)
{
    for (uint32_t i = 0; i < m->event_count; i++) {
        struct ot_wire_event *e = &m->events[i];
        if (e->reason == OT_E_SELF_TEST && memcmp(e->attempt, a->check_note.attempt, OT_ATTEMPT_ID_MAX) == 0)
            memcpy(e->check, a->check_note.check, sizeof e->check);
    }
}

static bool is_new_name(const struct ot_wire_metric *list, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(list[i].name, name, strlen(name) + 1) == 0)
            return false;
    }
    return true;
}

/* A slip in the application's list costs that metric; it must never cost the check-in, and with it the next update. */
static void fill_metrics(struct ot_agent *a, struct ot_wire_check_in *m)
{
    uint32_t count = 0;
    if (a->port->app_metrics != NULL)
        count = a->port->app_metrics(a->port->ctx, m->metrics);
    if (count > OT_WIRE_METRICS_MAX)
        count = OT_WIRE_METRICS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        struct ot_wire_metric one = m->metrics[i];
        one.name[OT_METRIC_NAME_MAX] = '\0';
        if (ot_wire_is_metric_name(one.name) && is_new_name(m->metrics, m->metric_count, one.name) &&
            one.value >= -OT_METRIC_VALUE_MAX && one.value <= OT_METRIC_VALUE_MAX)
            m->metrics[m->metric_count++] = one;
        else
            agent_log(a, AGENT_LOG_METRIC, (int32_t)i, 0);
    }
}

static enum ot_status build(struct ot_agent *a, enum ot_ask ask, size_t *len)
{
    struct ot_wire_check_in *m = &a->u.check_in;
    memset(m, 0, sizeof *m);
    memcpy(m->device, a->facts.device, sizeof m->device);
    m->chip_id = a->facts.chip_id;
    m->hardware_revision = a->facts.hardware_revision;
    m->slot_bytes = a->facts.slot_bytes;
    m->bootloader = a->bootloader;
    m->patch_profile = a->config.patches != NULL ? OT_AGENT_PATCH_PROFILE : 0;
    m->compressed_profile = m->patch_profile;
    fill_slots(a, m);
    m->floor = a->trust.floor;
    m->secure_version = a->facts.secure_version;
    fill_keys(a, m);
    fill_health(a, &m->health);
    if (a->attempt.phase != OT_PHASE_NONE)
        memcpy(m->attempt, a->attempt.id, sizeof m->attempt);
    m->ask = ask;
    m->event_count = a->outbox.count;
    memcpy(m->events, a->outbox.events, sizeof m->events);
    name_checks(a, m);
    m->attribute_count = a->facts.attribute_count;
    memcpy(m->attributes, a->facts.attributes, sizeof m->attributes);
    fill_metrics(a, m);
    return ot_wire_check_in_write(m, (char *)a->buffer, OT_AGENT_BUFFER_BYTES, len);
}

static enum agent_event take_reply(struct ot_agent *a, uint32_t len)
{
    /* The reply is read out of the buffer into the union that also held the message. */
    enum ot_status st = ot_wire_reply_read((const char *)a->buffer, len, &a->u.reply, NULL);
    if (st != OT_OK)
        return unreachable(a, st, 200);
    a->failures = 0;
    a->contact_since_boot = true;
    schedule_poll(a, a->u.reply.poll_s);
    st = agent_outbox_ack(a, a->u.reply.ack);
    if (st != OT_OK)
        agent_log(a, AGENT_LOG_JOURNAL, st, 0); /* repeated and acknowledged again later */
    return EV_AGAIN;
}

enum agent_event agent_check_in(struct ot_agent *a, enum ot_ask ask)
{
    size_t len = 0;
    uint32_t reply_len = 0;
    int http_status = 0;
    a->window_count = 0; /* the union is about to be overwritten */
    enum ot_status st = build(a, ask, &len);
    if (st == OT_OK)
        st = a->port->post(a->port->ctx, PATH_CHECK_IN, a->token, a->buffer, (uint32_t)len, a->u.raw,
                           sizeof a->u.raw, &reply_len, &http_status);
    if (st != OT_OK || http_status != 200)
        return unreachable(a, st != OT_OK ? st : OT_E_HTTP, http_status);
    memcpy(a->buffer, a->u.raw, reply_len);
    return take_reply(a, reply_len);
}

/* An offer of an attempt that has ended here is the server's old knowledge: its outcome is on the way. */
static bool has_news(const struct ot_agent *a)
{
    return a->u.reply.has_offer && !agent_outbox_has_outcome(a, a->u.reply.offer.attempt);
}

enum agent_event agent_work_idle(struct ot_agent *a)
{
    agent_late_crash_forget(a);
    if (a->port->now_ms(a->port->ctx) < a->next_poll_ms)
        return EV_NONE;
    enum agent_event event = agent_check_in(a, OT_ASK_OFFER);
    if (event != EV_AGAIN)
        return event;
    return has_news(a) ? EV_OFFER : EV_NONE;
}

/* After an outcome, and after each start: tell the server at once, then go on with the usual interval. */
enum agent_event agent_work_report(struct ot_agent *a)
{
    if (a->port->now_ms(a->port->ctx) < a->next_poll_ms)
        return EV_NONE;
    enum agent_event event = agent_check_in(a, OT_ASK_OFFER);
    if (event != EV_AGAIN)
        return event;
    if (has_news(a))
        return EV_OFFER;
    return a->outbox.count == 0 ? EV_REPORTED : EV_NONE;
}
