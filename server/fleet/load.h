/** Rebuilding the fleet from the database, and its rows' text forms. Private to server/fleet. */
#ifndef FLEET_LOAD_H
#define FLEET_LOAD_H

#include "fleet.h"

int fleet_load(struct fleet *f, struct error *err);

/* text columns: JSON, made and read by the same file */
char *fleet_rings_to_text(const struct ring_plan *rings);
char *fleet_digests_to_text(const struct ot_digest *list, uint32_t count);
char *fleet_plan_to_text(const struct rollout_plan *plan);
/** What a rollout's watch must remember; free() it. */
char *fleet_watch_to_text(const struct rollout *r);
/** Reverse; "" is a watch that has seen nothing. */
int fleet_watch_from_text(const char *text, struct rollout *out);
/** The same for a ring's rates and looks; `plan` is the rollout's. */
char *fleet_evidence_to_text(const struct rollout_ring *ring);
int fleet_evidence_from_text(const char *text, const struct rollout_plan *plan, struct rollout_ring *out);
char *fleet_metrics_to_text(const struct rollout_metrics *metrics);
/** NULL is a list of none. */
int fleet_metrics_from_json(const json_t *list, struct rollout_metrics *out);

char *fleet_strata_to_text(const struct strata_spec *spec);
int fleet_strata_from_json(const json_t *list, int64_t min, struct strata_spec *out);
/** A rollout's kinds, as its members name them; the plan says of which attributes. */
char *fleet_kinds_to_text(const struct fleet_rollout *r);
int fleet_kinds_from_text(const char *text, struct fleet_rollout *r);

/** Random bytes, or a refusal: 0 or -1. (products.c) */
int fleet_random(const struct fleet *f, uint8_t *out, size_t len, struct fleet_refusal *refusal);

/** Queue the device's row: last_seen, seq and facts. */
void fleet_store_device(struct fleet *f, struct store_batch *batch, struct fleet_device *d);
/** Into the maps and lists. */
void fleet_link_device(struct fleet *f, struct fleet_device *d);
void fleet_link_token(struct fleet *f, struct fleet_token *t);

#endif
