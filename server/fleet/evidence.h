/** The numbers behind a decision, as JSON: in the timeline with it, and in what is shown of a ring. docs/protocol.md. */
#ifndef FLEET_EVIDENCE_H
#define FLEET_EVIDENCE_H

#include "state.h"

/** Rounded: a hundredth of a percent is more than anybody needs, and 0.1 + 0.2 is not for people. */
json_t *fleet_percent(double part);
/** The verdict on a ring. */
json_t *fleet_gate_json(const struct rollout *r, uint32_t ring);
/** The gates of the look at the ring's end; none before it. */
json_t *fleet_ring_end_json(const struct rollout *r, uint32_t ring);
/** Crashes and link losses of those that run a release, beside those that wait. */
json_t *fleet_watch_json(const struct rollout *r);

/** What a ring was judged by, at this moment. */
json_t *fleet_ring_evidence(const struct rollout *r, uint32_t ring, uint64_t now_ms);
/** How an attempt ended. */
json_t *fleet_member_evidence(const struct fleet_rollout *r, uint32_t member);

#endif
