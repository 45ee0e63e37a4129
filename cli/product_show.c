/* otaria product show. */
#include "commands.h"

#include "api_client.h"
#include "product_print.h"

#include <stdio.h>
#include <stdlib.h>

static void print_shown(const json_t *p)
{
    size_t i;
    json_t *run;
    product_print(p);
    json_array_foreach(json_object_get(p, "runs"), i, run)
    {
        printf("%s", i == 0 ? "  runs\n    " : "    ");
        api_print_field(run, "devices", 8);
        api_print_field(run, "version", 16);
        api_print_field(run, "digest", 0);
        printf("%s\n", json_is_true(json_object_get(run, "known")) ? "" : "never pushed");
    }
    printf("  have not reported what they run: ");
    api_print_field(p, "unreported", 0);
    printf("\n");
}

int cmd_product_show(struct cli *cli, int argc, char **argv)
{
    const char *given = NULL;
    char *name = NULL;
    struct api_client c;
    json_t *reply = NULL;
    int done = cli_parse(cli, argc, argv, (struct cli_option[]){CLI_OPTIONS_END},
                         &(struct cli_positional){.items = &given, .max = 1}, NULL);
    if (done >= 0)
        return done;
    done = api_open(&c, cli);
    if (done < 0)
        done = api_product(&c, given, &name);
    if (done < 0) {
        char *path = api_path("/api/v1/products/%s", name);
        done = api_call(&c, "GET", path, NULL, &reply);
        free(path);
    }
    if (done < 0)
        done = product_answer(cli, reply, print_shown);
    free(name);
    api_close(&c);
    return done;
}
