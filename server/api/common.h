/** Shared by the handlers. Private to server/api. */
#ifndef API_COMMON_H
#define API_COMMON_H

#include "api.h"

#include <jansson.h>

/**
 * A reply that waits for two things: the change being on disk, and everything that its JSON shows. Whichever comes second
 * sends it. Use api_pending_done as `done` with the pending reply as `ctx`.
 */
struct api_pending *api_pending_new(struct http_request *req);
void api_pending_done(void *ctx);
/** Takes the JSON over. */
void api_pending_ready(struct api_pending *pending, int status, json_t *take_json);
/** The change was refused: `done` will not be called. */
void api_pending_refuse(struct api_pending *pending, const struct fleet_refusal *refusal);

/** Reply as soon as what the JSON shows is on disk; takes the JSON over. */
void api_reply(struct http_request *req, int status, json_t *take_json);
void api_refuse(struct http_request *req, const struct fleet_refusal *refusal);
void api_not_found(struct http_request *req, const char *what);

/** The body as an object with no key but these (NULL-terminated); NULL after having replied 400. */
json_t *api_body(struct http_request *req, const char *const *keys);
/** Optional whole number in [0, max]: false after having replied 400. */
bool api_number(struct http_request *req, const json_t *body, const char *key, int64_t max, int64_t *value);

/** Optional true or false, likewise. */
bool api_flag(struct http_request *req, const json_t *body, const char *key, bool *value);
/** A ring plan as a list of strings: false after having replied 400. */
bool api_rings(struct http_request *req, const json_t *list, struct ring_plan *out);

/** A whole number of the query in [0, max]; `otherwise` when there is none. */
int64_t api_query_number(const struct http_request *req, const char *name, int64_t otherwise, int64_t max);

/** The token that called; its id is the `who` of the audit. */
struct fleet_token *api_token(const struct http_request *req);
/** The product in the path, if this token may see it; NULL after having replied 404. Lock held. */
struct fleet_product *api_product(struct api *api, struct http_request *req);
/** The device in the path, likewise. */
struct fleet_device *api_device(struct api *api, struct http_request *req);
/** The rollout in the path, likewise. */
struct fleet_rollout *api_rollout(struct api *api, struct http_request *req);

/* json.c: resources as docs/protocol.md has them. Lock held. */
json_t *json_product(const struct fleet_product *p);
json_t *json_device(const struct fleet_device *d, bool with_attempts);
/** "desired", "reported" and "in_sync". */
void json_add_sync(json_t *device, const struct fleet_device *d);
/** A product with what its devices run, most common first. */
json_t *json_product_with_runs(const struct fleet_product *p);
json_t *json_release(const struct fleet_release *r);
/** With the patches of each image, and what they save. */
json_t *json_release_with_savings(const struct fleet *f, const struct fleet_release *r);
/** Bytes that a rollout's devices took. */
json_t *json_transfer(const struct fleet_rollout *r);
json_t *json_rollout(const struct fleet_rollout *r);
/** One answer about one device; `r` NULL: no rollout decides. */
json_t *json_answer(const struct fleet_device *d, const struct fleet_rollout *r,
                    const struct rollout_situation *s);
json_t *json_plan(const struct rollout_plan *p);
/** What a person should think twice about: a list of sentences. */
json_t *json_warnings(const struct rollout_plan *p, const uint32_t members[ROLLOUT_RINGS_MAX]);
/** The values that make a kind of device, by attribute. */
json_t *json_stratum(const struct strata_spec *spec, const struct fleet_stratum *stratum);
json_t *json_time(int64_t wall_ms);
json_t *json_digest_of(const struct ot_digest *d);
json_t *json_digests_of(const struct ot_digest *list, uint32_t count);
/** "esp32c3", or "unknown". */
const char *json_chip(uint16_t id);

/* handlers */
http_handler api_enrol, api_check_in, api_artifact, api_blocks;
http_handler api_whoami, api_product_create, api_product_list, api_product_show, api_product_set,
    api_product_attributes, api_token_create;
http_handler api_device_list, api_device_show, api_device_explain, api_device_history, api_device_tags;
http_handler api_release_push, api_release_list, api_release_show;
http_handler api_rollout_create, api_rollout_list, api_rollout_show, api_rollout_start, api_rollout_pause,
    api_rollout_resume, api_rollout_widen, api_rollout_retry, api_rollout_abort, api_rollout_recall,
    api_rollout_explain, api_rollout_explain_device, api_rollout_events;
http_handler api_audit, api_health;

#endif
