/** What the engine's files share: private to this room. */
#ifndef ROLLOUT_INTERNAL_H
#define ROLLOUT_INTERNAL_H

#include "planted.h"
#include "rollout/engine.h"

#define ROLLOUT_NO_ONE UINT32_MAX

/* ring_plan.c */
/** The message of a refusal; always -1. */
int rollout_refuse(char *err, size_t err_len, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* engine.c: effects, and the only ways to change a state */
void rollout_emit(const struct rollout_sink *sink, enum rollout_effect_kind kind, uint32_t member,
                  uint32_t ring, const char *event, const char *text);
void rollout_tell(const struct rollout_sink *sink, uint32_t ring, const char *event, const char *text);
/** One step of a ring by its table; false when the input means nothing now. */
bool rollout_step(struct rollout *r, uint32_t ring, enum ring_input input, const struct rollout_sink *sink);
/** The same for the rollout, with the reason that people read. */
bool rollout_move(struct rollout *r, enum rollout_input input, const char *reason,
                  const struct rollout_sink *sink);
void rollout_set_member(struct rollout *r, uint32_t index, enum attempt_state state, uint64_t now_ms,
                        const struct rollout_sink *sink);

/* queues.c: around every change of a member */
/** Takes the member out of its ring's counts, and puts it back with what it is now. */
void rollout_uncount(struct rollout *r, struct rollout_member *m);
void rollout_count(struct rollout *r, struct rollout_member *m);
/** It was heard of: to the end of the queue that its state asks for. */
void rollout_requeue(struct rollout *r, struct rollout_member *m);
/** What this member adds to its ring's tally; the queue it belongs to; the time by which that is ordered. */
struct rollout_tally rollout_tally_of(const struct rollout *r, const struct rollout_member *m);
enum rollout_queue_kind rollout_queue_for(const struct rollout *r, const struct rollout_member *m);
uint64_t rollout_queue_since(const struct rollout_member *m);
/** NULL: nobody is in it. */
struct rollout_member *rollout_queue_first(const struct rollout *r, enum rollout_queue_kind kind);

/* rings.c */
/** The ring that is active or soaking, or -1. */
int rollout_open_ring(const struct rollout *r);
/** The next ring opens, or nothing is left. */
void rollout_advance(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink);

/* judge.c */
/** Halt if the evidence of harm in this ring is strong enough now. */
void rollout_judge(struct rollout *r, uint32_t ring, uint64_t now_ms, const struct rollout_sink *sink);
/** What has not switched is called back. */
void rollout_take_back(struct rollout *r, uint64_t now_ms, const struct rollout_sink *sink);

/** The ring has failed, with this reason: no more offers. */
void rollout_halt(struct rollout *r, uint32_t ring, const char *text, uint64_t now_ms,
                  const struct rollout_sink *sink);

/* ring_end.c */
/** Not so soon after a restart. */
bool rollout_compare_due(const struct rollout *r, uint64_t now_ms);
/**
 * The look at the end of a ring (RING_END_LOOKED...), if it has not been made; what there is to say against the ring now.
 * After a person has gone on from a failure: nothing.
 */
enum gate_verdict rollout_compare(struct rollout *r, uint32_t ring, uint32_t look, uint64_t now_ms,
                                  const struct rollout_sink *sink);
/** A person goes on: what it has failed for is accepted. */
void rollout_compare_accept(struct rollout_ring *ring);

/* watch.c */
/** The member's counters at a check-in, before it takes them over. */
void rollout_watch_seen(struct rollout *r, uint32_t member, bool runs_target,
                        const struct rollout_counters *now, uint64_t now_ms);
/** A poll interval is over: its events count; true when it had any. */
bool rollout_watch_tick(struct rollout *r, uint64_t now_ms);
/** What was seen so far, a person has accepted. */
void rollout_watch_begin_anew(struct rollout *r);
bool rollout_watch_is_bad(const struct rollout *r, uint32_t ring, char *text, size_t len);

/* explain.c */
/** "2 hours": rounded down to the largest unit that is in it. */
void rollout_duration_text(uint64_t s, char *text, size_t len);

#endif
