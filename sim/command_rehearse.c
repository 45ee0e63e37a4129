/*
 * otaria-sim rehearse: a plan, played on the fleet there is with each of the hidden defects. How many devices would each
 * have reached before the rollout stopped?
 */
#include "commands.h"
#include "defects.h"
#include "virtual_unit.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFECTS_MAX 16u

struct rehearse_options {
    const char *inventory, *plan, *strata;
    const struct defect *defects[DEFECTS_MAX];
    unsigned defect_count;
    unsigned long poll_s, days, seed;
    bool json;
};

static int parse(int argc, char **argv, struct rehearse_options *o)
{
    static const struct option options[] = {{"inventory", required_argument, NULL, 'i'},
                                            {"plan", required_argument, NULL, 'p'},
                                            {"defect", required_argument, NULL, 'd'},
                                            {"strata", required_argument, NULL, 's'},
                                            {"poll-s", required_argument, NULL, 'o'},
                                            {"days", required_argument, NULL, 'y'},
                                            {"seed", required_argument, NULL, 'e'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    int c;
    bool bad = false;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'i')
            o->inventory = optarg;
        else if (c == 'p')
            o->plan = optarg;
        else if (c == 's')
            o->strata = optarg;
        else if (c == 'd' && o->defect_count < DEFECTS_MAX && defect_by_name(optarg) != NULL)
            o->defects[o->defect_count++] = defect_by_name(optarg);
        else if (c == 'o')
            bad |= command_number(optarg, 604800, &o->poll_s) != 0 || o->poll_s < 60;
        else if (c == 'y')
            bad |= command_number(optarg, 365, &o->days) != 0 || o->days == 0;
        else if (c == 'e')
            bad |= command_number(optarg, UINT32_MAX, &o->seed) != 0;
        else if (c == 'j')
            o->json = true;
        else
            bad = true;
    }
    return !bad && o->inventory != NULL && o->plan != NULL && optind == argc ? 0 : -1;
}

static int load_plan(const char *path, struct rollout_plan *out, struct error *err)
{
    json_error_t json_error;
    struct error inner = {""};
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &json_error);
    if (root == NULL)
        return error_set(err, "%s: line %d: %s", path, json_error.line, json_error.text);
    json_object_del(root, "release"); /* a whole request is welcome: the release is the rehearsal's */
    json_object_del(root, "supersede");
    int result = virtual_plan_read(root, out, &inner);
    json_decref(root);
    return result == 0 ? 0 : error_set(err, "%s: %s", path, inner.text);
}

static int load_strata(const char *list, struct strata_spec *out, struct error *err)
{
    char name[STRATA_ATTRIBUTE_MAX + 2], why[200];
    out->min = STRATA_MIN_DEFAULT;
    while (list != NULL && list[0] != '\0') {
        size_t len = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), list);
        if (strata_spec_add(out, name, why, sizeof why) != 0)
            return error_set(err, "--strata: %s", why);
        list += len + (list[len] == ',');
    }
    return 0;
}

static int load(const struct rehearse_options *o, struct virtual_scenario *s, struct error *err)
{
    virtual_scenario_default(s);
    s->poll_s = (uint32_t)o->poll_s;
    s->start_s = 2 * s->poll_s;
    s->days = (uint32_t)o->days;
    s->devices.seed = o->seed;
    s->crashes_per_s = 1 / 3600000.0;
    s->link_losses_per_s = 1 / 86400.0;
    if (defect_metrics(s, err) != 0 || load_strata(o->strata, &s->strata, err) != 0 ||
        load_plan(o->plan, &s->rollout, err) != 0)
        return -1;
    return virtual_inventory_load(o->inventory, s, err);
}

/* --- what is played --- */

static void print_row(const struct defect *d, const struct virtual_outcome *o)
{
    int ring = defect_stopped_in(o);
    printf("%-12s %-12s %-9s %9" PRIu32 " %9" PRIu32 "\n             %s\n", d->name,
           ring >= 0 ? o->rings[ring].name : "-", rollout_state_name(o->state), o->switched, o->affected,
           o->reason);
}

static int rehearse_one(const struct defect *d, struct virtual_scenario *s, bool json, json_t *rows,
                        struct error *err)
{
    const struct virtual_options options = {.until_decided = true, .stop = command_stop()};
    struct virtual_outcome outcome;
    if (defect_into(d, s, err) != 0 || virtual_play(s, &options, &outcome, err) != 0)
        return -1;
    if (json)
        json_array_append_new(rows, defect_to_json(d, &outcome));
    else
        print_row(d, &outcome);
    fflush(stdout);
    return 0;
}

static int rehearse(const struct rehearse_options *o, struct virtual_scenario *s, struct error *err)
{
    json_t *rows = json_array();
    int result = 0;
    if (!o->json)
        printf("%" PRIu32 " devices, seed %lu, anyway: %.2f crashes in 1,000 h, %.2f link losses a day\n"
               "%-12s %-12s %-9s %9s %9s\n",
               virtual_units(s), o->seed, s->crashes_per_s * 3600000, s->link_losses_per_s * 86400, "defect",
               "ring", "rollout", "reached", "affected");
    for (unsigned i = 0; result == 0 && i < o->defect_count; i++)
        result = rehearse_one(o->defects[i], s, o->json, rows, err);
    if (o->json && result == 0)
        command_print_json(json_incref(rows));
    json_decref(rows);
    return result;
}

int command_rehearse(int argc, char **argv)
{
    struct rehearse_options o = {.poll_s = 14400, .days = 60, .seed = 1};
    struct virtual_scenario scenario;
    struct error err;
    if (parse(argc, argv, &o) != 0)
        return EXIT_USAGE;
    bool chosen = o.defect_count > 0;
    for (unsigned i = 0; !chosen && defect_at(i) != NULL && i < DEFECTS_MAX; i++)
        o.defects[o.defect_count++] = defect_at(i);
    int result = load(&o, &scenario, &err);
    if (result == 0)
        result = rehearse(&o, &scenario, &err);
    virtual_scenario_fini(&scenario);
    return result == 0 ? 0 : command_fail(&err);
}
