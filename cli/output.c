/* Answers and failures of every command: text for a person, one JSON value for a machine, nothing unescaped. */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Characters that hide or reorder the text around them: zero width, line ends, bidirectional controls. */
static bool is_deceptive(const unsigned char *s, unsigned n)
{
    if (n == 2)
        return s[0] == 0xD8 && s[1] == 0x9C; /* U+061C */
    if (n != 3)
        return false;
    unsigned c = (s[0] & 0x0Fu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    return (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
           c == 0xFEFF;
}

/* Length of the UTF-8 sequence at `s` that is safe on a terminal, or 0. */
static unsigned safe_bytes(const unsigned char *s)
{
    unsigned n = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3 : 0;
    if (n == 0 && s[0] >= 0xF0 && s[0] < 0xF5)
        n = 4;
    if (n == 1)
        return s[0] >= 0x20 && s[0] != 0x7F ? 1 : 0;
    for (unsigned i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    }
    bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool outside = (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F);
    bool control = s[0] == 0xC2 && s[1] < 0xA0;
    return overlong || outside || control || is_deceptive(s, n) ? 0 : n;
}

static void make_safe(const char *text, char *out, size_t cap)
{
    size_t at = 0;
    const unsigned char *s = (const unsigned char *)(text != NULL ? text : "-");
    while (*s != '\0' && at + 5 < cap) {
        unsigned n = safe_bytes(s);
        if (n == 0) {
            out[at++] = '?';
            s++;
            continue;
        }
        memcpy(out + at, s, n);
        at += n;
        s += n;
    }
    out[at] = '\0';
}

void cli_print_foreign(const char *text)
{
    char safe[1024];
    make_safe(text, safe, sizeof safe);
    fputs(safe, stdout);
}

json_t *cli_json_foreign(const char *text)
{
    char safe[1024];
    make_safe(text, safe, sizeof safe);
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
    make_safe(message, safe, sizeof safe);
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
