/*
 * The agent as a table: (state, event) -> next state. What is done in a state is in the work functions; EV_NONE,
 * EV_AGAIN and EV_NETWORK stay where they are. A pair without a row is counted, reported and changes nothing.
 *
 * Invariants, checked by agent_check() after every step in tests:
 *   I1 from OFFERED to CONFIRMING, and only there, an attempt id is set (probation without an offer excepted)
 *   I2 the slot of an attempt is never the running slot before PROBATION
 *   I3 SWITCHING only with a verdict that accepts the offered target
 *   I4 CONFIRMING only after a passed self test and a contact with the server in this boot, or because the journal
 *      says both had happened
 *   I5 one attempt has at most one outcome in the outbox
 */
#include "machine.h"

const struct agent_row agent_table[] = {
    {OT_AGENT_STARTING, EV_READY, OT_AGENT_REPORTING},
    {OT_AGENT_STARTING, EV_ENROL, OT_AGENT_ENROLLING},
    {OT_AGENT_STARTING, EV_RESUME, OT_AGENT_DOWNLOADING},
    {OT_AGENT_STARTING, EV_INSTALLED, OT_AGENT_VERIFYING},
    {OT_AGENT_STARTING, EV_PROBATION, OT_AGENT_PROBATION},
    {OT_AGENT_STARTING, EV_FINISH, OT_AGENT_CONFIRMING},
    {OT_AGENT_STARTING, EV_GO_BACK, OT_AGENT_REVERTING},
    {OT_AGENT_STARTING, EV_SWITCHED, OT_AGENT_RESETTING},
    {OT_AGENT_STARTING, EV_ENDED, OT_AGENT_REPORTING},
    {OT_AGENT_ENROLLING, EV_READY, OT_AGENT_IDLE},
    {OT_AGENT_IDLE, EV_OFFER, OT_AGENT_OFFERED},
    {OT_AGENT_OFFERED, EV_ACCEPTED, OT_AGENT_DOWNLOADING},
    {OT_AGENT_OFFERED, EV_ENDED, OT_AGENT_REPORTING},
    {OT_AGENT_OFFERED, EV_PROBATION, OT_AGENT_PROBATION},
    {OT_AGENT_DOWNLOADING, EV_INSTALLED, OT_AGENT_VERIFYING},
    {OT_AGENT_DOWNLOADING, EV_ENDED, OT_AGENT_REPORTING},
    {OT_AGENT_VERIFYING, EV_VERIFIED, OT_AGENT_ASKING},
    {OT_AGENT_VERIFYING, EV_RESUME, OT_AGENT_DOWNLOADING},
    {OT_AGENT_VERIFYING, EV_ENDED, OT_AGENT_REPORTING},
    {OT_AGENT_ASKING, EV_GO, OT_AGENT_SWITCHING},
    {OT_AGENT_ASKING, EV_ENDED, OT_AGENT_REPORTING},
    {OT_AGENT_SWITCHING, EV_SWITCHED, OT_AGENT_RESETTING},
    {OT_AGENT_SWITCHING, EV_ENDED, OT_AGENT_REPORTING},
    {OT_AGENT_PROBATION, EV_PASSED, OT_AGENT_CONFIRMING},
    {OT_AGENT_PROBATION, EV_GIVEN_UP, OT_AGENT_REVERTING},
    {OT_AGENT_CONFIRMING, EV_ENDED, OT_AGENT_REPORTING},
    {OT_AGENT_CONFIRMING, EV_GIVEN_UP, OT_AGENT_REVERTING},
    {OT_AGENT_REVERTING, EV_SWITCHED, OT_AGENT_RESETTING},
    {OT_AGENT_REVERTING, EV_ENDED, OT_AGENT_REPORTING},
    {OT_AGENT_REPORTING, EV_REPORTED, OT_AGENT_IDLE},
    {OT_AGENT_REPORTING, EV_OFFER, OT_AGENT_OFFERED},
};

const uint32_t agent_table_rows = sizeof agent_table / sizeof agent_table[0];

int agent_next(enum ot_agent_state state, enum agent_event event)
{
    if (event == EV_NONE || event == EV_AGAIN || event == EV_NETWORK)
        return (int)state;
    for (uint32_t i = 0; i < agent_table_rows; i++) {
        if (agent_table[i].state == state && agent_table[i].event == event)
            return (int)agent_table[i].next;
    }
    return -1;
}

const char *agent_event_name(enum agent_event event)
{
    static const char *const names[EV_COUNT] = {"none",     "again",     "network",   "ready",    "enrol",
                                                "resume",   "installed", "probation", "finish",   "go_back",
                                                "ended",    "offer",     "accepted",  "verified", "go",
                                                "switched", "passed",    "given_up",  "reported"};
    return event < EV_COUNT ? names[event] : "unknown";
}

const char *ot_agent_state_name(enum ot_agent_state state)
{
    static const char *const names[] = {"starting",  "enrolling", "idle",      "offered",   "downloading",
                                        "verifying", "asking",    "switching", "probation", "confirming",
                                        "reverting", "reporting", "resetting"};
    return state <= OT_AGENT_RESETTING ? names[state] : "unknown";
}
