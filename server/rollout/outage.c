/* Outages of the server: see rollout/outage.h. */
#include "rollout/outage.h"

static struct outage *newest(struct outages *o)
{
    return o->count == 0 ? NULL : &o->list[(o->count - 1) % OUTAGES_KEPT];
}

static void keep(struct outages *o, struct outage one)
{
    o->list[o->count++ % OUTAGES_KEPT] = one;
}

void outages_begin(struct outages *o, uint64_t now_ms, uint64_t down_ms)
{
    o->answered_ms = now_ms;
    if (down_ms > 0)
        keep(o, (struct outage){now_ms, now_ms, down_ms});
}

uint64_t outages_gap(const struct outages *o, uint64_t now_ms)
{
    return now_ms > o->answered_ms ? now_ms - o->answered_ms : 0;
}

void outages_add(struct outages *o, uint64_t now_ms)
{
    struct outage *last = newest(o);
    if (last != NULL && last->to_ms == o->answered_ms)
        last->to_ms = now_ms; /* it was down, and was not reached afterwards */
    else
        keep(o, (struct outage){o->answered_ms, now_ms, 0});
}

void outages_answered(struct outages *o, uint64_t now_ms)
{
    o->answered_ms = now_ms > o->answered_ms ? now_ms : o->answered_ms;
}

/* The part of it within the window; one that began and ended at one moment of server time may be all downtime. */
static uint64_t part(const struct outage *o, uint64_t since_ms, uint64_t now_ms)
{
    uint64_t from = o->from_ms > since_ms ? o->from_ms : since_ms, to = o->to_ms < now_ms ? o->to_ms : now_ms;
    if (o->to_ms < since_ms || o->from_ms > now_ms)
        return 0;
    return (to > from ? to - from : 0) + (o->from_ms >= since_ms ? o->down_ms : 0);
}

bool outages_explain(const struct outages *o, uint64_t since_ms, uint64_t now_ms)
{
    uint64_t window = now_ms > since_ms ? now_ms - since_ms : 0, longest = 0;
    uint32_t kept = o->count < OUTAGES_KEPT ? o->count : OUTAGES_KEPT;
    for (uint32_t i = 0; i < kept; i++) {
        const struct outage *one = &o->list[i];
        uint64_t length = part(one, since_ms, now_ms);
        longest = length > longest ? length : longest;
        window += one->from_ms >= since_ms && one->from_ms <= now_ms ? one->down_ms : 0;
    }
    return longest > 0 && longest >= window - longest;
}
