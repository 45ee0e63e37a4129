/*
 * otaria-sim defects: the same rollout with each hidden defect, and with none. Where did it stop, and how many devices
 * had it by then? Fails when a defect passes the second ring of shares, or the healthy release does not reach everybody.
 */
#include "commands.h"
#include "defects.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

/* 10,000 devices: one crash in 1,000 hours, one link loss a day, four-hour polls, a day of soak. */
static const char built_in[] =
    "{\"poll_s\": 14400, \"days\": 21,"
    " \"fleet\": {\"count\": 10000, \"prefix\": \"lamp\", \"seed\": 1,"
    "  \"hardware\": [{\"hw_rev\": 0, \"share\": 60}, {\"hw_rev\": 1, \"share\": 30}, {\"hw_rev\": 2, \"share\": 10}],"
    "  \"regions\": {\"eu\": 50, \"us\": 30, \"apac\": 20}, \"links\": {\"wifi\": 80, \"cellular\": 20}},"
    " \"life\": {\"crashes_per_1000_h\": 1, \"link_losses_per_day\": 1},"
    " \"bytes_per_s\": {\"wifi\": 200000, \"cellular\": 10000},"
    " \"metrics\": {\"heap_floor\": {\"value\": 41000, \"spread\": 2000}},"
    " \"gated_metrics\": [\"heap_floor:lower_is_worse\"],"
    " \"named\": {\"internal\": 10}, \"strata\": [\"hw_rev\", \"region\"],"
    " \"plan\": {\"rings\": [\"internal\", \"1%\", \"5%\", \"25%\", \"rest\"], \"soak_s\": 86400}}";

static int load(const char *path, struct virtual_scenario *out, struct error *err)
{
    if (path != NULL)
        return virtual_scenario_load(path, out, err);
    json_t *root = json_loads(built_in, JSON_REJECT_DUPLICATES, NULL);
    int result = virtual_scenario_read(root, out, err);
    json_decref(root);
    return result;
}

static void time_text(int64_t at_s, char text[32])
{
    snprintf(text, 32, "%" PRId64 "d %02" PRId64 ":%02" PRId64, at_s / 86400, at_s / 3600 % 24,
             at_s / 60 % 60);
}

static bool is_as_promised(const struct defect *d, const struct virtual_outcome *o)
{
    bool is_healthy = strcmp(d->name, "healthy") == 0;
    return is_healthy ? o->state == ROLLOUT_FINISHED : !defect_got_through(o);
}

static void print_row(const struct defect *d, const struct virtual_outcome *o)
{
    char when[32];
    int ring = defect_stopped_in(o);
    time_text(o->ended_s, when);
    printf("%-12s %-9s %-9s %9s %8" PRIu32 " %9" PRIu32 "  %s\n             %s\n", d->name,
           ring >= 0 ? o->rings[ring].name : "-", rollout_state_name(o->state), when, o->switched,
           o->affected, is_as_promised(d, o) ? "as promised" : "NOT AS PROMISED", o->reason);
}

struct defects_options {
    const char *only;
    unsigned long devices, seed;
    bool json, has_seed;
};

static int play_one(const struct defect *d, struct virtual_scenario *scenario,
                    const struct defects_options *o, json_t *rows, bool *good, struct error *err)
{
    const struct virtual_options options = {.until_decided = true, .stop = command_stop()};
    struct virtual_outcome outcome;
    if (defect_into(d, scenario, err) != 0 || virtual_play(scenario, &options, &outcome, err) != 0)
        return -1;
    *good = *good && is_as_promised(d, &outcome);
    json_t *row = defect_to_json(d, &outcome);
    json_object_set_new(row, "as_promised", json_boolean(is_as_promised(d, &outcome)));
    json_array_append_new(rows, row);
    if (!o->json)
        print_row(d, &outcome);
    fflush(stdout);
    return 0;
}

static int play_all(struct virtual_scenario *scenario, const struct defects_options *o, bool *good,
                    struct error *err)
{
    json_t *rows = json_array();
    int result = 0;
    if (!o->json)
        printf("%" PRIu32 " devices, seed %" PRIu64 "\n%-12s %-9s %-9s %9s %8s %9s\n",
               scenario->devices.count, scenario->devices.seed, "defect", "ring", "rollout", "after",
               "ran it", "affected");
    for (unsigned i = 0; result == 0 && defect_at(i) != NULL; i++) {
        if (o->only == NULL || strcmp(o->only, defect_at(i)->name) == 0)
            result = play_one(defect_at(i), scenario, o, rows, good, err);
    }
    if (o->json && result == 0)
        command_print_json(json_incref(rows));
    json_decref(rows);
    return result;
}

static int parse(int argc, char **argv, struct defects_options *o)
{
    static const struct option options[] = {{"devices", required_argument, NULL, 'd'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"only", required_argument, NULL, 'o'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    int c, bad = 0;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'd')
            bad |= command_number(optarg, 10000000, &o->devices) != 0 || o->devices == 0;
        else if (c == 's')
            bad |= command_number(optarg, UINT32_MAX, &o->seed) != 0, o->has_seed = true;
        else if (c == 'o')
            o->only = optarg;
        else if (c == 'j')
            o->json = true;
        else
            bad = 1;
    }
    bad |= o->only != NULL && defect_by_name(o->only) == NULL;
    return bad == 0 && argc - optind <= 1 ? 0 : -1;
}

int command_defects(int argc, char **argv)
{
    struct defects_options o = {.devices = 0};
    struct virtual_scenario scenario;
    struct error err;
    bool good = true;
    if (parse(argc, argv, &o) != 0)
        return EXIT_USAGE;
    int result = load(argv[optind], &scenario, &err);
    if (o.devices > 0)
        scenario.devices.count = (unsigned)o.devices;
    if (o.has_seed)
        scenario.devices.seed = o.seed;
    if (result == 0)
        result = play_all(&scenario, &o, &good, &err);
    virtual_scenario_fini(&scenario);
    if (result != 0)
        return command_fail(&err);
    return good ? 0 : 1;
}
