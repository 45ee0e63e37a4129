/**
 * The fleet in memory: products, devices, releases, rollouts, tokens. Rebuilt from the database at start; every change
 * goes to the database in the same call that makes it here, under one lock, so the order on disk is the order in
 * memory.
 *
 * Used by server/fleet and server/api. Everything in here is touched with the lock held (fleet_lock).
 */
#ifndef FLEET_STATE_H
#define FLEET_STATE_H

#include "base/strmap.h"
#include "otaria/descriptor.h"
#include "otaria/wire.h"
#include "rollout/engine.h"
#include "rollout/explain.h"
#include "rollout/habit.h"
#include "rollout/outage.h"
#include "store/store.h"

#include <jansson.h>
#include <pthread.h>

#define FLEET_IMAGES_MAX 16u
#define FLEET_TAGS_MAX   16u
#define FLEET_TRUST_MAX  16u

enum fleet_role {
    ROLE_NONE = 0,
    ROLE_VIEWER = 1,
    ROLE_UPLOADER = 2,
    ROLE_ADMIN = 3,
    ROLE_ENROL = 4, /* enrolment tokens: good for nothing else */
};

/** What a fleet takes from outside: time and chance. The simulator brings its own, so that weeks pass in minutes. */
struct fleet_outside {
    void *ctx;
    uint64_t (*mono_ms)(void *ctx); /* never goes back */
    int64_t (*wall_ms)(void *ctx);
    int (*random)(void *ctx, uint8_t *out, size_t len); /* 0, or -1 */
};

struct fleet_product {
    struct fleet *fleet;
    char name[OT_PRODUCT_MAX + 1];
    struct ot_digest seed;
    struct ring_plan rings;
    struct strata_spec strata;
    uint32_t trust_count;
    struct ot_digest trust[FLEET_TRUST_MAX];
    struct rollout_metrics metrics; /* gated at the end of each ring of rollouts to come */
    uint32_t duty_cycle_s; /* what its devices do, they have done within this time; 0: nobody has said */
    int64_t created_ms;
    struct strmap devices; /* id -> struct fleet_device */
    struct fleet_device **device_list;
    size_t device_count;
    struct fleet_device **ordered; /* by id: order.h */
    size_t ordered_count, sorted_count;
    struct fleet_run **runs; /* what its devices run, by digest: runs.h */
    size_t run_count;
    struct fleet_release **releases; /* oldest first */
    size_t release_count;
    struct fleet_rollout **rollouts; /* oldest first */
    size_t rollout_count;
};

struct fleet_image {
    struct ot_digest digest, sha256, blocks;
    uint32_t bytes;
    uint16_t chip_id;
    uint64_t hardware_revisions;
    uint32_t floor, secure_version, min_slot_bytes;
    bool undescribed;
    uint32_t key_count;
    struct ot_digest keys[3]; /* that have signed it */
    uint32_t trust_count, revoke_count;
    struct ot_digest trust[OT_DESC_KEYS_MAX],
        revoke[OT_DESC_KEYS_MAX]; /* what its descriptor names and retires */
    struct fleet_patch **patches; /* to this image, one for each base (patches.h) */
    size_t patch_count;
};

struct fleet_release {
    int64_t id;
    struct fleet_product *product;
    char version[OT_VERSION_MAX + 1];
    uint32_t number;
    int64_t created_ms;
    uint32_t image_count;
    struct fleet_image images[FLEET_IMAGES_MAX];
};

struct fleet_membership {
    struct fleet_rollout *rollout;
    uint32_t member;
};

struct fleet_device {
    int64_t num;
    struct fleet_product *product;
    char id[OT_DEVICE_ID_MAX + 1];
    struct ot_digest token;
    int64_t enrolled_ms, last_seen_ms; /* wall clock */
    uint64_t heard_ms;                 /* server time of its last check-in to this process; 0: none */
    struct poll_habit habit;
    bool has_checked_in;
    uint32_t seq;                  /* highest event sequence stored */
    struct ot_wire_check_in facts; /* the last check-in, without its events */
    uint32_t tag_count;
    char (*tags)[ROLLOUT_RING_NAME_MAX + 1]; /* of FLEET_TAGS_MAX; NULL: it never had one */
    struct fleet_membership *memberships;
    size_t membership_count;
    struct fleet_run *run; /* among those that run the same: runs.h */
    struct fleet_device *run_next, *run_previous;
    bool is_patchable, is_compressible;
    uint8_t history_rows;     /* since the last clearing: history.h */
    bool is_dirty, is_listed; /* last_seen is not written yet; stands in the list of those that may be so */
};

/** What a member's attempt carries besides the engine's part. */
struct fleet_member {
    struct fleet_device *device;
    const struct fleet_release *base;   /* that it ran when it was offered the release; NULL: unknown */
    const struct fleet_release *target; /* NULL: the rollout's; a recall brings back what each one ran */
    enum ot_way way;
    char check[OT_CHECK_NAME_MAX + 1]; /* the self test's check that ended the attempt */
    uint32_t bytes;
    int64_t changed_at_ms;   /* wall clock */
    enum attempt_state told; /* the state the timeline has */
    bool is_behind;          /* its row is not written yet */
    uint32_t next_behind;    /* member + 1 */
};

/** A kind of device: the values of the attributes that make strata, in their order; "" where a device has none. */
struct fleet_stratum {
    char values[STRATA_ATTRIBUTES_MAX][OT_ATTRIBUTE_MAX + 1];
};

struct fleet_rollout {
    struct rollout engine;
    struct fleet_product *product;
    const struct fleet_release *release;
    struct fleet_rollout *recalls; /* whose release this one takes back; NULL: none */
    int64_t created_ms;
    struct fleet_member *members; /* beside engine.members */
    size_t capacity;
    int64_t last_event;    /* highest timeline sequence */
    uint32_t first_behind; /* member + 1: rows to be written */
    struct fleet_stratum
        *strata; /* engine.members[].stratum names one; sorted; none when the plan has no strata */
    uint32_t stratum_count;
    struct query *filter; /* of the plan, read; NULL: everybody */
};

struct fleet_token {
    char id[24];
    struct ot_digest sha256;
    enum fleet_role role;
    struct fleet_product *product; /* NULL: all products */
    int64_t uses;                  /* left; -1: unlimited */
    int64_t expires_s;             /* wall clock; 0: never */
};

struct fleet {
    pthread_mutex_t lock;
    struct store *store;
    char *artifact_dir;
    uint32_t poll_s;
    uint32_t patch_bases;      /* patches to one image, at most; 0: none are made */
    struct strmap product_map; /* name -> product */
    struct fleet_product **products;
    size_t product_count;
    struct strmap tokens;        /* hex of sha256 -> struct fleet_token */
    struct strmap device_tokens; /* hex of sha256 -> struct fleet_device */
    int64_t next_device, next_release, next_rollout, next_token;
    uint64_t next_attempt;
    int64_t timeline_seq, audit_seq;
    struct ot_digest audit_hash;
    /* The server's monotonic time: goes on where the last process had got to. */
    struct fleet_outside outside;
    bool keeps_history; /* history.h */
    uint64_t base_ms, start_ms;
    uint64_t saved_ms, save_every_ms; /* what is written behind */
    struct fleet_device **dirty;      /* last_seen not written yet */
    size_t dirty_count;
    struct outages outages;
    struct store_batch *spare; /* empty, for the next that may need one */
};

void fleet_lock(struct fleet *f);
void fleet_unlock(struct fleet *f);

/** Milliseconds of server time: monotonic over restarts, standing still while the server is down. */
uint64_t fleet_now_ms(const struct fleet *f);
int64_t fleet_wall_ms(const struct fleet *f);

/* --- changes, all with the lock held --- */

/** Put an engine's effects, an audit entry or a timeline line into a batch. */
struct fleet_change {
    struct fleet *fleet;
    struct store_batch *batch;
    struct fleet_rollout *rollout;
    bool is_behind;  /* rows of members whose state is as it was may be written later: the simulator's */
    const char *who; /* the operator whose doing it is; NULL: the server's own */
};
struct rollout_sink fleet_sink(struct fleet_change *change);
void fleet_audit(struct fleet *f, struct store_batch *batch, const char *who, const char *action,
                 const char *object, const char *detail);
/** @param take_data  the numbers behind it, an object; NULL: none */
void fleet_timeline(struct fleet *f, struct store_batch *batch, struct fleet_rollout *r, const char *kind,
                    int ring, const char *device, const char *text, json_t *take_data);
void fleet_store_ring(struct fleet_change *change, uint32_t ring);
void fleet_store_member(struct fleet_change *change, uint32_t member);

struct fleet_product *fleet_product(const struct fleet *f, const char *name);
struct fleet_device *fleet_device(const struct fleet_product *p, const char *id);
struct fleet_release *fleet_release(const struct fleet_product *p, const char *version);
struct fleet_rollout *fleet_rollout(const struct fleet *f, int64_t id);
const char *fleet_role_name(enum fleet_role role);
enum fleet_role fleet_role_from_name(const char *name);
/** The image of a release for a device's chip and hardware revision, whether it takes it or not; NULL: none. */
const struct fleet_image *fleet_image_for(const struct fleet_release *release,
                                          const struct ot_wire_check_in *facts);
/** Which image of a release fits this device; NULL with a reason. */
const struct fleet_image *fleet_pick_image(const struct fleet_release *release,
                                           const struct ot_wire_check_in *facts, enum ot_status *why);
bool fleet_release_has_digest(const struct fleet_release *release, const struct ot_digest *digest);
bool fleet_runs_release(const struct fleet_device *d, const struct fleet_release *release);

/** The image with this identity among the product's releases, newest first; NULL: none has it. */
const struct fleet_image *fleet_image_with(const struct fleet_product *p, const struct ot_digest *digest,
                                           const struct fleet_release **release);

/* situation.c */
/** The release that runs, by its digest; NULL: it was never pushed. */
const struct fleet_release *fleet_running(const struct fleet_device *d);
/** Number of the release that runs, by its digest; of an image that was never pushed, by what the device says; or 0. */
uint32_t fleet_running_number(const struct fleet_device *d);
/** What a device ran before it took this release; NULL: nobody knows. */
const struct fleet_release *fleet_ran_before(const struct fleet_device *d,
                                             const struct fleet_release *release);
/** What this rollout gives this device. @param member  -1: it is no member (yet) */
const struct fleet_release *fleet_target(const struct fleet_rollout *r, int member,
                                         const struct fleet_device *d);
/** What this rollout (NULL: none) says about this device. */
struct rollout_situation fleet_situation_in(const struct fleet_device *d, const struct fleet_rollout *r);
/** Quick: surely neither an offer nor an outcome for this device at a check-in now. False says nothing. */
bool fleet_is_at_rest(const struct fleet_device *d);
/** What decides about this device now, for rollout_decide() and rollout_explain(). `*rollout` NULL: nothing does. */
struct rollout_situation fleet_situation(const struct fleet_device *d, struct fleet_rollout **rollout);

/** Gated metrics, as people write them: a new reference. */
json_t *fleet_metrics_to_json(const struct rollout_metrics *metrics);

/* grow-and-append helpers; end the process when out of memory */
void *fleet_need(void *p);
void fleet_append(void ***list, size_t *count, void *item);
/** The caller has seen that there is room. */
void fleet_add_tag(struct fleet_device *d, const char *tag);
void fleet_add_membership(struct fleet_device *d, struct fleet_rollout *r, uint32_t member);
uint32_t fleet_add_member(struct fleet_rollout *r, struct fleet_device *d, uint32_t ring, uint32_t stratum);

#endif
