/**
 * When the server answered nobody: a self test that could not reach it then says nothing about the release.
 *
 *     outages_begin(&o, base_ms, down_ms);                    after a start; 0: it was not down, or nobody knows
 *     if (outages_gap(&o, now_ms) >= 3 * poll_ms && others_were_expected) outages_add(&o, now_ms);
 *     outages_answered(&o, now_ms);                           each check-in that is accepted
 *     if (outages_explain(&o, last_heard_ms, now_ms)) ...     a device that had no contact in between is no evidence
 *
 * Server time stands still while the server is down, so how long it was down is kept beside it.
 */
#ifndef ROLLOUT_OUTAGE_H
#define ROLLOUT_OUTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTAGES_KEPT 16u

struct outage {
    uint64_t from_ms, to_ms; /* server time */
    uint64_t down_ms;        /* real time in it that server time does not have */
};

struct outages {
    struct outage list[OUTAGES_KEPT]; /* the latest ones; a restart keeps only its own */
    uint32_t count;                   /* of all */
    uint64_t answered_ms;             /* somebody was, last */
};

void outages_begin(struct outages *o, uint64_t now_ms, uint64_t down_ms);
/** How long nobody was answered. */
uint64_t outages_gap(const struct outages *o, uint64_t now_ms);
/** Nobody was answered since the last one, and somebody should have come. */
void outages_add(struct outages *o, uint64_t now_ms);
void outages_answered(struct outages *o, uint64_t now_ms);
/**
 * Was there one outage of at least half of the real time between the two? Half, because a device that comes back after
 * an outage does not do so at once, and because what is passed over is offered again: a release that loses the network
 * fails once more, without an outage.
 */
bool outages_explain(const struct outages *o, uint64_t since_ms, uint64_t now_ms);

#endif
