/* otaria device run: one virtual ESP32 in the foreground. May be killed at any moment; run again, it goes on. */
#include "commands.h"

#include "base/file.h"
#include "vdev/vdev.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

struct run {
    struct cli *cli;
    const char *flash, *server, *ca, *token_file, *scenario_file, *rollback, *max_seconds;
    bool once, until_idle, anti_rollback;
    unsigned long seconds;
    struct vdev_scenario scenario;
    char *token;
    struct https *https;
    struct vdev *vdev;
};

static void say(const struct run *r, const struct vdev *v, const char *event, const char *what,
                const char *why)
{
    if (r->cli->json)
        (void)cli_print_json_line(r->cli, json_pack("{s:s,s:s,s:s,s:s}", "device", vdev_id(v), "event", event,
                                                    "what", what, "why", why));
    else
        printf("%s: %s %s%s%s\n", vdev_id(v), event, what, why[0] != '\0' ? ": " : "", why);
    fflush(stdout);
}

static void on_event(void *ctx, const struct vdev *v, enum vdev_event event, int a, int b)
{
    const struct run *r = ctx;
    char slot[8], seq[16];
    switch (event) {
    case VDEV_LOADED:
        break;
    case VDEV_BOOTED:
        say(r, v, "booted", ot_slot_name(a, slot), "");
        break;
    case VDEV_STATE:
        say(r, v, "state", ot_agent_state_name((enum ot_agent_state)a), "");
        break;
    case VDEV_OUTCOME:
        say(r, v, "outcome", ot_event_kind_name((enum ot_event_kind)a), ot_status_wire((enum ot_status)b));
        break;
    case VDEV_RESET:
        say(r, v, "reset", ot_reset_reason_name((enum ot_reset_reason)a), "");
        break;
    case VDEV_NOTHING_BOOTS:
        say(r, v, "nothing_boots", "", "");
        break;
    case VDEV_NETWORK:
        say(r, v, "network", ot_status_wire((enum ot_status)a), "");
        break;
    case VDEV_ACKED:
        snprintf(seq, sizeof seq, "%u", (unsigned)a);
        say(r, v, "acked", seq, ot_event_kind_name((enum ot_event_kind)b));
        break;
    case VDEV_REFUSED:
        say(r, v, "refused", "", ot_status_wire((enum ot_status)a));
        break;
    default:
        break;
    }
}

static int open_device(struct run *r)
{
    struct error err;
    struct https_options https = {.ca_file = r->ca};
    if (https_check_url(r->server, &err) != 0 || (r->token = file_read_line(r->token_file, &err)) == NULL ||
        (r->scenario_file != NULL && scenario_load(r->scenario_file, &r->scenario, &err) != 0) ||
        (r->https = https_create(&https, &err)) == NULL)
        return cli_fail(r->cli, EXIT_ERROR, "device", "%s", err.text);
    struct vdev_options options = {.flash_path = r->flash,
                                   .server_url = r->server,
                                   .enrolment_token = r->token,
                                   .https = r->https,
                                   .scenario = &r->scenario,
                                   .anti_rollback = r->anti_rollback,
                                   .on_event = on_event,
                                   .ctx = r};
    if (cli_on_off(r->rollback, &options.rollback) != 0)
        return cli_usage(r->cli, "--rollback: on or off");
    r->vdev = vdev_open(&options, &err);
    return r->vdev != NULL ? -1 : cli_fail(r->cli, EXIT_ERROR, "device", "%s", err.text);
}

static void sleep_ms(uint32_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000u), .tv_nsec = (long)(ms % 1000u) * 1000000L};
    nanosleep(&t, NULL); /* a signal ends it early, which is what is wanted */
}

/* --once: the first exchange is done. --until-idle: nothing is left to do, twice in a row, so an offer is not missed. */
static bool is_done(const struct run *r, uint32_t *idle_polls)
{
    if (r->once)
        return vdev_is_idle(r->vdev);
    if (!r->until_idle || !vdev_is_idle(r->vdev)) {
        *idle_polls = 0;
        return false;
    }
    if (*idle_polls == 0)
        *idle_polls = vdev_polls(r->vdev) + 2;
    return vdev_polls(r->vdev) >= *idle_polls;
}

static int run_device(struct run *r)
{
    time_t end = time(NULL) + (time_t)r->seconds;
    uint32_t idle_polls = 0, wait_ms = 0;
    while (!stop_asked && !is_done(r, &idle_polls)) {
        if (r->seconds != 0 && time(NULL) >= end)
            return cli_fail(r->cli, EXIT_ERROR, "timeout", "not done after %lu seconds", r->seconds);
        if (vdev_step(r->vdev, &wait_ms) != 0)
            return cli_fail(r->cli, EXIT_ERROR, "no_boot", "%s", ot_status_text(OT_E_NO_BOOT));
        if (wait_ms > 0)
            sleep_ms(wait_ms < 500 ? wait_ms : 500);
    }
    return EXIT_OK;
}

static void close_device(struct run *r)
{
    vdev_close(r->vdev);
    https_destroy(r->https);
    scenario_fini(&r->scenario);
    if (r->token != NULL)
        explicit_bzero(r->token, strlen(r->token));
    free(r->token);
}

int cmd_device_run(struct cli *cli, int argc, char **argv)
{
    struct run r = {.cli = cli, .rollback = "on", .scenario = {.poll_s = 60, .watchdog_s = 9, .speed = 1}};
    const struct cli_option options[] = {
        {"flash", CLI_TEXT, &r.flash, "FLASH", "the flash file; eFuses beside it in FLASH.efuse"},
        {"server", CLI_TEXT, &r.server, "URL", "https://HOST:PORT of the device API"},
        {"ca", CLI_TEXT, &r.ca, "FILE", "CA the server's certificate is checked with"},
        {"token", CLI_TEXT, &r.token_file, "FILE", "enrolment token"},
        {"scenario", CLI_TEXT, &r.scenario_file, "FILE", "what its firmware does"},
        {"rollback", CLI_TEXT, &r.rollback, "on|off", "bootloader with rollback (on)"},
        {"anti-rollback", CLI_FLAG, &r.anti_rollback, NULL, "bootloader with anti-rollback"},
        {"once", CLI_FLAG, &r.once, NULL, "stop after the first exchange that leaves nothing to do"},
        {"until-idle", CLI_FLAG, &r.until_idle, NULL, "stop when there is nothing left to do"},
        {"max-seconds", CLI_TEXT, &r.max_seconds, "N", "fail when it takes longer"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = NULL}, NULL);
    if (done >= 0)
        return done;
    if (r.flash == NULL || r.server == NULL || r.ca == NULL || r.token_file == NULL)
        return cli_usage(cli, "--flash, --server, --ca and --token are needed");
    if (r.max_seconds != NULL && cli_number(r.max_seconds, 1000000000, &r.seconds) != 0)
        return cli_usage(cli, "--max-seconds: a whole number is wanted");
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    done = open_device(&r);
    if (done < 0)
        done = run_device(&r);
    close_device(&r);
    return done;
}
