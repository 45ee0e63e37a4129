/*
 * otaria-sim: a fleet of virtual ESP32s against a real server.
 *
 *   otaria-sim run SCENARIO --server URL --ca FILE --token FILE --state DIR [--threads N] [--seconds N]
 *                  [--summary FILE] [--ack-log FILE] [--json]
 *   otaria-sim plan SCENARIO [--hw-rev N,N...] [--first N] [--json]
 *
 *   otaria-sim play SCENARIO [--json] [--whole] [--until-decided] [--progress] [--state DIR]
 *   otaria-sim defects [SCENARIO] [--devices N] [--seed S] [--only NAME] [--json]
 *   otaria-sim rehearse --inventory FILE --plan FILE [--defect NAME]... [--strata A,B] [--poll-s N] [--days N]
 *                  [--seed S] [--json]
 *
 * --ack-log appends one line for each event that the server has acknowledged to a device:
 * {"device":"lamp-0001","seq":9,"kind":"confirmed"}
 *
 * Exit codes as the command line's: 0 ok, 1 error, 2 usage. docs/scenarios.md has the scenario file.
 */
#include "base/file.h"
#include "commands.h"
#include "swarm.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

const volatile sig_atomic_t *command_stop(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &stop_asked;
}

static int help(FILE *to, int exit_code)
{
    fputs(
        "usage: otaria-sim run SCENARIO --server URL --ca FILE --token FILE --state DIR\n"
        "                  [--threads N] [--seconds N] [--summary FILE] [--ack-log FILE] [--json]\n"
        "       otaria-sim plan SCENARIO [--hw-rev N,N...] [--first N] [--json]\n"
        "       otaria-sim play SCENARIO [--json] [--whole] [--until-decided] [--progress] [--state DIR]\n"
        "       otaria-sim defects [SCENARIO] [--devices N] [--seed S] [--only NAME] [--json]\n"
        "       otaria-sim rehearse --inventory FILE --plan FILE [--defect NAME]... [--strata A,B] [--poll-s N]\n"
        "                  [--days N] [--seed S] [--json]\n",
        to);
    return exit_code;
}

static int usage(void)
{
    return help(stderr, 2);
}

int command_fail(const struct error *err)
{
    fprintf(stderr, "otaria-sim: %s\n", err->text);
    return 1;
}

void command_print_json(json_t *take_json)
{
    json_dumpf(take_json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(take_json);
}

int command_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return -1;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return *end == '\0' && errno == 0 && *out <= max ? 0 : -1;
}

struct loaded {
    struct plan plan;
    struct vdev_scenario scenario;
    char dir[PATH_MAX];
};

static void loaded_fini(struct loaded *l)
{
    plan_fini(&l->plan);
    scenario_fini(&l->scenario);
}

static int load(const char *path, struct loaded *l, struct error *err)
{
    static const char *const others[] = {"fleet", NULL};
    json_error_t json_error;
    struct error inner = {""};
    char copy[PATH_MAX];
    memset(l, 0, sizeof *l);
    snprintf(copy, sizeof copy, "%s", path);
    snprintf(l->dir, sizeof l->dir, "%s", dirname(copy));
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &json_error);
    if (root == NULL)
        return error_set(err, "%s: line %d: %s", path, json_error.line, json_error.text);
    int result = scenario_read(root, others, &l->scenario, &inner);
    if (result == 0)
        result = plan_read(json_object_get(root, "fleet"), true, &l->plan, inner.text, sizeof inner.text);
    json_decref(root);
    if (result != 0) {
        loaded_fini(l);
        return error_set(err, "%s: %s", path, inner.text);
    }
    return 0;
}

/* --- plan --- */

/* "0,2" as a bitmap. */
static int read_revisions(const char *text, uint64_t *out)
{
    *out = 0;
    for (const char *p = text;; p++) {
        char *end;
        unsigned long n = strtoul(p, &end, 10);
        if (*p < '0' || *p > '9' || n > 63)
            return -1;
        *out |= (uint64_t)1 << n;
        p = end;
        if (*p == '\0')
            return 0;
        if (*p != ',')
            return -1;
    }
}

static int command_plan(int argc, char **argv)
{
    static const struct option options[] = {{"hw-rev", required_argument, NULL, 'h'},
                                            {"first", required_argument, NULL, 'f'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    uint64_t revisions = UINT64_MAX;
    unsigned long first = ULONG_MAX;
    bool json = false, bad = false;
    struct loaded l;
    struct error err;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'h')
            bad |= read_revisions(optarg, &revisions) != 0;
        else if (c == 'f')
            bad |= command_number(optarg, ULONG_MAX, &first) != 0;
        else if (c == 'j')
            json = true;
        else
            bad = true;
    }
    if (bad || optind + 1 != argc)
        return usage();
    if (load(argv[optind], &l, &err) != 0)
        return command_fail(&err);
    for (unsigned i = 0; i < l.plan.count && first > 0; i++) {
        struct plan_device d = plan_device(&l.plan, i);
        if ((revisions >> d.hardware->revision & 1u) == 0)
            continue;
        first--;
        if (json)
            printf("{\"device\":\"%s\",\"hw_rev\":%u}\n", d.id, d.hardware->revision);
        else
            printf("%s\n", d.id);
    }
    loaded_fini(&l);
    return 0;
}

/* --- run --- */

struct run_options {
    struct swarm_options fleet;
    const char *token_file, *summary, *ack_log;
    unsigned long seconds;
};

static int parse_run(int argc, char **argv, struct run_options *o)
{
    static const struct option options[] = {
        {"server", required_argument, NULL, 's'},  {"ca", required_argument, NULL, 'c'},
        {"token", required_argument, NULL, 't'},   {"state", required_argument, NULL, 'd'},
        {"threads", required_argument, NULL, 'n'}, {"seconds", required_argument, NULL, 'e'},
        {"summary", required_argument, NULL, 'u'}, {"ack-log", required_argument, NULL, 'a'},
        {"json", no_argument, NULL, 'j'},          {NULL, 0, NULL, 0}};
    unsigned long threads = 8;
    bool bad = false;
    int c;
    o->seconds = ULONG_MAX;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 's':
            o->fleet.server_url = optarg;
            break;
        case 'c':
            o->fleet.ca_file = optarg;
            break;
        case 't':
            o->token_file = optarg;
            break;
        case 'd':
            o->fleet.state_dir = optarg;
            break;
        case 'n':
            bad |= command_number(optarg, 256, &threads) != 0;
            break;
        case 'e':
            bad |= command_number(optarg, 1000000000, &o->seconds) != 0;
            break;
        case 'u':
            o->summary = optarg;
            break;
        case 'a':
            o->ack_log = optarg;
            break;
        case 'j':
            o->fleet.json = true;
            break;
        default:
            return -1;
        }
    }
    o->fleet.threads = (unsigned)threads;
    bool complete = !bad && o->fleet.server_url != NULL && o->fleet.ca_file != NULL &&
                    o->token_file != NULL && o->fleet.state_dir != NULL && threads >= 1;
    return complete && optind + 1 == argc ? 0 : -1;
}

static void show_progress(struct swarm *fleet)
{
    struct swarm_counts c = swarm_count(fleet);
    fprintf(
        stderr,
        "\r%u devices: %u enrolled, %u idle, %u updating, %u in probation | %u confirmed, %u reverted, %u failed, "
        "%u crashes   ",
        c.devices, c.enrolled, c.idle, c.updating, c.probation, c.confirmed, c.reverted, c.failed, c.crashes);
}

static void wait_for_end(struct swarm *fleet, unsigned long seconds)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    bool terminal = isatty(STDERR_FILENO) != 0;
    for (unsigned long tenths = 0; !stop_asked && tenths / 10 < seconds; tenths++) {
        nanosleep(&tenth, NULL);
        if (terminal && tenths % 5 == 0)
            show_progress(fleet);
    }
    if (terminal)
        fputc('\n', stderr);
}

static int run_fleet(const struct loaded *l, const struct run_options *o, struct error *err)
{
    struct swarm *fleet = swarm_open(&l->plan, &l->scenario, &o->fleet, err);
    if (fleet == NULL || swarm_start(fleet, err) != 0) {
        swarm_close(fleet);
        return -1;
    }
    wait_for_end(fleet, o->seconds);
    swarm_stop(fleet);
    if (!o->fleet.json)
        swarm_print_summary(fleet, stdout);
    int result = o->summary != NULL ? swarm_write_summary(fleet, o->summary, err) : 0;
    swarm_close(fleet);
    return result;
}

static int open_ack_log(struct run_options *o, struct error *err)
{
    if (o->ack_log == NULL)
        return 0;
    o->fleet.ack_log = fopen(o->ack_log, "ae");
    return o->fleet.ack_log != NULL ? 0 : error_set(err, "%s: %s", o->ack_log, strerror(errno));
}

static int command_run(int argc, char **argv)
{
    struct run_options o = {.fleet = {.out = stdout}};
    struct loaded l;
    struct error err;
    if (parse_run(argc, argv, &o) != 0)
        return usage();
    char *token = file_read_line(o.token_file, &err);
    if (token == NULL || https_check_url(o.fleet.server_url, &err) != 0 || open_ack_log(&o, &err) != 0 ||
        load(argv[optind], &l, &err) != 0) {
        free(token);
        return command_fail(&err);
    }
    o.fleet.enrolment_token = token;
    o.fleet.scenario_dir = l.dir;
    (void)command_stop();
    signal(SIGPIPE, SIG_IGN);
    int result = run_fleet(&l, &o, &err);
    if (o.fleet.ack_log != NULL && fclose(o.fleet.ack_log) != 0 && result == 0)
        result = error_set(&err, "%s: %s", o.ack_log, strerror(errno));
    explicit_bzero(token, strlen(token));
    free(token);
    loaded_fini(&l);
    return result == 0 ? 0 : command_fail(&err);
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} virtual_commands[] = {{"play", command_play}, {"defects", command_defects}, {"rehearse", command_rehearse}};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return help(stdout, 0);
    if (argc < 3 && !(argc == 2 && strcmp(argv[1], "defects") == 0))
        return usage();
    if (strcmp(argv[1], "plan") == 0)
        return command_plan(argc - 1, argv + 1);
    if (strcmp(argv[1], "run") == 0)
        return command_run(argc - 1, argv + 1);
    int code = EXIT_USAGE;
    for (size_t i = 0; i < sizeof virtual_commands / sizeof virtual_commands[0]; i++) {
        if (strcmp(argv[1], virtual_commands[i].name) == 0)
            code = virtual_commands[i].run(argc - 1, argv + 1);
    }
    return code == EXIT_USAGE ? usage() : code;
}
