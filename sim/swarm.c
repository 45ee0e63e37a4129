/*
 * The running fleet.
 *
 * Each worker thread owns one HTTPS client (connection and TLS session kept); a device is stepped by one worker at a
 * time and uses that worker's client. A device that has work at once keeps its worker, so a download stays on one
 * connection.
 */
#include "swarm.h"

#include "base/file.h"
#include "pool.h"
#include "stamp.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STEPS_AT_ONCE 20000u
#define DEAD_RETRY_MS 5000u

struct member {
    struct swarm *fleet;
    struct vdev *vdev;
    struct plan_device who;
    atomic_int state; /* enum ot_agent_state, or -1: nothing boots */
};

struct swarm {
    const struct plan *plan;
    const struct vdev_scenario *scenario;
    struct swarm_options options;
    unsigned count;
    struct member *members;
    struct https **https; /* one per worker */
    struct pool *pool;
    pthread_mutex_t out_lock;
    atomic_uint confirmed, reverted, failed, other_outcomes, crashes, boots;
};

static void count_outcome(struct swarm *f, int kind)
{
    if (kind == OT_EVENT_CONFIRMED)
        atomic_fetch_add(&f->confirmed, 1);
    else if (kind == OT_EVENT_REVERTED)
        atomic_fetch_add(&f->reverted, 1);
    else if (kind == OT_EVENT_FAILED)
        atomic_fetch_add(&f->failed, 1);
    else
        atomic_fetch_add(&f->other_outcomes, 1);
}

static void print_event(struct swarm *f, const struct vdev *v, const char *event, const char *what,
                        const char *why)
{
    struct timespec t;
    if (!f->options.json)
        return;
    clock_gettime(CLOCK_REALTIME, &t);
    /* Every string here is one of ours or a checked device id: nothing needs escaping. */
    pthread_mutex_lock(&f->out_lock);
    fprintf(f->options.out,
            "{\"at_ms\":%lld,\"device\":\"%s\",\"event\":\"%s\",\"what\":\"%s\",\"why\":\"%s\"}\n",
            (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000, vdev_id(v), event, what, why);
    fflush(f->options.out);
    pthread_mutex_unlock(&f->out_lock);
}

/* In the log before the device goes on: whoever finds a line here may demand the event of the server. */
static void note_acked(struct swarm *f, const struct vdev *v, int seq, int kind)
{
    if (f->options.ack_log == NULL)
        return;
    pthread_mutex_lock(&f->out_lock);
    fprintf(f->options.ack_log, "{\"device\":\"%s\",\"seq\":%u,\"kind\":\"%s\"}\n", vdev_id(v), (unsigned)seq,
            ot_event_kind_name((enum ot_event_kind)kind));
    fflush(f->options.ack_log);
    pthread_mutex_unlock(&f->out_lock);
}

static void on_event(void *ctx, const struct vdev *v, enum vdev_event event, int a, int b)
{
    struct member *m = ctx;
    struct swarm *f = m->fleet;
    char slot[8];
    switch (event) {
    case VDEV_LOADED:
        break;
    case VDEV_BOOTED:
        atomic_fetch_add(&f->boots, 1);
        atomic_store(&m->state, OT_AGENT_STARTING);
        print_event(f, v, "booted", ot_slot_name(a, slot), "");
        break;
    case VDEV_STATE:
        atomic_store(&m->state, a);
        break;
    case VDEV_OUTCOME:
        count_outcome(f, a);
        print_event(f, v, "outcome", ot_event_kind_name((enum ot_event_kind)a),
                    ot_status_wire((enum ot_status)b));
        break;
    case VDEV_RESET:
        if (a == OT_RESET_PANIC || a == OT_RESET_WATCHDOG)
            atomic_fetch_add(&f->crashes, 1);
        print_event(f, v, "reset", ot_reset_reason_name((enum ot_reset_reason)a), "");
        break;
    case VDEV_NOTHING_BOOTS:
        atomic_store(&m->state, -1);
        print_event(f, v, "nothing_boots", "", "");
        break;
    case VDEV_REFUSED:
        print_event(f, v, "refused", "", ot_status_wire((enum ot_status)a));
        break;
    case VDEV_ACKED:
        note_acked(f, v, a, b);
        break;
    case VDEV_NETWORK:
    default:
        break;
    }
}

static uint32_t step(void *ctx, unsigned item, unsigned worker)
{
    struct swarm *f = ctx;
    struct member *m = &f->members[item];
    uint32_t wait_ms = 0;
    vdev_use_https(m->vdev, f->https[worker]);
    for (unsigned i = 0; i < STEPS_AT_ONCE && wait_ms == 0; i++) {
        if (vdev_step(m->vdev, &wait_ms) != 0)
            return DEAD_RETRY_MS; /* an endless reset loop, slowly */
    }
    return wait_ms;
}

static int path_in(char *out, size_t cap, const char *dir, const char *name, struct error *err)
{
    int n = name[0] == '/' ? snprintf(out, cap, "%s", name) : snprintf(out, cap, "%s/%s", dir, name);
    return n > 0 && (size_t)n < cap ? 0 : error_set(err, "%s: path too long", name);
}

static void set_attribute(struct vdev_options *o, const char *name, const char *value)
{
    if (value == NULL)
        return;
    struct ot_wire_attribute *attribute = &o->attributes[o->attribute_count++];
    snprintf(attribute->name, sizeof attribute->name, "%s", name);
    snprintf(attribute->value, sizeof attribute->value, "%s", value);
}

static int open_member(struct swarm *f, unsigned index, struct error *err)
{
    struct member *m = &f->members[index];
    char flash[PATH_MAX], template_path[PATH_MAX], name[64];
    m->fleet = f;
    m->who = plan_device(f->plan, index);
    snprintf(name, sizeof name, "%s.flash", m->who.id);
    if (path_in(flash, sizeof flash, f->options.state_dir, name, err) != 0 ||
        path_in(template_path, sizeof template_path, f->options.scenario_dir, m->who.hardware->flash, err) !=
            0)
        return -1;
    if (access(flash, F_OK) != 0 && stamp_flash(template_path, flash, m->who.id, err) != 0)
        return -1;
    struct vdev_options options = {.flash_path = flash,
                                   .server_url = f->options.server_url,
                                   .enrolment_token = f->options.enrolment_token,
                                   .https = f->https[0],
                                   .scenario = f->scenario,
                                   .rollback = true,
                                   .on_event = on_event,
                                   .ctx = m};
    set_attribute(&options, "region", m->who.region);
    set_attribute(&options, "link", m->who.link);
    m->vdev = vdev_open(&options, err);
    if (m->vdev == NULL)
        return -1;
    if (vdev_hardware_revision(m->vdev) != m->who.hardware->revision)
        return error_set(err, "%s: made for hardware revision %u, the scenario says %u", flash,
                         vdev_hardware_revision(m->vdev), m->who.hardware->revision);
    return 0;
}

static int open_clients(struct swarm *f, struct error *err)
{
    struct https_options options = {.ca_file = f->options.ca_file};
    f->https = calloc(f->options.threads, sizeof(struct https *));
    if (f->https == NULL)
        return error_set(err, "out of memory");
    for (unsigned i = 0; i < f->options.threads; i++) {
        f->https[i] = https_create(&options, err);
        if (f->https[i] == NULL)
            return -1;
    }
    return 0;
}

struct swarm *swarm_open(const struct plan *plan, const struct vdev_scenario *scenario,
                         const struct swarm_options *options, struct error *err)
{
    struct swarm *f = calloc(1, sizeof *f);
    if (f == NULL) {
        error_set(err, "out of memory");
        return NULL;
    }
    f->plan = plan;
    f->scenario = scenario;
    f->options = *options;
    f->count = plan->count;
    pthread_mutex_init(&f->out_lock, NULL);
    f->members = calloc(plan->count, sizeof *f->members);
    if (f->members == NULL || file_make_directories(options->state_dir, 0755, err) != 0 ||
        open_clients(f, err) != 0) {
        swarm_close(f);
        return NULL;
    }
    for (unsigned i = 0; i < f->count; i++) {
        if (open_member(f, i, err) != 0) {
            swarm_close(f);
            return NULL;
        }
    }
    return f;
}

int swarm_start(struct swarm *f, struct error *err)
{
    uint32_t *first = calloc(f->count, sizeof *first);
    if (first == NULL)
        return error_set(err, "out of memory");
    for (unsigned i = 0; i < f->count; i++)
        first[i] = f->members[i].who.start_ms;
    f->pool = pool_start(f->count, first, f->options.threads, step, f);
    free(first);
    return f->pool != NULL ? 0 : error_set(err, "threads cannot be started");
}

void swarm_stop(struct swarm *f)
{
    if (f->pool != NULL)
        pool_stop(f->pool);
    f->pool = NULL;
}

void swarm_close(struct swarm *f)
{
    if (f == NULL)
        return;
    swarm_stop(f);
    for (unsigned i = 0; f->members != NULL && i < f->count; i++)
        vdev_close(f->members[i].vdev);
    for (unsigned i = 0; f->https != NULL && i < f->options.threads; i++)
        https_destroy(f->https[i]);
    pthread_mutex_destroy(&f->out_lock);
    free(f->https);
    free(f->members);
    free(f);
}

struct swarm_counts swarm_count(struct swarm *f)
{
    struct swarm_counts c = {.devices = f->count,
                             .confirmed = atomic_load(&f->confirmed),
                             .reverted = atomic_load(&f->reverted),
                             .failed = atomic_load(&f->failed),
                             .other_outcomes = atomic_load(&f->other_outcomes),
                             .crashes = atomic_load(&f->crashes),
                             .boots = atomic_load(&f->boots)};
    for (unsigned i = 0; i < f->count; i++) {
        int state = atomic_load(&f->members[i].state);
        if (state == -1)
            c.dead++;
        else if (state == OT_AGENT_PROBATION || state == OT_AGENT_CONFIRMING || state == OT_AGENT_REVERTING)
            c.probation++;
        else if (state >= OT_AGENT_OFFERED && state <= OT_AGENT_SWITCHING)
            c.updating++;
        else if (state == OT_AGENT_IDLE)
            c.idle++;
        c.enrolled += state > OT_AGENT_ENROLLING;
    }
    return c;
}

static const char *running_version(const struct member *m)
{
    const char *version = vdev_agent(m->vdev)->running.version;
    return version[0] != '\0' ? version : "(undescribed)";
}

/* Every version that runs somewhere, each once. */
static unsigned versions(const struct swarm *f, const char *list[64])
{
    unsigned count = 0;
    for (unsigned i = 0; i < f->count; i++) {
        const char *version = running_version(&f->members[i]);
        unsigned at = 0;
        while (at < count && strcmp(list[at], version) != 0)
            at++;
        if (at == count && count < 64)
            list[count++] = version;
    }
    return count;
}

static unsigned running_on(const struct swarm *f, const char *version, unsigned hardware)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->count; i++)
        n += f->members[i].who.hardware == &f->plan->hardware[hardware] &&
             strcmp(running_version(&f->members[i]), version) == 0;
    return n;
}

void swarm_print_summary(struct swarm *f, FILE *out)
{
    const char *list[64];
    unsigned count = versions(f, list);
    struct swarm_counts c = swarm_count(f);
    fprintf(out, "%-24s %8s", "running", "devices");
    for (unsigned h = 0; h < f->plan->hardware_count; h++)
        fprintf(out, "  hw rev %-2u", f->plan->hardware[h].revision);
    fprintf(out, "\n");
    for (unsigned v = 0; v < count; v++) {
        unsigned total = 0;
        for (unsigned h = 0; h < f->plan->hardware_count; h++)
            total += running_on(f, list[v], h);
        fprintf(out, "%-24s %8u", list[v], total);
        for (unsigned h = 0; h < f->plan->hardware_count; h++)
            fprintf(out, "  %-9u", running_on(f, list[v], h));
        fprintf(out, "\n");
    }
    fprintf(out, "outcomes: %u confirmed, %u reverted, %u failed, %u other; %u crashes, %u boots, %u dead\n",
            c.confirmed, c.reverted, c.failed, c.other_outcomes, c.crashes, c.boots, c.dead);
}

static json_t *device_json(const struct member *m)
{
    char digest[OT_DIGEST_HEX_BYTES];
    const struct ot_agent *a = vdev_agent(m->vdev);
    ot_digest_to_hex(&a->running.digest, digest);
    return json_pack("{s:s, s:i, s:s, s:I, s:s, s:I}", "device", m->who.id, "hw_rev",
                     (int)m->who.hardware->revision, "version", a->running.version, "release",
                     (json_int_t)a->running.release, "digest", digest, "boots", (json_int_t)a->health.boots);
}

int swarm_write_summary(struct swarm *f, const char *path, struct error *err)
{
    struct swarm_counts c = swarm_count(f);
    json_t *devices = json_array();
    for (unsigned i = 0; i < f->count; i++)
        json_array_append_new(devices, device_json(&f->members[i]));
    json_t *root = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:o}", "confirmed", (int)c.confirmed, "reverted",
                             (int)c.reverted, "failed", (int)c.failed, "other", (int)c.other_outcomes,
                             "crashes", (int)c.crashes, "dead", (int)c.dead, "devices", devices);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (text == NULL)
        return error_set(err, "out of memory");
    int result = file_write_atomic(path, text, strlen(text), 0644, err);
    free(text);
    return result;
}
