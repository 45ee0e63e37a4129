/* The in-process server: see server.h. Same rules as otariad for what a device can see. */
#include "server.h"

#include "base/crypto_openssl.h"

#include <stdio.h>
#include <string.h>

static const struct firmware *firmware_of(const struct server *s, int name)
{
    if (s->replace_bytes != NULL && name == (int)s->replaces)
        return &s->replaced;
    return &s->set->f[name];
}

static struct ledger_attempt *attempt_by_id(struct ledger *l, const char *id)
{
    unsigned n = 0;
    if (sscanf(id, "a-%u", &n) != 1 || n == 0 || n > l->attempt_count)
        return NULL;
    return &l->attempts[n - 1];
}

/* --- events --- */

static void take_event(struct ledger *l, const struct ot_wire_event *e)
{
    struct ledger_attempt *a = attempt_by_id(l, e->attempt);
    if (a == NULL)
        return;
    a->told_twice |= a->kinds & 1u << e->kind;
    a->kinds |= 1u << e->kind;
    if (e->kind == OT_EVENT_LATE_REVERT) {
        a->went_back = true;
        a->late_reason = e->reason;
    }
    if (e->kind == OT_EVENT_INSTALLED)
        a->not_by_patch = e->reason;
    if (e->kind == OT_EVENT_KEY_KEPT)
        a->keys_kept++;
    if (!ot_event_is_outcome(e->kind))
        return;
    a->outcomes++;
    a->outcome = e->kind;
    a->way = e->way;
    a->reason = e->reason;
    memcpy(a->check, e->check, sizeof a->check);
}

static void take_events(struct ledger *l, const struct ot_wire_check_in *m)
{
    for (uint32_t i = 0; i < m->event_count; i++) {
        if (m->events[i].seq <= l->ack)
            continue; /* a repetition */
        take_event(l, &m->events[i]);
        l->ack = m->events[i].seq;
    }
}

/* --- offers --- */

static bool has_open_attempt(const struct ledger *l)
{
    return l->attempt_count > 0 && l->attempts[l->attempt_count - 1].outcomes == 0;
}

bool server_is_done(const struct server *s, const struct ledger *l)
{
    return l->plan_at == s->plan.count && !has_open_attempt(l);
}

static void write_offer(const struct server *s, const struct ledger *l, struct ot_wire_reply *r)
{
    const struct ledger_attempt *a = &l->attempts[l->attempt_count - 1];
    const struct firmware *f = firmware_of(s, a->firmware);
    r->has_offer = true;
    snprintf(r->offer.attempt, sizeof r->offer.attempt, "a-%u", (unsigned)l->attempt_count);
    r->offer.release = f->release;
    snprintf(r->offer.version, sizeof r->offer.version, "%s", f->version);
    r->offer.target = f->identity;
    r->offer.lease_s = 600;
    r->offer.image = (struct ot_wire_artifact){
        .sha256 = f->file_sha256, .bytes = f->size, .block_bytes = 65536, .blocks_sha256 = f->blocks_sha256};
    r->offer.has_patch = a->firmware == FIRMWARE_B && s->patch.bytes != NULL && l->last.patch_profile >= 1;
    r->offer.patch = (struct ot_wire_patch){s->patch.base, s->patch.sha256, s->patch.size};
    r->offer.has_compressed =
        a->firmware == FIRMWARE_B && s->compressed.bytes != NULL && l->last.compressed_profile >= 1;
    r->offer.compressed = (struct ot_wire_patch){.sha256 = s->compressed.sha256, .bytes = s->compressed.size};
}

/* An operator abandons an attempt once enough of it was served. */
static void maybe_abandon(const struct server *s, struct ledger *l)
{
    if (!has_open_attempt(l) || l->plan_at == 0)
        return;
    uint32_t limit = s->plan.offers[l->plan_at - 1].abandon_after;
    if (limit > 0 && l->sent_bytes >= limit)
        l->attempts[l->attempt_count - 1].wanted = false;
}

static void answer_offer(const struct server *s, struct ledger *l, struct ot_wire_reply *r)
{
    if (!has_open_attempt(l)) {
        if (l->plan_at == s->plan.count || l->attempt_count == LEDGER_ATTEMPTS)
            return;
        l->sent_to = 0;
        l->attempts[l->attempt_count++] =
            (struct ledger_attempt){.firmware = (int)s->plan.offers[l->plan_at++].firmware, .wanted = true};
    }
    if (l->attempts[l->attempt_count - 1].wanted)
        write_offer(s, l, r); /* an offer is repeated until it is taken up */
}

static void decide(const struct server *s, struct ledger *l, const struct ot_wire_check_in *m,
                   struct ot_wire_reply *r)
{
    const struct ledger_attempt *named = m->attempt[0] != '\0' ? attempt_by_id(l, m->attempt) : NULL;
    maybe_abandon(s, l);
    bool open = named != NULL && named->outcomes == 0 && named->wanted;
    r->ack = l->ack;
    r->poll_s = 60;
    if (m->attempt[0] != '\0' && !open)
        r->drop = true;
    if (m->ask == OT_ASK_SWITCH)
        r->switch_answer = open ? OT_SWITCH_GO : OT_SWITCH_NO;
    if (m->ask == OT_ASK_OFFER && m->attempt[0] == '\0')
        answer_offer(s, l, r);
}

static enum ot_status check_in(struct server *s, struct ledger *l, const char *token, const uint8_t *body,
                               uint32_t len, uint8_t *reply, uint32_t cap, uint32_t *reply_len,
                               int *http_status)
{
    struct ot_digest hash;
    struct ot_wire_reply r = {0};
    size_t n = 0;
    ot_sha256_of(crypto_openssl(), (const uint8_t *)token, strlen(token), &hash);
    if (!l->enrolled || !ot_digest_equal(&hash, &l->token_sha256)) {
        *http_status = 401;
        return OT_OK;
    }
    if (ot_wire_check_in_read((const char *)body, len, &l->last, NULL) != OT_OK) {
        l->refused_messages++;
        *http_status = 400;
        return OT_OK;
    }
    l->check_ins++;
    if (l->last.event_count == 0 || !s->plan.stores_every_third || l->with_events++ % 3 == 2)
        take_events(l, &l->last);
    decide(s, l, &l->last, &r);
    *http_status = 200;
    enum ot_status st = ot_wire_reply_write(&r, (char *)reply, cap, &n);
    *reply_len = (uint32_t)n;
    return st;
}

static enum ot_status enrol(struct ledger *l, const uint8_t *body, uint32_t len, uint8_t *reply, uint32_t cap,
                            uint32_t *reply_len, int *http_status)
{
    struct ot_wire_enrol m;
    struct ot_wire_enrolled r = {.product = MATRIX_PRODUCT, .poll_s = 60};
    size_t n = 0;
    *http_status = 400;
    if (ot_wire_enrol_read((const char *)body, len, &m, NULL) != OT_OK) {
        l->refused_messages++;
        return OT_OK;
    }
    *http_status = 409;
    if (l->enrolled && !ot_digest_equal(&l->token_sha256, &m.token_sha256))
        return OT_OK;
    *http_status = l->enrolled ? 200 : 201;
    l->enrolled = true;
    l->token_sha256 = m.token_sha256;
    enum ot_status st = ot_wire_enrolled_write(&r, (char *)reply, cap, &n);
    *reply_len = (uint32_t)n;
    return st;
}

static bool lies(struct server *s, enum server_lie lie)
{
    if (s->lie != lie || s->lies_left == 0)
        return false;
    s->lies_left--;
    return true;
}

static enum ot_status lie_with(const char *text, size_t len, uint8_t *reply, uint32_t cap,
                               uint32_t *reply_len, int *http_status)
{
    *http_status = 200;
    if (len > cap)
        return OT_E_BUFFER; /* what a port says of a body that does not fit */
    memcpy(reply, text, len);
    *reply_len = (uint32_t)len;
    return OT_OK;
}

static void spoil(struct server *s, uint8_t *reply, uint32_t len)
{
    uint64_t n = 1 + nor_random(&s->lie_chance) % 4;
    for (uint64_t i = 0; i < n && len > 0; i++)
        reply[nor_random(&s->lie_chance) % len] = (uint8_t)nor_random(&s->lie_chance);
}

enum ot_status server_post(struct server *s, struct ledger *l, const char *path, const char *token,
                           const uint8_t *body, uint32_t len, uint8_t *reply, uint32_t cap,
                           uint32_t *reply_len, int *http_status)
{
    static const char portal[] = "<html><body>Welcome! Please log in to use this network.</body></html>";
    *reply_len = 0;
    if (lies(s, LIE_HTML))
        return lie_with(portal, sizeof portal - 1, reply, cap, reply_len, http_status);
    if (lies(s, LIE_HUGE))
        return OT_E_BUFFER; /* a megabyte of reply: what a port says of a body that does not fit */
    if (lies(s, LIE_STATUS)) {
        *http_status = s->lie_status;
        return OT_OK;
    }
    if (lies(s, LIE_GARBAGE)) {
        enum ot_status st = check_in(s, l, token, body, len, reply, cap, reply_len, http_status);
        spoil(s, reply, *reply_len);
        return st;
    }
    if (strcmp(path, "/device/v1/enrol") == 0)
        return enrol(l, body, len, reply, cap, reply_len, http_status);
    return check_in(s, l, token, body, len, reply, cap, reply_len, http_status);
}

/* --- transfers --- */

/* The smaller way with this name, where there is one. */
static const struct firmware_patch *patch_of(const struct server *s, const struct ot_digest *sha)
{
    if (s->patch.bytes != NULL && !s->hides_patch && ot_digest_equal(sha, &s->patch.sha256))
        return &s->patch;
    return s->compressed.bytes != NULL && ot_digest_equal(sha, &s->compressed.sha256) ? &s->compressed : NULL;
}

static const uint8_t *served(const struct ledger *l, const struct firmware *f, uint32_t *total)
{
    if (l->serves_patch != NULL) {
        *total = l->serves_patch->size;
        return l->serves_patch->bytes;
    }
    *total = l->serves_blocks ? f->block_count * OT_DIGEST_BYTES : f->size;
    return l->serves_blocks ? f->blocks : f->bytes;
}

enum ot_status server_get_open(struct server *s, struct ledger *l, const char *path, uint32_t offset,
                               const char *etag, uint32_t *total, int *http_status)
{
    static const char prefix[] = "/device/v1/artifacts/";
    struct ot_digest sha;
    l->serves = FIRMWARE_NONE;
    if (lies(s, LIE_STATUS)) {
        *http_status = s->lie_status;
        return OT_E_HTTP;
    }
    *http_status = 404;
    if (strncmp(path, prefix, sizeof prefix - 1) != 0 || strlen(path) < sizeof prefix - 1 + 64 ||
        ot_digest_from_hex(path + sizeof prefix - 1, 64, &sha) != OT_OK || !has_open_attempt(l))
        return OT_E_HTTP;
    const struct ledger_attempt *a = &l->attempts[l->attempt_count - 1];
    const struct firmware *f = firmware_of(s, a->firmware);
    l->serves_patch = a->firmware == FIRMWARE_B ? patch_of(s, &sha) : NULL;
    if (!a->wanted || !(l->serves_patch != NULL || ot_digest_equal(&sha, &f->file_sha256)))
        return OT_E_HTTP;
    char hex[OT_DIGEST_HEX_BYTES];
    ot_digest_to_hex(&sha, hex);
    l->serves_blocks = strcmp(path + sizeof prefix - 1 + 64, "/blocks") == 0;
    if (etag != NULL && strcmp(etag, hex) != 0)
        return OT_E_STATE;
    (void)served(l, f, total);
    if (offset > *total)
        return OT_E_HTTP;
    if (!l->serves_blocks && lies(s, LIE_TOTAL))
        *total += 4096;
    if (!l->serves_blocks && offset > 0 && lies(s, LIE_IGNORES_RANGE))
        offset = 0; /* a port that is not told would go on where it thinks it is */
    if (!l->serves_blocks && l->sent_to > offset && l->sent_to - offset > l->again_most)
        l->again_most = l->sent_to - offset;
    *http_status = offset > 0 ? 206 : 200;
    l->serves = a->firmware;
    l->serve_at = offset;
    s->in_connection = 0;
    return OT_OK;
}

enum ot_status server_get_read(struct server *s, struct ledger *l, uint8_t *buf, uint32_t cap, uint32_t *len)
{
    *len = 0;
    if (l->serves == FIRMWARE_NONE)
        return OT_E_NETWORK;
    const struct firmware *f = firmware_of(s, l->serves);
    uint32_t total, n;
    const uint8_t *bytes = served(l, f, &total);
    n = total - l->serve_at;
    if (n > cap)
        n = cap;
    if (!l->serves_blocks && s->plan.cut_every > 0 && l->cuts_made < s->plan.cuts_max) {
        if (s->in_connection >= s->plan.cut_every) {
            l->cuts_made++;
            l->serves = FIRMWARE_NONE;
            return OT_E_NETWORK;
        }
        if (n > s->plan.cut_every - s->in_connection)
            n = s->plan.cut_every - s->in_connection;
    }
    if (!l->serves_blocks && s->plan.cut_at > 0 && l->cuts_made == 0) {
        if (l->serve_at >= s->plan.cut_at) {
            l->cuts_made++;
            l->serves = FIRMWARE_NONE;
            return OT_E_NETWORK;
        }
        if (n > s->plan.cut_at - l->serve_at)
            n = s->plan.cut_at - l->serve_at;
    }
    if (!l->serves_blocks && s->lie == LIE_ENDLESS && s->lies_left > 0) {
        *len = cap;
        memset(buf, 0x5A, cap); /* for ever */
        return OT_OK;
    }
    if (!l->serves_blocks && s->lie == LIE_SHORT && l->serve_at > total / 2 && lies(s, LIE_SHORT))
        return OT_OK; /* the end, it says */
    memcpy(buf, bytes + l->serve_at, n);
    if (!l->serves_blocks && s->lie == LIE_OTHER_BYTES && s->lies_left > 0 && n > 0)
        spoil(s, buf, n);
    l->serve_at += n;
    *len = n;
    if (l->serves_blocks)
        return OT_OK;
    s->in_connection += n;
    l->sent_bytes += n;
    l->sent_image_bytes += l->serves_patch != NULL ? 0 : n;
    l->sent_compressed_bytes += l->serves_patch == &s->compressed ? n : 0;
    l->sent_to = l->serve_at;
    maybe_abandon(s, l);
    if (l->attempt_count > 0 && !l->attempts[l->attempt_count - 1].wanted) {
        l->serves = FIRMWARE_NONE; /* and the connection ends */
    }
    return OT_OK;
}

void server_get_close(struct server *s, struct ledger *l)
{
    (void)s;
    l->serves = FIRMWARE_NONE;
}
