/* otaria-sim play SCENARIO: a fleet under virtual time. */
#include "commands.h"
#include "virtual.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void print_cost(FILE *out)
{
    struct rusage r;
    if (getrusage(RUSAGE_SELF, &r) == 0)
        fprintf(out, "%ld s of CPU in the program, %ld s in the system, %ld MiB at most\n",
                (long)r.ru_utime.tv_sec, (long)r.ru_stime.tv_sec, r.ru_maxrss / 1024);
}

int command_play(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},          {"whole", no_argument, NULL, 'w'},
        {"until-decided", no_argument, NULL, 'u'}, {"progress", no_argument, NULL, 'p'},
        {"state", required_argument, NULL, 's'},   {NULL, 0, NULL, 0}};
    struct virtual_options o = {.stop = command_stop()};
    struct virtual_outcome outcome;
    struct virtual_scenario scenario;
    struct error err;
    bool json = false;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'j')
            json = true;
        else if (c == 'w')
            o.whole = true;
        else if (c == 'u')
            o.until_decided = true;
        else if (c == 'p')
            o.progress = stderr;
        else if (c == 's')
            o.state_dir = optarg;
        else
            return EXIT_USAGE;
    }
    if (optind + 1 != argc)
        return EXIT_USAGE;
    int result = virtual_scenario_load(argv[optind], &scenario, &err);
    if (result == 0)
        result = virtual_play(&scenario, &o, &outcome, &err);
    virtual_scenario_fini(&scenario);
    if (o.progress != NULL)
        print_cost(o.progress);
    if (result != 0)
        return command_fail(&err);
    if (json)
        command_print_json(virtual_to_json(&outcome));
    else
        virtual_print(&outcome, stdout);
    if (strcmp(outcome.decisions, outcome.stored) == 0)
        return 0;
    error_set(&err, "the database does not say what the server decided: a bug");
    return command_fail(&err);
}
