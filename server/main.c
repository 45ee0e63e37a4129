/*
 * otariad: the server.
 *
 *   otariad [--config FILE] [--data DIR] [--device-listen ADDR:PORT] [--operator-listen ADDR:PORT]
 *           [--ready-file FILE] [--threads N] [--poll-s N] [--patch-bases N] [--tls-name NAME]...
 *   otariad --make-patch BASE|- TARGET OUT PARENT     what the server starts for itself (patch/make.h)
 *
 * One process owns one data directory. A first start makes the CA, the certificate and the first admin token, and says
 * where they are. docs/operations.md.
 */
#include "api/api.h"
#include "base/file.h"
#include "base/log.h"
#include "config/config.h"
#include "patch/make.h"
#include "patch/worker.h"
#include "tls/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BODY_DEVICE   (64u << 10)
#define BODY_OPERATOR (18u << 20)
#define TIMEOUT_S     60

static int usage(void)
{
    fputs(
        "usage: otariad [--config FILE] [--data DIR] [--device-listen ADDR:PORT] [--operator-listen ADDR:PORT]\n"
        "               [--ready-file FILE] [--threads N] [--poll-s N] [--patch-bases N] [--tls-name NAME]...\n",
        stderr);
    return 2;
}

/* File, then environment, then command line. */
static int read_config(struct config *config, int argc, char **argv, struct error *err)
{
    config_default(config);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--config") == 0 && config_read_file(config, argv[i + 1], err) != 0)
            return -1;
    }
    if (config_read_environment(config, err) != 0)
        return -1;
    for (int i = 1; i < argc; i += 2) {
        if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc)
            return error_set(err, "%.60s: want --KEY VALUE", argv[i]);
        if (strcmp(argv[i], "--config") != 0 && config_set(config, argv[i] + 2, argv[i + 1], err) != 0)
            return -1;
    }
    return 0;
}

/* Held until the process ends, however it ends. */
static int take_lock(const char *data, struct error *err)
{
    char path[PATH_MAX];
    if (file_make_directories(data, 0700, err) != 0)
        return -1;
    snprintf(path, sizeof path, "%.400s/lock", data);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, "%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return error_set(err, "%s: another otariad owns this data directory", data);
    }
    return 0;
}

static int prepare_tls(const struct config *config, struct tls_files *files, struct error *err)
{
    char dir[PATH_MAX], host[100] = "";
    const char *names[CONFIG_NAMES_MAX + 4] = {"localhost", "127.0.0.1", "::1"};
    size_t count = 3;
    if (gethostname(host, sizeof host - 1) == 0 && host[0] != '\0' && strpbrk(host, ",: ") == NULL)
        names[count++] = host;
    for (size_t i = 0; i < config->name_count; i++)
        names[count++] = config->names[i];
    snprintf(dir, sizeof dir, "%.380s/tls", config->data);
    if (tls_prepare(dir, names, count, files, err) != 0)
        return -1;
    if (files->made_ca)
        log_info("tls.ca_made", "file=%s note=\"give this file to devices and operators\"", files->ca);
    return 0;
}

/* The first admin token: made once, kept in a file only its owner can read. */
static int make_admin(struct fleet *fleet, const char *data, struct error *err)
{
    char path[PATH_MAX], id[24], token[80];
    struct fleet_refusal refusal;
    if (fleet->next_token > 0)
        return 0;
    if (fleet_token_create(fleet, "otariad", ROLE_ADMIN, NULL, -1, 0, id, token, &refusal, NULL, NULL) != 0)
        return error_set(err, "%s", refusal.message);
    snprintf(path, sizeof path, "%.400s/admin.token", data);
    strcat(token, "\n");
    int result = file_write_atomic(path, token, strlen(token), 0600, err);
    explicit_bzero(token, sizeof token);
    if (result == 0)
        log_info("token.admin_made", "id=%s file=%s", id, path);
    return result;
}

/* With port 0 the caller learns here what was taken. */
static int write_ready(const struct config *config, const struct http_server *server, struct error *err)
{
    char text[300];
    int n = snprintf(text, sizeof text,
                     "{\"device\":\"https://127.0.0.1:%u\",\n\"operator\":\"https://127.0.0.1:%u\"}\n",
                     http_server_port(server, HTTP_DEVICE), http_server_port(server, HTTP_OPERATOR));
    log_info("server.ready", "device_port=%u operator_port=%u data=%s", http_server_port(server, HTTP_DEVICE),
             http_server_port(server, HTTP_OPERATOR), config->data);
    return config->ready_file[0] != '\0' ? file_write_atomic(config->ready_file, text, (size_t)n, 0644, err)
                                         : 0;
}

static void on_tick(void *app)
{
    struct api *api = app;
    fleet_tick(api->fleet);
    api_tick(api);
}

static int serve(const struct config *config, struct error *err)
{
    struct tls_files files;
    struct api api = {0};
    struct http_config http = {.listen = {config->device_listen, config->operator_listen},
                               .threads = config->threads,
                               .max_body = {BODY_DEVICE, BODY_OPERATOR},
                               .timeout_s = TIMEOUT_S,
                               .routes = api_routes,
                               .route_count = api_route_count,
                               .app = &api,
                               .authorize = api_authorize,
                               .tick = on_tick};
    if (take_lock(config->data, err) != 0 || prepare_tls(config, &files, err) != 0)
        return -1;
    http.cert_file = files.cert;
    http.key_file = files.key;
    api.fleet = fleet_open(config->data, config->poll_s, NULL, err);
    if (api.fleet == NULL)
        return -1;
    api.fleet->patch_bases = config->patch_bases;
    int result = make_admin(api.fleet, config->data, err);
    struct http_server *server = result == 0 ? http_server_create(&http, err) : NULL;
    struct patch_worker *patches = server != NULL ? patch_worker_start(api.fleet, err) : NULL;
    if (patches == NULL || write_ready(config, server, err) != 0) {
        patch_worker_stop(patches);
        http_server_destroy(server);
        fleet_close(api.fleet);
        return -1;
    }
    http_server_run(server);
    log_info("server.stopping", "data=%s", config->data);
    patch_worker_stop(patches);
    /* The writer first: what is queued gets on disk, and its replies are posted to threads that still exist. */
    fleet_close(api.fleet);
    http_server_destroy(server);
    return 0;
}

int main(int argc, char **argv)
{
    struct config config;
    struct error err = {""};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        usage();
        return 0;
    }
    if (argc == 6 && strcmp(argv[1], "--make-patch") == 0)
        return patch_make_main(argv[2], argv[3], argv[4], argv[5]);
    signal(SIGPIPE, SIG_IGN);
    if (read_config(&config, argc, argv, &err) != 0) {
        fprintf(stderr, "otariad: %s\n", err.text);
        return usage();
    }
    if (serve(&config, &err) != 0) {
        fprintf(stderr, "otariad: %s\n", err.text);
        return 1;
    }
    return 0;
}
