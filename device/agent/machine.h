/** The agent's transition table. Pure: no port, no memory. Private. */
#ifndef AGENT_MACHINE_H
#define AGENT_MACHINE_H

#include "work.h"

struct agent_row {
    enum ot_agent_state state;
    enum agent_event event;
    enum ot_agent_state next;
};

/** The table, for the step function, the documents and the tests. */
extern const struct agent_row agent_table[];
extern const uint32_t agent_table_rows;

/** Next state, or -1 when the pair has no row. */
int agent_next(enum ot_agent_state state, enum agent_event event);
const char *agent_event_name(enum agent_event event);

#endif
