/**
 * What a rollout's members must have come to, told from the log of what happened to them, by rules written down a
 * second time and as plainly as possible. Shares nothing with the engine but its numbers.
 */
#ifndef ROLLOUT_REFERENCE_H
#define ROLLOUT_REFERENCE_H

#include "rollout/engine.h"

enum log_kind { LOG_OFFER, LOG_EVENT, LOG_SEEN, LOG_ALIVE, LOG_ADOPT, LOG_RETRY, LOG_TAKE_BACK, LOG_TICK };

/** One line of the log. `member` UINT32_MAX: all members. */
struct log_line {
    enum log_kind kind;
    uint32_t member;
    uint64_t at_ms;
    enum ot_event_kind event;
    bool runs_target;
    bool is_over; /* of the rollout, at that time: nobody asks for soak any more */
};

struct reference_member {
    enum attempt_state state;
    uint64_t offered_ms, heard_ms, soak_ms, seen_ms;
    bool soaking;
    uint32_t resolutions; /* how often it came to an outcome that is evidence */
};

/** Read one line. */
void reference_apply(struct reference_member *m, const struct log_line *line, const struct rollout *r);

/* The two rules of evidence, by their definitions: docs/gates.md. */

/** Do so few harmed of n show, with 95 %, a failure rate within the limit? None at all always does. */
bool reference_shows(uint32_t harmed, uint32_t n, double limit);
/** E-value of so many harmed of n, device by device. */
double reference_e(uint32_t harmed, uint32_t n, double tolerated);

#endif
