/*
 * Playing a scenario under virtual time: a server without sockets in a directory of its own, the devices enrolled, a
 * signed release pushed, and then second by second whoever is due.
 *
 * Nothing waits for the disk: what a reply promises is decided before it is sent, and a virtual device cannot lose power
 * between the two. The queue to the database is bounded all the same.
 */
#include "base/crypto_openssl.h"
#include "base/file.h"
#include "chance.h"
#include "otaria/chip.h"
#include "tools/image_make.h"
#include "tools/sign.h"
#include "virtual.h"
#include "virtual_result.h"
#include "virtual_world.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_S           86400u
#define BEGIN_WALL_MS   1767225600000 /* 2026-01-01: any, as long as it is the same */
#define PRODUCT         "virtual"
#define BATCHES_WAITING 20000u

/* --- time and chance of the server --- */

static uint64_t mono_ms(void *ctx)
{
    const struct virtual_world *w = ctx;
    return (uint64_t)w->now_s * 1000u;
}

static int64_t wall_ms(void *ctx)
{
    return BEGIN_WALL_MS + (int64_t)mono_ms(ctx);
}

static int random_bytes(void *ctx, uint8_t *out, size_t len)
{
    struct virtual_world *w = ctx;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)chance_mix(w->random++);
    return 0;
}

static int open_fleet(struct virtual_world *w, const char *dir, struct error *err)
{
    const struct fleet_outside outside = {
        .ctx = w, .mono_ms = mono_ms, .wall_ms = wall_ms, .random = random_bytes};
    w->fleet = fleet_open(dir, w->scenario->poll_s, &outside, err);
    if (w->fleet == NULL)
        return -1;
    w->fleet->save_every_ms = UINT64_MAX; /* once, at the end */
    return 0;
}

/* --- product and releases --- */

/* One image of the release, for one chip. */
static int push(struct virtual_world *w, struct tools_signer *signer, const struct ot_chip *chip,
                const char *version, uint32_t number, struct fleet_release **out, struct error *err)
{
    struct tools_image_spec spec = {.chip = chip,
                                    .project = PRODUCT,
                                    .version = version,
                                    .size = w->scenario->bytes,
                                    .described = true,
                                    .desc = {.release = number, .hardware_revisions = UINT64_MAX}};
    struct fleet_push push = {.product = PRODUCT};
    struct fleet_refusal refusal;
    uint8_t *image = NULL, *file = NULL;
    size_t len = 0;
    bool created;
    int result = tools_image_make(&spec, &image, &len, err);
    if (result == 0)
        result = tools_sign_image(image, len, signer, 1, &file, &push.len, err);
    push.bytes = file;
    if (result == 0 && fleet_release_push(w->fleet, "sim", &push, out, &created, &refusal, NULL, NULL) != 0)
        result = error_set(err, "release %s for %s: %s", version, chip->name, refusal.message);
    free(image);
    free(file);
    return result;
}

/* The chips of the fleet, each once. */
static uint32_t find_chips(const struct virtual_scenario *s, const struct ot_chip *chips[FLEET_IMAGES_MAX])
{
    struct virtual_unit u;
    uint32_t count = 0, all = s->inventory != NULL ? virtual_units(s) : 1;
    for (uint32_t i = 0; i < all; i++) {
        uint32_t known = 0;
        virtual_unit(s, i, &u);
        while (known < count && chips[known]->id != u.who.chip_id)
            known++;
        if (known == count && count < FLEET_IMAGES_MAX)
            chips[count++] = ot_chip_by_id(u.who.chip_id);
    }
    return count;
}

static int push_all(struct virtual_world *w, struct tools_signer *signer, struct error *err)
{
    const struct ot_chip *chips[FLEET_IMAGES_MAX];
    uint32_t count = find_chips(w->scenario, chips);
    int result = 0;
    for (uint32_t i = 0; result == 0 && i < count; i++)
        result = push(w, signer, chips[i], VIRTUAL_BASE_VERSION, 100, &w->base, err);
    for (uint32_t i = 0; result == 0 && i < count; i++)
        result = push(w, signer, chips[i], w->scenario->version, 110, &w->release, err);
    return result;
}

static int set_product(struct virtual_world *w, struct error *err)
{
    struct fleet_refusal refusal;
    struct fleet_product_change change = {.strata = &w->scenario->strata,
                                          .strata_min = w->scenario->strata.min,
                                          .metrics = &w->scenario->gated};
    if (w->scenario->strata.count == 0)
        change.strata = NULL;
    if (w->scenario->gated.count == 0)
        change.metrics = NULL;
    if ((change.strata != NULL || change.metrics != NULL) &&
        fleet_product_set(w->fleet, "sim", w->product, &change, &refusal, NULL, NULL) != 0)
        return error_set(err, "product: %s", refusal.message);
    return 0;
}

static int make_product(struct virtual_world *w, const char *dir, struct error *err)
{
    char path[PATH_MAX];
    struct tools_signer signer = {0};
    struct fleet_refusal refusal;
    struct ot_digest key;
    snprintf(path, sizeof path, "%.3900s/key.pem", dir);
    if (tools_key_generate("ecdsa256", path, &key, err) != 0 || tools_signer_open(path, &signer, err) != 0)
        return -1;
    int result = 0;
    if (fleet_product_create(w->fleet, "sim", PRODUCT, &w->scenario->rollout.rings, &key, 1, &refusal, NULL,
                             NULL) != 0)
        result = error_set(err, "product: %s", refusal.message);
    if (result == 0)
        result = push_all(w, &signer, err);
    tools_signer_close(&signer);
    if (result != 0)
        return -1;
    w->product = fleet_product(w->fleet, PRODUCT);
    return set_product(w, err);
}

/* --- devices --- */

static int tag(struct virtual_world *w, const struct virtual_unit *u, uint32_t index, struct error *err)
{
    struct fleet_refusal refusal;
    if (u->tag_count > 0 && fleet_tag(w->fleet, "sim", w->devices[index].record, u->tags, u->tag_count, NULL,
                                      0, &refusal, NULL, NULL) != 0)
        return error_set(err, "%s: tags: %s", u->who.device, refusal.message);
    return 0;
}

static int enrol(struct virtual_world *w, struct fleet_token *token, uint32_t index, struct error *err)
{
    struct virtual_unit u;
    struct fleet_refusal refusal;
    bool created;
    virtual_unit(w->scenario, index, &u);
    (void)random_bytes(w, u.who.token_sha256.bytes, sizeof u.who.token_sha256.bytes);
    if (fleet_enrol(w->fleet, token, &u.who, &created, &refusal, NULL, NULL) != 0)
        return error_set(err, "%s: %s", u.who.device, refusal.message);
    w->devices[index].record = w->product->device_list[index];
    /* One after the other over a poll: as devices come off a line. */
    uint64_t first_s = (uint64_t)index * w->scenario->poll_s / w->count;
    virtual_device_begin(w, index, &u, 1u + (uint32_t)first_s);
    return tag(w, &u, index, err);
}

static int enrol_all(struct virtual_world *w, struct error *err)
{
    char id[24], secret[80], hex[OT_DIGEST_HEX_BYTES];
    struct fleet_refusal refusal;
    struct ot_digest digest;
    if (fleet_token_create(w->fleet, "sim", ROLE_ENROL, PRODUCT, -1, 0, id, secret, &refusal, NULL, NULL) !=
        0)
        return error_set(err, "token: %s", refusal.message);
    ot_sha256_of(crypto_openssl(), (const uint8_t *)secret, strlen(secret), &digest);
    ot_digest_to_hex(&digest, hex);
    struct fleet_token *token = strmap_get(&w->fleet->tokens, hex);
    int result = 0;
    for (uint32_t i = 0; result == 0 && i < w->count; i++) {
        result = enrol(w, token, i, err);
        if (i % 1000 == 0)
            store_wait(w->fleet->store, BATCHES_WAITING);
    }
    return result;
}

/* --- the play --- */

static int start_rollout(struct virtual_world *w, struct error *err)
{
    struct fleet_refusal refusal;
    if (fleet_rollout_create(w->fleet, "sim", w->product, w->release, &w->scenario->rollout, false,
                             &w->rollout, &refusal, NULL, NULL) != 0 ||
        fleet_rollout_act(w->fleet, "sim", w->rollout, "start", "", &refusal, NULL, NULL) != 0)
        return error_set(err, "rollout: %s", refusal.message);
    return 0;
}

static bool is_decided(const struct virtual_world *w)
{
    enum rollout_state state = w->rollout != NULL ? w->rollout->engine.state : ROLLOUT_CREATED;
    return state == ROLLOUT_FINISHED || state == ROLLOUT_HALTED || state == ROLLOUT_HELD ||
           state == ROLLOUT_ABORTED;
}

static void show_progress(const struct virtual_world *w, FILE *out)
{
    if (w->now_s % DAY_S == 0)
        fprintf(out, "day %u: %s, %llu check-ins\n", w->now_s / DAY_S,
                w->rollout != NULL ? rollout_state_name(w->rollout->engine.state) : "no rollout yet",
                (unsigned long long)(w->whole_check_ins + w->skipped_check_ins));
}

/*
 * A million devices with all that the server knows of them are gigabytes, and whoever is due next lies anywhere in them.
 * What a step will read is asked for some steps before it, one pointer after the other: half of the time of a play.
 */
static void look_ahead(const struct virtual_world *w, uint32_t i, uint32_t count)
{
    if (i + 12 < count)
        __builtin_prefetch(&w->devices[w->due[i + 12]]);
    if (i + 8 < count) {
        const struct fleet_device *d = w->devices[w->due[i + 8]].record;
        __builtin_prefetch(&d->last_seen_ms, 1);
        __builtin_prefetch(&d->memberships, 1);
        __builtin_prefetch(&d->facts.running.digest);
        __builtin_prefetch(&d->facts.health, 1);
        __builtin_prefetch(&d->facts.metric_count);
    }
    if (i + 5 < count)
        __builtin_prefetch(w->devices[w->due[i + 5]].record->memberships);
    if (i + 2 < count && w->rollout != NULL && w->devices[w->due[i + 2]].record->membership_count > 0) {
        uint32_t member = w->devices[w->due[i + 2]].record->memberships[0].member;
        __builtin_prefetch(&w->rollout->engine.members[member], 1);
        __builtin_prefetch((const char *)&w->rollout->engine.members[member] + 64, 1);
        __builtin_prefetch((const char *)&w->rollout->engine.members[member] + 128, 1);
        __builtin_prefetch(&w->rollout->members[member], 1);
    }
}

static int play_second(struct virtual_world *w, struct error *err)
{
    uint32_t count = wheel_take(&w->wheel, w->now_s, w->due);
    for (uint32_t i = 0; i < count; i++) {
        look_ahead(w, i, count);
        virtual_device_step(w, w->due[i]);
    }
    if (w->err.text[0] != '\0')
        return error_set(err, "%s", w->err.text);
    if (w->now_s == w->scenario->start_s && start_rollout(w, err) != 0)
        return -1;
    if (w->now_s % w->scenario->tick_s == 0)
        fleet_tick(w->fleet);
    store_wait(w->fleet->store, BATCHES_WAITING);
    return 0;
}

static int play(struct virtual_world *w, const struct virtual_options *o, struct error *err)
{
    uint32_t end_s = w->scenario->days * DAY_S;
    for (w->now_s = 1; w->now_s < end_s && !(o->until_decided && is_decided(w)); w->now_s++) {
        if (o->stop != NULL && *o->stop != 0)
            return error_set(err, "stopped");
        if (play_second(w, err) != 0)
            return -1;
        if (o->progress != NULL)
            show_progress(w, o->progress);
    }
    fleet_save(w->fleet);
    return w->rollout != NULL ? 0 : error_set(err, "the rollout would start after the last day");
}

static int prepare(struct virtual_world *w, const char *dir, struct error *err)
{
    uint32_t count = w->count = virtual_units(w->scenario);
    w->devices = calloc(count, sizeof *w->devices);
    w->due = calloc(count, sizeof *w->due);
    if (w->devices == NULL || w->due == NULL)
        return error_set(err, "out of memory for %u devices", count);
    wheel_init(&w->wheel, count);
    if (open_fleet(w, dir, err) != 0 || make_product(w, dir, err) != 0)
        return -1;
    return enrol_all(w, err);
}

/* What the database says is what memory said. */
static int read_again(struct virtual_world *w, const char *dir, struct virtual_outcome *out,
                      struct error *err)
{
    int64_t id = (int64_t)w->rollout->engine.id;
    fleet_close(w->fleet);
    if (open_fleet(w, dir, err) != 0)
        return -1;
    return virtual_digest(fleet_rollout(w->fleet, id), out->stored, err);
}

static int run(struct virtual_world *w, const char *dir, const struct virtual_options *o,
               struct virtual_outcome *out, struct error *err)
{
    if (prepare(w, dir, err) != 0 || play(w, o, err) != 0)
        return -1;
    if (virtual_outcome_of(w, out, err) != 0 || virtual_digest(w->rollout, out->decisions, err) != 0)
        return -1;
    return read_again(w, dir, out, err);
}

/* --- its directory --- */

static int forget(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int make_dir(const struct virtual_options *o, char dir[PATH_MAX], struct error *err)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, PATH_MAX, "%.3900s/otaria-virtual-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (o->state_dir == NULL)
        return mkdtemp(dir) != NULL ? 0 : error_set(err, "%s: %s", dir, strerror(errno));
    snprintf(dir, PATH_MAX, "%s", o->state_dir);
    return mkdir(dir, 0700) == 0 ? 0
                                 : error_set(err, "%s: %s: a new directory is wanted", dir, strerror(errno));
}

int virtual_play(const struct virtual_scenario *scenario, const struct virtual_options *o,
                 struct virtual_outcome *out, struct error *err)
{
    char dir[PATH_MAX];
    struct virtual_world w = {
        .scenario = scenario, .whole = o->whole, .random = scenario->devices.seed << 32};
    memset(out, 0, sizeof *out);
    if (make_dir(o, dir, err) != 0)
        return -1;
    int result = run(&w, dir, o, out, err);
    fleet_close(w.fleet);
    wheel_fini(&w.wheel);
    free(w.devices);
    free(w.due);
    if (o->state_dir == NULL)
        (void)nftw(dir, forget, 16, FTW_DEPTH | FTW_PHYS);
    return result;
}
