/* otaria login: check a token against a server, and remember both. */
#include "commands.h"

#include "api_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int log_in(struct api_client *c)
{
    json_t *reply = NULL;
    int done = api_call(c, "GET", "/api/v1/whoami", NULL, &reply);
    if (done < 0)
        done = api_remember(c);
    if (done < 0 && c->cli->json) {
        done = cli_print_json(c->cli, json_incref(reply));
    } else if (done < 0) {
        const char *product = json_string_value(json_object_get(reply, "product"));
        printf("logged in to %s as ", c->url);
        cli_print_foreign(json_string_value(json_object_get(reply, "role")));
        printf(" of ");
        cli_print_foreign(product != NULL ? product : "all products");
        printf("\n");
        done = EXIT_OK;
    }
    json_decref(reply);
    return done;
}

int cmd_login(struct cli *cli, int argc, char **argv)
{
    const char *url, *token_file = NULL, *ca = NULL;
    struct api_client c;
    char *token = NULL;
    const struct cli_option options[] = {
        {"token-file", CLI_TEXT, &token_file, "F", "file with the token, readable by you alone"},
        {"ca", CLI_TEXT, &ca, "FILE", "CA the server's certificate is checked with"},
        CLI_OPTIONS_END};
    int done = cli_parse(cli, argc, argv, options,
                         &(struct cli_positional){.items = &url, .min = 1, .max = 1}, NULL);
    if (done >= 0)
        return done;
    if (token_file == NULL)
        return cli_usage(cli, "--token-file is needed");
    done = api_read_token(cli, token_file, &token);
    if (done >= 0)
        return done;
    done = api_open_with(&c, cli, url, token, ca);
    explicit_bzero(token, strlen(token));
    free(token);
    if (done < 0)
        done = log_in(&c);
    api_close(&c);
    return done;
}
