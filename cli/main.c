/* `otaria NOUN VERB ...`: finds the command in the table and runs it. Knows no command by itself. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#ifndef OTARIA_VERSION
#define OTARIA_VERSION "0"
#endif

static bool is_word(const char *word, const char *expected)
{
    return word != NULL && strcmp(word, expected) == 0;
}

static void print_name(FILE *to, const struct cli_command *c)
{
    fprintf(to, "otaria %s%s%s", c->noun, c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "");
}

/* The commands of one noun, or all. Returns how many. */
static unsigned list_commands(FILE *to, const char *noun)
{
    unsigned count = 0;
    for (const struct cli_command *c = cli_commands; c->noun != NULL; c++) {
        if (noun != NULL && !is_word(noun, c->noun))
            continue;
        fputs("  ", to);
        print_name(to, c);
        fprintf(to, " %s\n        %s\n", c->arguments, c->summary);
        count++;
    }
    return count;
}

static int help(FILE *to, int exit_code)
{
    fputs("usage: otaria NOUN VERB [OPTIONS]\n\n", to);
    list_commands(to, NULL);
    fputs(
        "\nEvery command takes --json and --help. Exit codes: 0 ok, 1 error, 2 usage, 3 gate failed or paused,\n"
        "4 not found, 5 conflict.\n",
        to);
    return exit_code;
}

static const struct cli_command *find(const char *noun, const char *verb)
{
    for (const struct cli_command *c = cli_commands; c->noun != NULL; c++) {
        if (is_word(noun, c->noun) && (c->verb == NULL || is_word(verb, c->verb)))
            return c;
    }
    return NULL;
}

static int unknown(const struct cli *cli, const char *noun, const char *verb)
{
    const char *given = verb != NULL && verb[0] != '-' ? verb : NULL;
    (void)cli_usage(cli, "no command \"%s%s%s\"", noun, given != NULL ? " " : "", given != NULL ? given : "");
    if (list_commands(stderr, noun) == 0)
        fputs("otaria --help lists the commands\n", stderr);
    return EXIT_USAGE;
}

/* `otaria help`, `otaria help NOUN`, `otaria help NOUN VERB`. */
static int help_about(const struct cli *cli, const char *noun, const char *verb)
{
    const struct cli_command *command = noun != NULL ? find(noun, verb) : NULL;
    char name[] = "help", option[] = "--help", *words[] = {name, option, NULL};
    if (noun == NULL)
        return help(stdout, EXIT_OK);
    if (command != NULL)
        return command->run(&(struct cli){.command = command}, 2, words);
    return verb == NULL && list_commands(stdout, noun) > 0 ? EXIT_OK : unknown(cli, noun, verb);
}

static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr, EXIT_USAGE);
    struct cli cli = {.json = wants_json(argc, argv)};
    if (is_word(argv[1], "--help") || is_word(argv[1], "-h"))
        return help(stdout, EXIT_OK);
    if (is_word(argv[1], "help"))
        return help_about(&cli, argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
    if (is_word(argv[1], "--version")) {
        puts("otaria " OTARIA_VERSION);
        return EXIT_OK;
    }
    const char *verb = argc > 2 ? argv[2] : NULL;
    const struct cli_command *command = find(argv[1], verb);
    if (command == NULL && is_word(verb, "--help"))
        return help_about(&cli, argv[1], NULL);
    if (command == NULL)
        return unknown(&cli, argv[1], verb);
    cli.command = command;
    int words = command->verb != NULL ? 2 : 1;
    return command->run(&cli, argc - words, argv + words);
}
