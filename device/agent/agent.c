/* The agent's two entry points: start after a reset, and one piece of work at a time. */
#include "machine.h"

#include <string.h>

struct ot_agent_config ot_agent_config_default(void)
{
    return (struct ot_agent_config){.poll_min_s = 1,
                                    .poll_max_s = 86400,
                                    .poll_default_s = 60,
                                    .backoff_max_s = 3600,
                                    .self_test_deadline_s = 300,
                                    .probation_min_s = 10,
                                    .needs_contact = true,
                                    .attempts_max = 3,
                                    .defer_restart_max_s = 86400,
                                    .late_crashes = 3,
                                    .late_crash_window_s = 600};
}

void agent_log(struct ot_agent *a, uint32_t event, int32_t x, int32_t y)
{
    if (a->port->log != NULL)
        a->port->log(a->port->ctx, event, x, y);
}

enum ot_status ot_agent_start(struct ot_agent *a, const struct ot_port *port,
                              const struct ot_agent_config *config, uint8_t *buffer)
{
    memset(a, 0, sizeof *a);
    a->port = port;
    a->config = *config;
    a->buffer = buffer;
    a->attempt.slot = OT_SLOT_NONE;
    a->poll_s = config->poll_default_s;
    enum ot_status st = port->facts(port->ctx, &a->facts);
    if (st != OT_OK)
        return st;
    if (a->facts.running_slot == OT_SLOT_NONE || a->facts.slot_bytes == 0)
        return OT_E_STATE;
    return agent_learn(a);
}

static enum agent_event work(struct ot_agent *a)
{
    switch (a->state) {
    case OT_AGENT_STARTING:
        return agent_work_start(a);
    case OT_AGENT_ENROLLING:
        return agent_work_enrol(a);
    case OT_AGENT_IDLE:
        return agent_work_idle(a);
    case OT_AGENT_OFFERED:
        return agent_work_offered(a);
    case OT_AGENT_DOWNLOADING:
        return agent_work_download(a);
    case OT_AGENT_VERIFYING:
        return agent_work_verify(a);
    case OT_AGENT_ASKING:
        return agent_work_ask(a);
    case OT_AGENT_SWITCHING:
        return agent_work_switch(a);
    case OT_AGENT_PROBATION:
        return agent_work_probation(a);
    case OT_AGENT_CONFIRMING:
        return agent_work_confirm(a);
    case OT_AGENT_REVERTING:
        return agent_work_revert(a);
    case OT_AGENT_REPORTING:
        return agent_work_report(a);
    case OT_AGENT_RESETTING:
    default:
        return EV_NONE;
    }
}

/* When to come again: at once after progress, else at the next poll, and often while a self test runs. */
static uint32_t wait_for(const struct ot_agent *a, enum agent_event event, bool moved)
{
    const uint32_t soon_ms = 100;
    uint64_t now = a->port->now_ms(a->port->ctx);
    if ((event == EV_AGAIN || moved) && a->journal_failures == 0)
        return 0;
    if (a->journal_failures > 0 && a->state != OT_AGENT_PROBATION)
        return 1000u << a->journal_failures;
    uint64_t until = a->next_poll_ms > now ? a->next_poll_ms - now : 0;
    if (a->state == OT_AGENT_PROBATION || until == 0)
        return until > 0 && until < soon_ms ? (uint32_t)until : soon_ms;
    return until > 3600000u ? 3600000u : (uint32_t)until;
}

enum ot_agent_result ot_agent_run(struct ot_agent *a, uint32_t *wait_ms)
{
    *wait_ms = 1000;
    if (a->state == OT_AGENT_RESETTING)
        return OT_AGENT_RESET;
    enum agent_event event = work(a);
    int next = agent_next(a->state, event);
    if (next < 0) {
        a->unexpected_events++;
        agent_log(a, AGENT_LOG_UNEXPECTED, (int32_t)a->state, (int32_t)event);
        return OT_AGENT_AGAIN;
    }
    bool moved = next != (int)a->state;
    if (moved)
        agent_log(a, AGENT_LOG_STATE, (int32_t)a->state, next);
    a->state = (enum ot_agent_state)next;
    if (a->state == OT_AGENT_RESETTING) {
        a->port->reset(a->port->ctx);
        return OT_AGENT_RESET;
    }
    *wait_ms = wait_for(a, event, moved);
    return OT_AGENT_AGAIN;
}
