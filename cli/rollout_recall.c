/* otaria rollout recall: what a rollout has brought is taken back. */
#include "commands.h"

#include "api_client.h"
#include "rollout_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* It sends devices back: a person is asked, a script says --yes. */
static int make_sure(struct cli *cli, const char *id, bool yes)
{
    if (yes)
        return -1;
    if (isatty(STDIN_FILENO) == 0)
        return cli_usage(cli, "recall sends devices back to what they ran before: say --yes");
    fprintf(stderr, "End rollout ");
    for (const char *c = id; *c >= '0' && *c <= '9'; c++)
        fputc(*c, stderr);
    fprintf(stderr, " and send the devices that run its release back to what they ran before? [y/N] ");
    int answer = getchar();
    return answer == 'y' || answer == 'Y' ? -1 : cli_fail(cli, EXIT_ERROR, "not_sure", "nothing was done");
}

static int recall(struct api_client *c, const char *id, json_t *take_body, json_t **reply)
{
    char *path = api_path("/api/v1/rollouts/%s/recall", id);
    int done = api_call(c, "POST", path, take_body, reply);
    free(path);
    return done;
}

int cmd_rollout_recall(struct cli *cli, int argc, char **argv)
{
    const char *id, *reason = NULL, *in_flight = NULL;
    unsigned long at_a_time = 0;
    bool yes = false;
    struct api_client c;
    json_t *reply = NULL;
    const struct cli_option options[] = {{"reason", CLI_TEXT, &reason, "TEXT", "for the record"},
                                         {"in-flight", CLI_TEXT, &in_flight, "N",
                                          "devices at a time to begin with, doubling (as in its plan)"},
                                         {"yes", CLI_FLAG, &yes, NULL, "do not ask"},
                                         CLI_OPTIONS_END};
    int done =
        cli_parse(cli, argc, argv, options, &(struct cli_positional){.items = &id, .min = 1, .max = 1}, NULL);
    if (done < 0 && reason == NULL)
        done = cli_usage(cli, "--reason TEXT is needed");
    if (done < 0 && in_flight != NULL && cli_number(in_flight, 1000000, &at_a_time) != 0)
        done = cli_usage(cli, "--in-flight: a whole number is wanted");
    if (done < 0)
        done = make_sure(cli, id, yes);
    if (done >= 0)
        return done;
    done = api_open(&c, cli);
    if (done < 0)
        done = recall(&c, id, json_pack("{s:s,s:I}", "reason", reason, "in_flight", (json_int_t)at_a_time),
                      &reply);
    if (done < 0)
        done = rollout_answer(cli, reply);
    api_close(&c);
    return done;
}
