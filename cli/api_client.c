/* The operator API for the commands: see api_client.h. */
#include "api_client.h"

#include "base/file.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPLY_MAX (64u << 20)

static const char *login_path(char path[PATH_MAX])
{
    const char *given = getenv("OTARIA_CONFIG"), *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (given != NULL && given[0] != '\0')
        snprintf(path, PATH_MAX, "%s", given);
    else if (xdg != NULL && xdg[0] != '\0')
        snprintf(path, PATH_MAX, "%s/otaria/login.json", xdg);
    else
        snprintf(path, PATH_MAX, "%s/.config/otaria/login.json", home != NULL ? home : ".");
    return path;
}

/* A token that others can read is no secret. */
static int check_mode(const struct cli *cli, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return cli_fail(cli, EXIT_ERROR, "mode", "%s can be read by others: chmod 600 it", path);
    return -1;
}

int api_read_token(const struct cli *cli, const char *path, char **out)
{
    struct error err;
    int done = check_mode(cli, path);
    *out = done < 0 ? file_read_line(path, &err) : NULL;
    if (done < 0 && *out == NULL)
        return cli_fail(cli, EXIT_ERROR, "token", "%s", err.text);
    return done;
}

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

static int read_login(struct api_client *c)
{
    char path[PATH_MAX];
    login_path(path);
    if (access(path, F_OK) != 0)
        return -1;
    int done = check_mode(c->cli, path);
    if (done >= 0)
        return done;
    json_t *root = json_load_file(path, 0, NULL);
    if (root == NULL)
        return cli_fail(c->cli, EXIT_ERROR, "login", "%s is damaged: log in again", path);
    c->url = copy(json_string_value(json_object_get(root, "url")));
    c->token = copy(json_string_value(json_object_get(root, "token")));
    c->ca = copy(json_string_value(json_object_get(root, "ca")));
    json_decref(root);
    return -1;
}

static void replace(char **field, char *take_value)
{
    free(*field);
    *field = take_value;
}

static int read_environment(struct api_client *c)
{
    char *token = NULL;
    const char *url = getenv("OTARIA_URL"), *token_file = getenv("OTARIA_TOKEN_FILE"),
               *ca = getenv("OTARIA_CA");
    if (url != NULL)
        replace(&c->url, strdup(url));
    if (ca != NULL)
        replace(&c->ca, strdup(ca));
    if (token_file == NULL)
        return -1;
    int done = api_read_token(c->cli, token_file, &token);
    replace(&c->token, token);
    return done;
}

static int connect_client(struct api_client *c)
{
    struct error err;
    struct https_options options = {.ca_file = c->ca, .request_timeout_s = 60};
    if (https_check_url(c->url, &err) != 0)
        return cli_fail(c->cli, EXIT_ERROR, "url", "%s", err.text);
    c->https = https_create(&options, &err);
    return c->https != NULL ? -1 : cli_fail(c->cli, EXIT_ERROR, "tls", "%s", err.text);
}

int api_open(struct api_client *c, struct cli *cli)
{
    *c = (struct api_client){.cli = cli};
    int done = read_login(c);
    if (done < 0)
        done = read_environment(c);
    if (done >= 0)
        return done;
    if (c->url == NULL || c->token == NULL)
        return cli_fail(cli, EXIT_ERROR, "not_logged_in",
                        "not logged in: otaria login URL --token-file FILE --ca FILE");
    return connect_client(c);
}

int api_open_with(struct api_client *c, struct cli *cli, const char *url, const char *token, const char *ca)
{
    *c = (struct api_client){.cli = cli, .url = copy(url), .token = copy(token), .ca = copy(ca)};
    return connect_client(c);
}

void api_close(struct api_client *c)
{
    https_destroy(c->https);
    if (c->token != NULL)
        explicit_bzero(c->token, strlen(c->token));
    free(c->url);
    free(c->token);
    free(c->ca);
    *c = (struct api_client){.cli = c->cli};
}

int api_remember(const struct api_client *c)
{
    char path[PATH_MAX], dir[PATH_MAX], ca[PATH_MAX];
    struct error err;
    if (c->ca != NULL && realpath(c->ca, ca) == NULL)
        return cli_fail(c->cli, EXIT_ERROR, "ca", "%s: no such file", c->ca);
    snprintf(dir, sizeof dir, "%s", login_path(path));
    char *slash = strrchr(dir, '/');
    if (slash != NULL && slash != dir) {
        *slash = '\0';
        if (file_make_directories(dir, 0700, &err) != 0)
            return cli_fail(c->cli, EXIT_ERROR, "login", "%s", err.text);
    }
    json_t *root =
        json_pack("{s:s,s:s,s:s?}", "url", c->url, "token", c->token, "ca", c->ca != NULL ? ca : NULL);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (text == NULL)
        return cli_fail(c->cli, EXIT_ERROR, "memory", "out of memory");
    int result = file_write_atomic(path, text, strlen(text), 0600, &err);
    explicit_bzero(text, strlen(text));
    free(text);
    return result == 0 ? -1 : cli_fail(c->cli, EXIT_ERROR, "login", "%s", err.text);
}

/* --- requests --- */

static int exit_code_of(int status)
{
    return status == 404 ? EXIT_NOT_FOUND : status == 409 ? EXIT_CONFLICT : EXIT_ERROR;
}

static int judge(struct api_client *c, const struct https_reply *reply, json_t **out)
{
    *out = json_loadb(reply->body != NULL ? reply->body : "", reply->len, 0, NULL);
    if (reply->status >= 200 && reply->status < 300 && *out != NULL)
        return -1;
    const json_t *error = json_object_get(*out, "error");
    const char *code = json_string_value(json_object_get(error, "code")),
               *message = json_string_value(json_object_get(error, "message"));
    int done = cli_fail(c->cli, exit_code_of(reply->status), code != NULL ? code : "http", "%s",
                        message != NULL ? message : "the server answered something that is no API reply");
    json_decref(*out);
    *out = NULL;
    return done;
}

static int send_request(struct api_client *c, const char *path, struct https_request *request, json_t **out)
{
    struct https_reply reply;
    struct error err;
    char *url = malloc(strlen(c->url) + strlen(path) + 1);
    *out = NULL;
    if (url == NULL)
        return cli_fail(c->cli, EXIT_ERROR, "memory", "out of memory");
    strcpy(url, c->url);
    strcat(url, path);
    request->url = url;
    request->token = c->token;
    request->reply_limit = REPLY_MAX;
    int result = https_request(c->https, request, &reply, &err);
    free(url);
    if (result != 0)
        return cli_fail(c->cli, EXIT_ERROR, "network", "%s: %s", c->url, err.text);
    int done = judge(c, &reply, out);
    https_reply_free(&reply);
    return done;
}

int api_call(struct api_client *c, const char *method, const char *path, json_t *take_body, json_t **out)
{
    char *text = take_body != NULL ? json_dumps(take_body, JSON_COMPACT) : NULL;
    struct https_request request = {
        .method = method, .body = text, .body_len = text != NULL ? strlen(text) : 0};
    json_decref(take_body);
    int done = send_request(c, path, &request, out);
    free(text);
    return done;
}

static void show_upload(void *ctx, uint64_t sent, uint64_t total)
{
    (void)ctx;
    fprintf(stderr, "\ruploading %3u %%", (unsigned)(sent * 100u / total));
    if (sent == total)
        fputc('\n', stderr);
}

int api_upload(struct api_client *c, const char *path, const void *bytes, size_t len, json_t **out)
{
    struct https_request request = {.method = "POST",
                                    .body = bytes,
                                    .body_len = len,
                                    .content_type = "application/octet-stream",
                                    .on_upload = isatty(STDERR_FILENO) ? show_upload : NULL};
    return send_request(c, path, &request, out);
}

/* --- paths --- */

char *api_escape(const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = malloc(strlen(text) * 3 + 1), *at = out;
    for (; out != NULL && *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c) != NULL) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15u];
        }
    }
    if (out != NULL)
        *at = '\0';
    return out;
}

char *api_path(const char *format, ...)
{
    va_list args;
    char *out = NULL;
    size_t len = 0;
    FILE *text = open_memstream(&out, &len);
    va_start(args, format);
    for (const char *p = format; text != NULL && *p != '\0'; p++) {
        if (p[0] != '%' || p[1] != 's') {
            fputc(*p, text);
            continue;
        }
        p++;
        char *escaped = api_escape(va_arg(args, const char *));
        fputs(escaped != NULL ? escaped : "", text);
        free(escaped);
    }
    va_end(args);
    if (text == NULL || fclose(text) != 0)
        abort(); /* out of memory */
    return out;
}

int api_product(struct api_client *c, const char *given, char **out)
{
    json_t *reply = NULL;
    *out = copy(given);
    if (given != NULL)
        return -1;
    int done = api_call(c, "GET", "/api/v1/products", NULL, &reply);
    if (done >= 0)
        return done;
    const json_t *products = json_object_get(reply, "products");
    if (json_array_size(products) == 1)
        *out = copy(json_string_value(json_object_get(json_array_get(products, 0), "name")));
    json_decref(reply);
    if (*out == NULL)
        return cli_usage(c->cli, "--product NAME is needed: there are %s",
                         json_array_size(products) == 0 ? "none yet" : "several");
    return -1;
}

void api_print_field(const json_t *object, const char *field, int width)
{
    char number[32];
    const json_t *v = json_object_get(object, field);
    const char *text = json_string_value(v);
    if (json_is_integer(v)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
        text = number;
    }
    if (text == NULL)
        text = "-";
    cli_print_foreign(text);
    for (int i = (int)strlen(text); i < width; i++)
        putchar(' ');
    putchar(' ');
}
