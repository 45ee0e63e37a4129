/* otaria rollout watch: the timeline as it happens, until the rollout ends or waits for a person. */
#include "commands.h"

#include "api_client.h"
#include "rollout_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_event(const struct cli *cli, json_t *e)
{
    if (cli->json) {
        (void)cli_print_json_line(cli, json_incref(e));
    } else {
        const char *at = json_string_value(json_object_get(e, "at"));
        char clock[9];
        snprintf(clock, sizeof clock, "%s", at != NULL && strlen(at) >= 19 ? at + 11 : "--:--:--");
        cli_print_foreign(clock);
        printf("  ");
        api_print_field(e, "kind", 13);
        api_print_field(e, "text", 0);
        printf("\n");
    }
    fflush(stdout);
}

static bool has_ended(const char *state)
{
    static const char *const ends[] = {"finished", "halted", "held", "aborted", "recalled", "paused"};
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (strcmp(state, ends[i]) == 0)
            return true;
    }
    return false;
}

static int follow(struct api_client *c, const char *id)
{
    int64_t after = 0;
    char number[24], state[24] = "";
    bool ended = false;
    for (;;) {
        json_t *reply = NULL, *e;
        size_t i;
        snprintf(number, sizeof number, "%" PRId64, after);
        char *path =
            api_path("/api/v1/rollouts/%s/events?after=%s&wait_s=%s", id, number, ended ? "0" : "10");
        int done = api_call(c, "GET", path, NULL, &reply);
        free(path);
        if (done >= 0)
            return done;
        json_array_foreach(json_object_get(reply, "events"), i, e) print_event(c->cli, e);
        bool quiet = i == 0;
        after = json_integer_value(json_object_get(reply, "next"));
        const char *now = json_string_value(json_object_get(reply, "state"));
        snprintf(state, sizeof state, "%s", now != NULL ? now : "");
        json_decref(reply);
        /* The end is in the timeline too: stop when it has been printed. */
        if (ended && quiet)
            return rollout_exit(state);
        ended = has_ended(state);
    }
}

int cmd_rollout_watch(struct cli *cli, int argc, char **argv)
{
    const char *id;
    struct api_client c;
    int done = cli_parse(cli, argc, argv, (struct cli_option[]){CLI_OPTIONS_END},
                         &(struct cli_positional){.items = &id, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    done = api_open(&c, cli);
    if (done < 0)
        done = follow(&c, id);
    api_close(&c);
    return done;
}
