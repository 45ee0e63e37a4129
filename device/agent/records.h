/**
 * The agent's journal records: load, save, byte layouts. Each is versioned and ends in a CRC, so that a journal of
 * another age or a damaged one reads as "absent", never as something else.
 */
#ifndef AGENT_RECORDS_H
#define AGENT_RECORDS_H

#include "agent/agent.h"

/** Load everything; what is absent or damaged stays at its beginning. OT_E_JOURNAL: something there cannot be read. */
OT_CHECKED enum ot_status agent_records_load(struct ot_agent *a);
OT_CHECKED enum ot_status agent_save_attempt(struct ot_agent *a);
OT_CHECKED enum ot_status agent_save_outbox(struct ot_agent *a);
/** Both copies, one after the other. */
OT_CHECKED enum ot_status agent_save_trust(struct ot_agent *a);
OT_CHECKED enum ot_status agent_save_token(struct ot_agent *a);
OT_CHECKED enum ot_status agent_save_health(struct ot_agent *a);
OT_CHECKED enum ot_status agent_save_claims(struct ot_agent *a);
OT_CHECKED enum ot_status agent_save_proof(struct ot_agent *a);
OT_CHECKED enum ot_status agent_save_check(struct ot_agent *a);
/** `note`: one of the agent's two. */
OT_CHECKED enum ot_status agent_save_patch(struct ot_agent *a, const struct ot_patch_note *note);

/** Put an event into the outbox, durably. An outcome already there for this attempt stays the only one. */
OT_CHECKED enum ot_status agent_outbox_add(struct ot_agent *a, enum ot_event_kind kind,
                                           enum ot_status reason);
/** The same for an attempt that is over: what became of its image since. Once in the outbox is enough. */
OT_CHECKED enum ot_status agent_outbox_add_late(struct ot_agent *a, const char *attempt,
                                                enum ot_event_kind kind, enum ot_status reason);
/** The server has everything up to `ack`. */
OT_CHECKED enum ot_status agent_outbox_ack(struct ot_agent *a, uint32_t ack);
bool agent_outbox_has_outcome(const struct ot_agent *a, const char *attempt);
/** An event of this kind about this attempt waits to be acknowledged. */
bool agent_outbox_tells(const struct ot_agent *a, enum ot_event_kind kind, const char *attempt);

#endif
