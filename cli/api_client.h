/*
 * The operator API, as the commands use it: where the server is, who we are, one request at a time.
 *
 * `otaria login` writes a small file (mode 0600) that every other command reads: $OTARIA_CONFIG, else
 * $XDG_CONFIG_HOME/otaria/login.json, else ~/.config/otaria/login.json. For CI the environment stands over it:
 * OTARIA_URL, OTARIA_TOKEN_FILE, OTARIA_CA.
 */
#ifndef CLI_API_CLIENT_H
#define CLI_API_CLIENT_H

#include "base/https.h"
#include "cli.h"

struct api_client {
    struct cli *cli;
    struct https *https;
    char *url, *token, *ca;
};

/** Log-in data from file and environment. -1 to go on, else the exit code. api_close() in both cases. */
int api_open(struct api_client *c, struct cli *cli);
/** A token out of its file, malloc'ed; one that others can read is refused. -1 to go on, else the exit code. */
int api_read_token(const struct cli *cli, const char *path, char **out);
/** With this data instead (for `login`). Strings are copied. */
int api_open_with(struct api_client *c, struct cli *cli, const char *url, const char *token, const char *ca);
void api_close(struct api_client *c);
/** Remember url, token and CA for the commands to come. -1 to go on, else the exit code. */
int api_remember(const struct api_client *c);

/**
 * One request. `path` begins with /api/v1; every part of it that is not ours has been through api_escape().
 * `take_body` may be NULL. On success `*out` is the parsed reply.
 * @return -1 to go on, else the exit code: 404 is 4, 409 is 5, everything else 1.
 */
int api_call(struct api_client *c, const char *method, const char *path, json_t *take_body, json_t **out);
/** Upload raw bytes. */
int api_upload(struct api_client *c, const char *path, const void *bytes, size_t len, json_t **out);

/** Percent-encode one path segment or query value; malloc'ed. */
char *api_escape(const char *text);
/** A path from a format whose %s are all escaped first; malloc'ed. */
char *api_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * The product a command works on: `given`, or the only one there is. malloc'ed name in `*out`.
 * -1 to go on, else the exit code.
 */
int api_product(struct api_client *c, const char *given, char **out);

/** A field for a person, escape sequences neutralised; "-" when absent. */
void api_print_field(const json_t *object, const char *field, int width);

#endif
