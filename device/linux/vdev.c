/*
 * The virtual device: boots, runs the agent, and does to itself what the scenario says its firmware does.
 *
 * A reset loses RAM: the agent's struct is cleared and starts anew from flash, as on the chip.
 */
#include "vdev_state.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FAILED_BOOTS_MAX 5u

static uint64_t world_ms(const struct vdev *v)
{
    struct timespec t;
    if (v->world.now_ms != NULL)
        return v->world.now_ms(v->world.ctx);
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

uint64_t vdev_device_ms(const struct vdev *v)
{
    return (world_ms(v) - v->boot_ms) * v->options.scenario->speed;
}

void vdev_tell(const struct vdev *v, enum vdev_event event, int a, int b)
{
    if (v->options.on_event != NULL)
        v->options.on_event(v->options.ctx, v, event, a, b);
}

struct vdev *vdev_open(const struct vdev_options *options, struct error *err)
{
    struct vdev *v = calloc(1, sizeof *v);
    if (v == NULL) {
        error_set(err, "out of memory");
        return NULL;
    }
    v->options = *options;
    if (options->world != NULL)
        v->world = *options->world;
    v->chip.file.fd = -1;
    v->next_reset = OT_RESET_POWER_ON;
    v->delta = calloc(1, sizeof *v->delta);
    v->patches = (struct ot_agent_patches)OT_AGENT_PATCHES(v->delta);
    v->server_url = strdup(options->server_url);
    v->enrolment_token = options->enrolment_token != NULL ? strdup(options->enrolment_token) : NULL;
    if (v->delta == NULL || v->server_url == NULL ||
        (options->enrolment_token != NULL && v->enrolment_token == NULL)) {
        error_set(err, "out of memory");
        vdev_close(v);
        return NULL;
    }
    if (chip_open(&v->chip, options->flash_path, &v->world, err) != 0 || vdev_port_init(v, err) != 0) {
        vdev_close(v);
        return NULL;
    }
    return v;
}

void vdev_close(struct vdev *v)
{
    if (v == NULL)
        return;
    chip_close(&v->chip);
    free(v->server_url);
    free(v->delta);
    if (v->enrolment_token != NULL)
        explicit_bzero(v->enrolment_token, strlen(v->enrolment_token));
    free(v->enrolment_token);
    explicit_bzero(v, sizeof *v); /* the device token */
    free(v);
}

void vdev_cut(struct vdev *v, enum ot_reset_reason reason)
{
    v->is_up = false;
    v->next_reset = reason;
    v->failed_boots = 0;
    v->agent.transfer_open = false;
    if (reason == OT_RESET_POWER_ON)
        v->crash_signature = 0; /* RTC memory is gone too */
}

void vdev_use_https(struct vdev *v, struct https *https)
{
    if (v->options.https == https)
        return;
    /* A download belongs to the connection it was opened on: it goes on by Range on the new one. */
    if (v->is_up && v->agent.transfer_open) {
        v->port.get_close(v->port.ctx);
        v->agent.transfer_open = false;
        v->agent.fill = 0;
    }
    v->options.https = https;
}

static struct ot_agent_config agent_config(const struct vdev_scenario *s)
{
    struct ot_agent_config config = ot_agent_config_default();
    config.poll_default_s = s->poll_s;
    config.backoff_max_s = s->poll_s > 4 ? s->poll_s : 4;
    config.probation_min_s = s->probation_min_s;
    if (s->self_test_deadline_s != 0)
        config.self_test_deadline_s = s->self_test_deadline_s;
    return config;
}

static void restart(struct vdev *v, enum ot_reset_reason reason)
{
    if (v->agent.transfer_open)
        v->port.get_close(v->port.ctx);
    v->next_reset = reason;
    v->is_up = false;
    vdev_tell(v, VDEV_RESET, (int)reason, 0);
}

/* The chip resets and tries again, for ever; here only until it is clear that nothing will change. */
static int boot_failed(struct vdev *v)
{
    v->next_reset = OT_RESET_WATCHDOG;
    if (++v->failed_boots < FAILED_BOOTS_MAX)
        return 0;
    vdev_tell(v, VDEV_NOTHING_BOOTS, 0, 0);
    return -1;
}

static int boot(struct vdev *v)
{
    struct ot_boot_result result;
    struct ot_boot_config config = {.rollback = v->options.rollback,
                                    .anti_rollback = v->options.anti_rollback};
    struct ot_agent_config agent = agent_config(v->options.scenario);
    v->patches.streams = v->options.scenario->patches_stream;
    agent.patches = &v->patches;
    v->boot_ms = world_ms(v);
    v->reset_asked = false;
    v->throttle_ms = 0;
    v->behaviour = NULL;
    v->boots++;
    /* RAM is gone: what the journal remembers is read back from flash. */
    if (chip_reload_fuses(&v->chip) != 0 ||
        journal_log_open(&v->chip.journal,
                         &(struct journal_flash){v->chip.journal.flash.ctx, v->chip.journal.flash.read,
                                                 v->chip.journal.flash.program,
                                                 v->chip.journal.flash.erase_sector}) != 0 ||
        chip_boot(&v->chip, &config, &result) != OT_OK) {
        return boot_failed(v);
    }
    v->running_slot = result.slot;
    vdev_tell(v, VDEV_LOADED, result.slot, 0);
    if (ot_agent_start(&v->agent, &v->port, &agent, v->buffer) != OT_OK)
        return boot_failed(v);
    v->failed_boots = 0;
    v->behaviour = scenario_behaviour(v->options.scenario, &v->agent.running, v->facts.hardware_revision,
                                      v->facts.attributes, v->facts.attribute_count);
    v->is_up = true;
    vdev_tell(v, VDEV_BOOTED, result.slot, (int)v->boots);
    if (v->agent.goes_back) /* decided before the application starts */
        restart(v, OT_RESET_SOFTWARE);
    return 0;
}

static void crash(struct vdev *v)
{
    v->crash_signature = v->behaviour->crash_signature;
    restart(v, OT_RESET_PANIC);
}

/* What the firmware does to itself before its agent gets a turn. True: it went down, or is hanging. */
static bool misbehaves(struct vdev *v, uint32_t *wait_ms)
{
    uint64_t up_ms = vdev_device_ms(v);
    const uint32_t speed = v->options.scenario->speed;
    switch (v->behaviour->does) {
    case VDEV_CRASH_AT_ONCE:
        crash(v);
        *wait_ms = 10;
        return true;
    case VDEV_CRASH_AFTER:
        if (up_ms < (uint64_t)v->behaviour->after_s * 1000u)
            return false;
        crash(v);
        *wait_ms = 10;
        return true;
    case VDEV_HANG:
        if (up_ms >= (uint64_t)v->options.scenario->watchdog_s * 1000u)
            restart(v, OT_RESET_WATCHDOG);
        *wait_ms = v->is_up ? v->options.scenario->watchdog_s * 1000u / speed + 1u : 10;
        return true;
    case VDEV_HEALTHY:
    case VDEV_SELF_TEST_FAILS:
    case VDEV_LOSE_NETWORK:
    case VDEV_SLOW:
    default:
        return false;
    }
}

int vdev_step(struct vdev *v, uint32_t *wait_ms)
{
    *wait_ms = 0;
    if (!v->is_up)
        return boot(v);
    if (misbehaves(v, wait_ms))
        return 0;
    if (ot_agent_run(&v->agent, wait_ms) == OT_AGENT_RESET || v->reset_asked) {
        restart(v, OT_RESET_SOFTWARE);
        *wait_ms = 0;
        return 0;
    }
    *wait_ms = (*wait_ms + v->throttle_ms) / v->options.scenario->speed;
    v->throttle_ms = 0;
    if (v->behaviour->does == VDEV_CRASH_AFTER && *wait_ms > 200)
        *wait_ms = 200; /* it will crash on time, not at its next poll */
    return 0;
}

bool vdev_is_idle(const struct vdev *v)
{
    return v->is_up && v->agent.state == OT_AGENT_IDLE && v->agent.outbox.count == 0 &&
           v->agent.attempt.phase == OT_PHASE_NONE && v->agent.contact_since_boot;
}

const struct ot_agent *vdev_agent(const struct vdev *v)
{
    return &v->agent;
}

const char *vdev_id(const struct vdev *v)
{
    return v->facts.device;
}

uint8_t vdev_hardware_revision(const struct vdev *v)
{
    return v->facts.hardware_revision;
}

uint32_t vdev_polls(const struct vdev *v)
{
    return v->polls;
}

enum ot_reset_reason vdev_last_reset(const struct vdev *v)
{
    return v->next_reset;
}
