/** Being there: what a check-in says by itself, without an event or a question. Private to server/fleet. */
#ifndef FLEET_PRESENCE_H
#define FLEET_PRESENCE_H

#include "state.h"

/** Now; its row is written behind. */
void fleet_note_seen(struct fleet *f, struct fleet_device *d);
/**
 * Soak, health and being alive, in every rollout this device belongs to that still looks at it, from the device's facts.
 * `change` has fleet and batch; its rollout is set here.
 */
void fleet_note_presence(struct fleet_change *change, struct fleet_device *d, uint64_t now_ms);
/** A member's row that may be written later. */
void fleet_put_behind(struct fleet_change *change, uint32_t member);
/** What waits, into the batch, until that has `most` operations. */
void fleet_write_behind(struct fleet *f, struct store_batch *batch, size_t most);

#endif
