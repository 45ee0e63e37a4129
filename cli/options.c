/* Options and positional words of a command, from its table; getopt_long underneath. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX  24u
#define WORD         1 /* what getopt_long returns for a word that belongs to no option */
#define OPTION_JSON  2
#define OPTION_HELP  3
#define OPTION_FIRST 0x100

struct parse {
    struct cli *cli;
    const struct cli_option *options;
    const struct cli_positional *positional;
    unsigned words;            /* positional words taken */
    struct cli_list *open;     /* the list that takes the words behind it, or NULL */
    unsigned taken_in_passing; /* of its last words, how many no option stood before */
};

static void print_usage(FILE *to, const struct cli *cli, const struct cli_option *options)
{
    const struct cli_command *c = cli->command;
    fprintf(to, "usage: otaria %s%s%s %s\n%s\n", c->noun, c->verb != NULL ? " " : "",
            c->verb != NULL ? c->verb : "", c->arguments, c->summary);
    for (const struct cli_option *o = options; o->name != NULL; o++)
        fprintf(to, "  --%s%s%s%s\n        %s\n", o->name, o->value != NULL ? " " : "",
                o->value != NULL ? o->value : "", o->kind == CLI_LIST ? " ..." : "", o->help);
    fputs("  --json\n        one JSON value instead of text\n", to);
}

static int take_option(struct parse *p, const struct cli_option *o, const char *value)
{
    p->open = NULL;
    if (o->kind == CLI_FLAG) {
        *(bool *)o->into = true;
    } else if (o->kind == CLI_TEXT) {
        *(const char **)o->into = value;
    } else {
        struct cli_list *list = o->into;
        if (list->count == CLI_LIST_MAX)
            return cli_usage(p->cli, "--%s: more than %u values", o->name, CLI_LIST_MAX);
        list->items[list->count++] = value;
        p->open = list;
        p->taken_in_passing = 0;
    }
    return -1;
}

static int take_word(struct parse *p, const char *word)
{
    if (p->open != NULL) {
        if (p->open->count == CLI_LIST_MAX)
            return cli_usage(p->cli, "more than %u values", CLI_LIST_MAX);
        p->open->items[p->open->count++] = word;
        p->taken_in_passing++;
        return -1;
    }
    if (p->words == p->positional->max)
        return cli_usage(p->cli, "unexpected word \"%s\"", word);
    p->positional->items[p->words++] = word;
    return -1;
}

/* Too few words: those at the end of the last list may have been meant. */
static void give_back(struct parse *p)
{
    if (p->words >= p->positional->min || p->open == NULL)
        return;
    unsigned lacking = p->positional->min - p->words;
    if (lacking > p->taken_in_passing)
        return;
    for (unsigned i = lacking; i > 0; i--)
        p->positional->items[p->words++] = p->open->items[p->open->count - i];
    p->open->count -= lacking;
}

static int fill_long_options(const struct cli_option *options, struct option *out)
{
    unsigned n = 0;
    for (; options[n].name != NULL; n++) {
        if (n + 3 > OPTIONS_MAX)
            abort();
        out[n] = (struct option){.name = options[n].name,
                                 .has_arg = options[n].kind == CLI_FLAG ? no_argument : required_argument,
                                 .val = OPTION_FIRST + (int)n};
    }
    out[n] = (struct option){.name = "json", .val = OPTION_JSON};
    out[n + 1] = (struct option){.name = "help", .val = OPTION_HELP};
    return OPTION_FIRST + (int)n;
}

/* The option as it was written, without its value: that may be a secret in the wrong place. */
static const char *option_word(char **argv, char name[64])
{
    const char *word = argv[optind - 1];
    if (optarg == word && optarg != NULL)
        word = argv[optind - 2];
    snprintf(name, 64, "%.*s", (int)strcspn(word, "="), word);
    return name;
}

static int complain(const struct cli *cli, int what, char **argv)
{
    char name[64];
    option_word(argv, name);
    return what == ':' ? cli_usage(cli, "%s needs a value", name) : cli_usage(cli, "unknown option %s", name);
}

/* getopt_long takes any unambiguous beginning; here a name is whole, or a new option would change what a script means. */
static bool is_whole(char **argv, const struct option *option)
{
    char name[64];
    return strcmp(option_word(argv, name) + 2, option->name) == 0;
}

int cli_parse(struct cli *cli, int argc, char **argv, const struct cli_option *options,
              const struct cli_positional *positional, unsigned *positional_count)
{
    static const struct cli_positional none;
    struct option longs[OPTIONS_MAX + 1] = {0};
    struct parse p = {.cli = cli, .options = options, .positional = positional != NULL ? positional : &none};
    int last = fill_long_options(options, longs), index = 0, what, done = -1;
    optind = 1;
    opterr = 0;
    while (done < 0 && (what = getopt_long(argc, argv, "-:h", longs, &index)) != -1) {
        if (what == WORD) {
            done = take_word(&p, optarg);
        } else if (what != ':' && what != '?' && what != 'h' && !is_whole(argv, &longs[index])) {
            done = complain(cli, '?', argv);
        } else if (what == OPTION_JSON) {
            cli->json = true;
        } else if (what == OPTION_HELP || what == 'h') {
            print_usage(stdout, cli, options);
            return EXIT_OK;
        } else if (what >= OPTION_FIRST && what < last) {
            done = take_option(&p, &options[what - OPTION_FIRST], optarg);
        } else {
            done = complain(cli, what, argv);
        }
    }
    for (p.open = optind < argc ? NULL : p.open; done < 0 && optind < argc; optind++)
        done = take_word(&p, argv[optind]);
    if (done >= 0)
        return done;
    give_back(&p);
    if (p.words < p.positional->min)
        return cli_usage(cli, "something is missing: %s", cli->command->arguments);
    if (positional_count != NULL)
        *positional_count = p.words;
    return -1;
}

int cli_on_off(const char *text, bool *out)
{
    *out = strcmp(text, "on") == 0;
    return *out || strcmp(text, "off") == 0 ? 0 : -1;
}

int cli_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return -1;
    errno = 0;
    *out = strtoul(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
    return *end == '\0' && errno == 0 && *out <= max ? 0 : -1;
}

json_t *cli_words(const char *text)
{
    json_t *list = json_array();
    while (*text != '\0') {
        size_t n = strcspn(text, ",");
        char *word = strndup(text, n);
        json_array_append_new(list, cli_json_foreign(word)); /* bytes that are no text must not vanish */
        free(word);
        text += n + (text[n] == ',');
    }
    return list;
}
