/**
 * What every command of `otaria` shares: its entry in the table, its options, its way to answer and to fail.
 *
 * A command is one file with one function. It names its options in a table, calls cli_parse(), does its work with
 * tools/ or the server's API, and returns an exit code. Standard output carries the answer (one JSON value with
 * --json), standard error carries what went wrong.
 *
 *     int cmd_image_info(struct cli *cli, int argc, char **argv)
 *     {
 *         const char *file;
 *         const struct cli_positional files = {.items = &file, .min = 1, .max = 1};
 *         int done = cli_parse(cli, argc, argv, (struct cli_option[]){CLI_OPTIONS_END}, &files, NULL);
 *         if (done >= 0)
 *             return done;
 *         ...
 *         return cli_fail(cli, EXIT_ERROR, "image_magic", "%s: not an ESP app image", file);
 *     }
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>

/** Exit codes, the same for every command. */
enum cli_exit {
    EXIT_OK = 0,
    EXIT_ERROR = 1,
    EXIT_USAGE = 2,
    EXIT_GATE = 3, /* a gate failed, or the rollout is paused */
    EXIT_NOT_FOUND = 4,
    EXIT_CONFLICT = 5,
};

struct cli {
    const struct cli_command *command; /* NULL while it is not known */
    bool json;
};

struct cli_command {
    const char *noun, *verb;                            /* verb NULL: a command of one word */
    const char *arguments;                              /* "CSV --flash-size SIZE --out BIN" */
    const char *summary;                                /* one line */
    int (*run)(struct cli *cli, int argc, char **argv); /* argv[0] is the last word of the command's name */
};

/** All commands, by noun; ends with an entry whose noun is NULL. In commands.c. */
extern const struct cli_command cli_commands[];

#define CLI_LIST_MAX 32u

/** Values of a repeatable option: `--trust A B --trust C`. Borrowed from argv. */
struct cli_list {
    const char *items[CLI_LIST_MAX];
    unsigned count;
};

enum cli_option_kind {
    CLI_FLAG, /* `bool *` */
    CLI_TEXT, /* `const char **` */
    CLI_LIST, /* `struct cli_list *`: may stand several times, and takes the words behind it as well */
};

struct cli_option {
    const char *name; /* without the dashes */
    enum cli_option_kind kind;
    void *into;
    const char *value; /* what --help calls it; NULL for a flag */
    const char *help;
};
#define CLI_OPTIONS_END                                                                                      \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }

/** Words that belong to no option. */
struct cli_positional {
    const char **items;
    unsigned min, max;
};

/**
 * Parse a command's words. --json and --help are known everywhere.
 *
 * Words behind a CLI_LIST option belong to it; when too few others remain for `positional`, its last words do not:
 * `image verify --trust A B FILE` is understood.
 *
 * @param positional_count  May be NULL.
 * @return -1 to go on; otherwise the exit code to return (help was asked for, or a usage error has been reported).
 */
int cli_parse(struct cli *cli, int argc, char **argv, const struct cli_option *options,
              const struct cli_positional *positional, unsigned *positional_count);

/** A missing or malformed option: usage error with a message. Always returns EXIT_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * Report a failure: `otaria: TEXT` on standard error, with --json {"error":{"code","message"}} on standard output too.
 * @param code  Stable name for machines: a wire name of status.h, or one of the command's own.
 * @return `exit_code`.
 */
int cli_fail(const struct cli *cli, int exit_code, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Print a JSON value and a newline on standard output; drops the reference. Returns EXIT_OK or EXIT_ERROR. */
int cli_print_json(const struct cli *cli, json_t *take_value);
/** The same for one value of a stream: on a line of its own, at once. */
int cli_print_json_line(const struct cli *cli, json_t *take_value);

/**
 * Print text that came from a file or the network: control bytes, invalid UTF-8 and characters that hide or reorder
 * text become `?`. NULL is "-".
 */
void cli_print_foreign(const char *text);

/** json_string() for such text: never NULL because of invalid UTF-8. */
json_t *cli_json_foreign(const char *text);

/** "a,b" as a list of strings; none in "". What stands between commas is kept as it is, empty words too. */
json_t *cli_words(const char *text);

/** "on" or "off" into a bool; -1 otherwise. */
int cli_on_off(const char *text, bool *out);

/** A decimal or 0x number up to `max`; -1 otherwise. */
int cli_number(const char *text, unsigned long max, unsigned long *out);

#endif
