/**
 * The update agent: offer -> download -> verify -> ask -> switch -> probation -> confirmed or reverted -> reported.
 *
 * A state machine over a port. It owns no memory (the caller brings `struct ot_agent` and one 4 KiB buffer), has no
 * heap, no clock and no globals. Each ot_agent_run() does one bounded piece of work (one message, one flash sector,
 * one buffer of hashing) and says when it wants to be called again.
 *
 *     static struct ot_agent agent;
 *     static uint8_t buffer[OT_AGENT_BUFFER_BYTES];
 *     ot_agent_start(&agent, &port, &config, buffer);   // before the application's own code
 *     if (agent.goes_back) ... restart at once: the guard has selected the other slot ...
 *     for (;;) {
 *         uint32_t wait_ms;
 *         if (ot_agent_run(&agent, &wait_ms) == OT_AGENT_RESET) ... the port has been asked to reset ...
 *         sleep_ms(wait_ms);
 *     }
 *
 * States, events and transitions: one const table in device/agent/machine.c, printed into docs/design/agent.md.
 * Power cut: at any moment. The journal record is durable before the action it describes; after a reset
 * ot_agent_start() works out from journal, otadata and running digest what is owed (docs/design/agent.md).
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "agent/patches.h"
#include "agent/port.h"

#define OT_AGENT_BUFFER_BYTES 4096u

struct ot_agent_config {
    uint32_t poll_min_s, poll_max_s; /* bounds on what the server may ask; defaults 1 and 86400 */
    uint32_t poll_default_s;         /* before the server has said anything */
    uint32_t backoff_max_s;          /* after failures */
    uint32_t self_test_deadline_s;   /* probation ends as failed after this long */
    uint32_t probation_min_s;        /* no confirm before the image has run so long */
    bool needs_contact;              /* ... nor before it has reached the server */
    uint32_t attempts_max; /* per release; then it is reported failed(too_many_attempts) and left alone */
    uint32_t defer_restart_max_s; /* how long may_restart() can hold up a switch */
    uint8_t late_crashes;         /* abnormal resets in a row that make a confirmed image go back; 0: never */
    uint32_t late_crash_window_s; /* ... each within this time of its boot */
    struct ot_agent_patches *patches; /* NULL: neither patches nor compressed images */
};

/** Sensible values for a device on mains power; override fields afterwards. */
struct ot_agent_config ot_agent_config_default(void);

enum ot_agent_state {
    OT_AGENT_STARTING = 0, /* deciding what is owed after a reset */
    OT_AGENT_ENROLLING,
    OT_AGENT_IDLE,
    OT_AGENT_OFFERED,
    OT_AGENT_DOWNLOADING,
    OT_AGENT_VERIFYING,
    OT_AGENT_ASKING,
    OT_AGENT_SWITCHING,
    OT_AGENT_PROBATION,
    OT_AGENT_CONFIRMING,
    OT_AGENT_REVERTING,
    OT_AGENT_REPORTING,
    OT_AGENT_RESETTING,
};

enum ot_agent_result {
    OT_AGENT_AGAIN = 0, /* call again after wait_ms */
    OT_AGENT_RESET = 1, /* reset was asked for */
};

/* struct ot_agent is defined in agent/agent_state.h: a fixed struct the caller provides. */
#include "agent/agent_state.h"

/** Start after a reset. Reads journal, otadata and both slots' headers; writes at most the heal of a fallback boot. */
OT_CHECKED enum ot_status ot_agent_start(struct ot_agent *agent, const struct ot_port *port,
                                         const struct ot_agent_config *config, uint8_t *buffer);

/** One bounded piece of work. `*wait_ms` 0 = call again at once. */
enum ot_agent_result ot_agent_run(struct ot_agent *agent, uint32_t *wait_ms);

/** "idle", "downloading" ...: for logs and screens. */
const char *ot_agent_state_name(enum ot_agent_state state);

#endif
