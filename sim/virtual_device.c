/*
 * One device under virtual time: what an agent tells its server, and when, without the flash and the network in between.
 * Crashes and link losses come as Poisson processes of its own; all chance is drawn by (seed, device, what, nth), so that
 * nothing depends on who is stepped first, nor on what is skipped.
 */
#include "chance.h"
#include "virtual_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_S     3u   /* from the offer to `downloading` */
#define BOOT_S      10u  /* of a switch */
#define SELF_TEST_S 30u  /* from `booted` to `confirmed` */
#define PROBATION_S 300u /* until a device without contact goes back */
#define ASK_AGAIN_S 60u

enum draw { DRAW_CRASH = 8, DRAW_LINK_LOSS, DRAW_POLL, DRAW_LINK_SPEED, DRAW_AWAY, DRAW_IS_AWAY };

static uint64_t draw(const struct virtual_world *w, uint32_t index, enum draw what, uint32_t nth)
{
    return chance_draw(w->scenario->devices.seed, index, (uint32_t)what, nth);
}

static const struct virtual_behaviour *behaviour_of(const struct virtual_world *w,
                                                    const struct virtual_device *v)
{
    return v->behaviour == NO_BEHAVIOUR ? NULL : &w->scenario->behaviours[v->behaviour];
}

static enum virtual_does does(const struct virtual_world *w, const struct virtual_device *v)
{
    const struct virtual_behaviour *b = behaviour_of(w, v);
    return b == NULL ? VIRTUAL_HEALTHY : b->does;
}

/* --- what happens to it anyway --- */

static double more_per_s(const struct virtual_world *w, const struct virtual_device *v,
                         enum virtual_does what)
{
    return v->runs_release && does(w, v) == what ? behaviour_of(w, v)->per_s : 0;
}

static uint32_t later(uint32_t at_s, uint32_t wait_s)
{
    return wait_s > UINT32_MAX - at_s ? UINT32_MAX : at_s + wait_s;
}

static void next_crash(struct virtual_world *w, uint32_t index, uint32_t from_s)
{
    struct virtual_device *v = &w->devices[index];
    double per_s = w->scenario->crashes_per_s + more_per_s(w, v, VIRTUAL_CRASH_OFTEN);
    v->next_crash_s = later(from_s, chance_wait_s(draw(w, index, DRAW_CRASH, v->draws++), per_s));
    if (!v->runs_release || does(w, v) != VIRTUAL_CRASH_AFTER)
        return;
    uint32_t due_s = later(v->booted_s, behaviour_of(w, v)->after_s);
    v->next_crash_s = due_s < v->next_crash_s ? due_s : v->next_crash_s;
}

static void next_link_loss(struct virtual_world *w, uint32_t index, uint32_t from_s)
{
    struct virtual_device *v = &w->devices[index];
    double per_s = w->scenario->link_losses_per_s + more_per_s(w, v, VIRTUAL_DROP_LINK);
    v->next_link_loss_s = later(from_s, chance_wait_s(draw(w, index, DRAW_LINK_LOSS, v->draws++), per_s));
}

static void boot(struct virtual_world *w, uint32_t index, uint32_t at_s)
{
    struct virtual_device *v = &w->devices[index];
    v->boots++;
    v->booted_s = at_s;
    next_crash(w, index, at_s);
}

/* Its counters, up to now. */
static void live(struct virtual_world *w, uint32_t index)
{
    struct virtual_device *v = &w->devices[index];
    while (v->next_crash_s <= w->now_s) {
        v->crashes++;
        boot(w, index, v->next_crash_s);
    }
    while (v->next_link_loss_s <= w->now_s) {
        v->link_losses++;
        next_link_loss(w, index, v->next_link_loss_s);
    }
}

static void run_image(struct virtual_world *w, uint32_t index, bool release)
{
    struct virtual_device *v = &w->devices[index];
    v->runs_release = release;
    boot(w, index, w->now_s);
    next_link_loss(w, index, w->now_s);
}

/* Seconds until it is back; 0: it is there. */
static uint32_t away_s(const struct virtual_world *w, uint32_t index)
{
    uint32_t share = w->scenario->away.share, every = w->scenario->away.every_s;
    if (share == 0 || draw(w, index, DRAW_IS_AWAY, 0) % 10000u >= share)
        return 0;
    uint32_t phase = (uint32_t)((w->now_s + draw(w, index, DRAW_AWAY, 0)) % every);
    return phase < w->scenario->away.for_s ? w->scenario->away.for_s - phase : 0;
}

/* --- check-ins --- */

static void counters(const struct virtual_world *w, const struct virtual_device *v, struct ot_health *out)
{
    *out = (struct ot_health){.boots = v->boots,
                              .panics = v->crashes,
                              .link_losses = v->link_losses,
                              .uptime_s = w->now_s,
                              .last_reset = v->crashes > 0 ? OT_RESET_PANIC : OT_RESET_POWER_ON};
}

static void fill_slot(struct ot_wire_slot *slot, int8_t number, const struct fleet_release *release,
                      const struct ot_wire_check_in *facts)
{
    slot->present = true;
    slot->slot = number;
    slot->state = 2; /* valid */
    slot->digest = fleet_image_for(release, facts)->digest;
    slot->release = release->number;
    memcpy(slot->version, release->version, sizeof slot->version);
}

static void fill(struct virtual_world *w, const struct virtual_device *v, enum ot_ask ask)
{
    struct ot_wire_check_in *m = &w->message;
    const struct ot_wire_check_in *known = &v->record->facts;
    memcpy(m->device, v->record->id, sizeof m->device);
    m->chip_id = known->chip_id;
    m->hardware_revision = known->hardware_revision;
    m->attribute_count = known->attribute_count;
    memcpy(m->attributes, known->attributes, known->attribute_count * sizeof *m->attributes);
    m->slot_bytes = 16u << 20;
    m->bootloader = OT_BOOTLOADER_ROLLBACK;
    fill_slot(&m->running, v->runs_release, v->runs_release ? w->release : w->base, known);
    counters(w, v, &m->health);
    const struct virtual_behaviour *b = v->runs_release ? behaviour_of(w, v) : NULL;
    m->metric_count = (uint8_t)scenario_metrics(&w->scenario->reports, b != NULL ? &b->reports : NULL,
                                                m->device, m->metrics);
    m->attempt[0] = '\0';
    if (v->attempt != 0)
        snprintf(m->attempt, sizeof m->attempt, "a-%" PRIu64, v->attempt);
    m->ask = ask;
    m->event_count = 0;
}

static void add_event(struct virtual_world *w, struct virtual_device *v, enum ot_event_kind kind,
                      enum ot_status why)
{
    struct ot_wire_event *e = &w->message.events[w->message.event_count++];
    memset(e, 0, sizeof *e);
    e->seq = ++v->seq;
    e->kind = kind;
    e->reason = why;
    e->way = OT_WAY_FULL;
    e->bytes = kind == OT_EVENT_DOWNLOADING ? 0 : w->release->images[0].bytes;
    snprintf(e->attempt, sizeof e->attempt, "a-%" PRIu64, v->attempt);
}

static struct ot_wire_reply send(struct virtual_world *w, struct virtual_device *v)
{
    struct ot_wire_reply reply;
    struct fleet_refusal refusal;
    bool wait;
    w->whole_check_ins++;
    if (fleet_check_in(w->fleet, v->record, &w->message, &reply, &wait, &refusal, NULL, NULL) != 0)
        error_set(&w->err, "%s: a check-in was refused: %s", v->record->id, refusal.message);
    return reply;
}

/* --- the update, step by step --- */

static void again(struct virtual_world *w, uint32_t index, uint32_t wait_s)
{
    wheel_put(&w->wheel, index, w->now_s + (wait_s > 0 ? wait_s : 1));
}

static void poll_later(struct virtual_world *w, uint32_t index)
{
    uint32_t poll = w->scenario->poll_s,
             jitter = (uint32_t)((uint64_t)poll * w->scenario->jitter_percent / 100u);
    uint64_t drawn = draw(w, index, DRAW_POLL, w->now_s);
    again(w, index, poll - jitter + (uint32_t)(drawn % (2u * jitter + 1u)));
}

static void take_offer(struct virtual_world *w, uint32_t index, const struct ot_wire_offer *offer)
{
    struct virtual_device *v = &w->devices[index];
    v->attempt = strtoull(offer->attempt + 2, NULL, 10); /* "a-17" */
    v->state = DEVICE_STARTING;
    v->was_offered = true;
    again(w, index, START_S);
}

static void step_idle(struct virtual_world *w, uint32_t index)
{
    struct virtual_device *v = &w->devices[index];
    struct ot_health health;
    counters(w, v, &health);
    if (!w->whole && fleet_still_here(w->fleet, v->record, &health)) {
        w->skipped_check_ins++;
        poll_later(w, index);
        return;
    }
    fill(w, v, OT_ASK_OFFER);
    struct ot_wire_reply reply = send(w, v);
    if (reply.has_offer)
        take_offer(w, index, &reply.offer);
    else
        poll_later(w, index);
}

/* The server wants it no more: told at once, and forgotten. */
static void drop(struct virtual_world *w, uint32_t index)
{
    struct virtual_device *v = &w->devices[index];
    fill(w, v, OT_ASK_NOTHING);
    add_event(w, v, OT_EVENT_WITHDRAWN, OT_OK);
    (void)send(w, v);
    v->attempt = 0;
    v->state = DEVICE_IDLE;
    poll_later(w, index);
}

/* Links differ by a factor of two either way. */
static uint32_t load_s(const struct virtual_world *w, uint32_t index)
{
    double factor = exp2(2 * chance_unit(draw(w, index, DRAW_LINK_SPEED, 0)) - 1);
    double rate = w->scenario->bytes_per_s[w->devices[index].link] * factor;
    return 1u + (uint32_t)(w->release->images[0].bytes / rate);
}

static void step_starting(struct virtual_world *w, uint32_t index)
{
    struct virtual_device *v = &w->devices[index];
    fill(w, v, OT_ASK_NOTHING);
    add_event(w, v, OT_EVENT_DOWNLOADING, OT_OK);
    if (send(w, v).drop) {
        drop(w, index);
        return;
    }
    v->state = DEVICE_LOADING;
    again(w, index, load_s(w, index));
}

static void step_asking(struct virtual_world *w, uint32_t index)
{
    struct virtual_device *v = &w->devices[index];
    fill(w, v, OT_ASK_SWITCH);
    if (v->state == DEVICE_LOADING) {
        add_event(w, v, OT_EVENT_INSTALLED, OT_OK);
        add_event(w, v, OT_EVENT_SWITCHING, OT_OK);
    }
    v->state = DEVICE_ASKING;
    struct ot_wire_reply reply = send(w, v);
    if (reply.drop || reply.switch_answer == OT_SWITCH_NO) {
        drop(w, index);
    } else if (reply.switch_answer == OT_SWITCH_GO) {
        v->state = DEVICE_SWITCHING;
        v->has_switched = true;
        again(w, index, BOOT_S);
    } else {
        again(w, index, ASK_AGAIN_S);
    }
}

static void fall_back(struct virtual_world *w, uint32_t index, uint32_t wait_s)
{
    w->devices[index].state = DEVICE_BACK;
    again(w, index, wait_s);
}

static bool crashes_in_probation(const struct virtual_world *w, const struct virtual_device *v)
{
    return does(w, v) == VIRTUAL_CRASH_AT_ONCE ||
           (does(w, v) == VIRTUAL_CRASH_AFTER && behaviour_of(w, v)->after_s <= SELF_TEST_S);
}

static void step_switching(struct virtual_world *w, uint32_t index)
{
    struct virtual_device *v = &w->devices[index];
    if (crashes_in_probation(w, v)) {
        v->crashes++;
        fall_back(w, index, BOOT_S);
    } else if (does(w, v) == VIRTUAL_LOSE_NETWORK) {
        fall_back(w, index, PROBATION_S + BOOT_S);
    } else {
        run_image(w, index, true);
        v->switched_s = w->now_s;
        fill(w, v, OT_ASK_NOTHING);
        add_event(w, v, OT_EVENT_BOOTED, OT_OK);
        (void)send(w, v);
        v->state = DEVICE_PROBATION;
        again(w, index, SELF_TEST_S);
    }
}

static void step_probation(struct virtual_world *w, uint32_t index)
{
    struct virtual_device *v = &w->devices[index];
    bool has_crashed = v->booted_s > v->switched_s; /* the bootloader does not give it a second chance */
    if (has_crashed || does(w, v) == VIRTUAL_SELF_TEST_FAILS) {
        fall_back(w, index, BOOT_S);
        return;
    }
    fill(w, v, OT_ASK_NOTHING);
    add_event(w, v, OT_EVENT_CONFIRMED, OT_OK);
    w->message.attempt[0] = '\0'; /* it has ended */
    (void)send(w, v);
    v->attempt = 0;
    v->state = does(w, v) == VIRTUAL_DIE ? DEVICE_DEAD : DEVICE_IDLE;
    if (v->state == DEVICE_IDLE)
        poll_later(w, index);
}

static void step_back(struct virtual_world *w, uint32_t index)
{
    struct virtual_device *v = &w->devices[index];
    bool lost = does(w, v) == VIRTUAL_LOSE_NETWORK;
    run_image(w, index, false);
    fill(w, v, OT_ASK_NOTHING);
    add_event(w, v, OT_EVENT_REVERTED, lost ? OT_E_NO_CONTACT : OT_E_SELF_TEST);
    w->message.attempt[0] = '\0';
    (void)send(w, v);
    v->attempt = 0;
    v->state = DEVICE_IDLE;
    poll_later(w, index);
}

void virtual_device_step(struct virtual_world *w, uint32_t index)
{
    static void (*const steps[])(struct virtual_world *, uint32_t) = {
        [DEVICE_IDLE] = step_idle,           [DEVICE_STARTING] = step_starting,
        [DEVICE_LOADING] = step_asking,      [DEVICE_ASKING] = step_asking,
        [DEVICE_SWITCHING] = step_switching, [DEVICE_PROBATION] = step_probation,
        [DEVICE_BACK] = step_back,
    };
    uint32_t away = away_s(w, index);
    if (away > 0) {
        again(w, index, away);
        return;
    }
    live(w, index);
    steps[w->devices[index].state](w, index);
}

/* --- at the beginning --- */

static bool matches(const struct virtual_world *w, uint32_t index, uint32_t which,
                    const struct virtual_unit *u)
{
    const struct virtual_behaviour *b = &w->scenario->behaviours[which];
    return virtual_unit_matches(u, b) &&
           (b->share == 0 ||
            chance_draw(w->scenario->devices.seed, index, 32u + which, 0) % 10000u < b->share);
}

void virtual_device_begin(struct virtual_world *w, uint32_t index, const struct virtual_unit *u,
                          uint32_t first_s)
{
    const struct plan_choices *links = &w->scenario->devices.links;
    struct virtual_device *v = &w->devices[index];
    v->behaviour = NO_BEHAVIOUR;
    for (uint32_t i = w->scenario->behaviour_count; i > 0; i--) {
        if (matches(w, index, i - 1, u))
            v->behaviour = (uint8_t)(i - 1);
    }
    for (uint8_t i = 0; i < links->count; i++)
        v->link = strcmp(virtual_unit_attribute(u, "link"), links->choice[i].name) == 0 ? i : v->link;
    boot(w, index, 0);
    next_link_loss(w, index, 0);
    wheel_put(&w->wheel, index, first_s);
}
