/* Answers and failures of every command: text for a person, one JSON value for a machine, nothing unescaped. */
#include "cli.h"

#include "base/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cli_print_foreign(const char *text)
{
    char safe[1024];
    text_printable(text, safe, sizeof safe);
    fputs(safe, stdout);
}

json_t *cli_json_foreign(const char *text)
{
    char safe[1024];
    text_printable(text, safe, sizeof safe);
    return json_string(safe);
}

/* ASCII only: what a terminal would act on stays an escape that every JSON reader undoes. */
static int print_json(json_t *take_value, size_t layout)
{
    int failed = take_value == NULL || json_dumpf(take_value, stdout, layout | JSON_ENSURE_ASCII) != 0;
    json_decref(take_value);
    failed = failed || putchar('\n') == EOF || fflush(stdout) != 0;
    return failed ? -1 : 0;
}

static int answered(const struct cli *cli, int failed)
{
    if (failed == 0)
        return EXIT_OK;
    return cli_fail(&(struct cli){.command = cli->command}, EXIT_ERROR, "output", "cannot write the answer");
}

int cli_print_json_line(const struct cli *cli, json_t *take_value)
{
    return answered(cli, print_json(take_value, JSON_COMPACT));
}

int cli_print_json(const struct cli *cli, json_t *take_value)
{
    return answered(cli, print_json(take_value, JSON_INDENT(2)));
}

static void report(const struct cli *cli, const char *code, const char *message)
{
    char safe[1200];
    text_printable(message, safe, sizeof safe);
    fprintf(stderr, "otaria: %s\n", safe);
    if (cli->json)
        (void)print_json(json_pack("{s:{s:s,s:s}}", "error", "code", code, "message", safe),
                         JSON_COMPACT); /* a line: it may end a stream of lines */
}

int cli_fail(const struct cli *cli, int exit_code, const char *code, const char *format, ...)
{
    char message[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    report(cli, code, message);
    return exit_code;
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
    char message[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    report(cli, "usage", message);
    if (cli->command != NULL)
        fprintf(stderr, "otaria: try \"otaria %s%s%s --help\"\n", cli->command->noun,
                cli->command->verb != NULL ? " " : "", cli->command->verb != NULL ? cli->command->verb : "");
    return EXIT_USAGE;
}
