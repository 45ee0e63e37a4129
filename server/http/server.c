/* Listeners, threads, TLS, and what happens to a request before its handler. */
#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_BYTES 4096u
#define HEADERS_MAX  8192

/* --- requests --- */

static void on_gone(struct evhttp_connection *connection, void *arg)
{
    struct http_request *req = arg;
    (void)connection;
    req->ev = NULL; /* libevent frees it; the reply, when it comes, goes nowhere */
}

static unsigned count_header(const struct evkeyvalq *headers, const char *name)
{
    const struct evkeyval *header;
    unsigned n = 0;
    TAILQ_FOREACH(header, headers, next)
    {
        n += evutil_ascii_strcasecmp(header->key, name) == 0;
    }
    return n;
}

/* A name that libevent and a proxy may read differently ("Content-Length :"), or a value with control bytes. */
static bool is_odd(const struct evkeyval *header)
{
    for (const char *c = header->key; *c != '\0'; c++) {
        if (*c <= ' ' || *c >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", *c) != NULL)
            return true;
    }
    for (const char *c = header->value; *c != '\0'; c++) {
        if ((*c > 0 && *c < ' ' && *c != '\t') || *c == 0x7f)
            return true;
    }
    return false;
}

static bool is_number(const char *text)
{
    return text == NULL || (text[0] != '\0' && strspn(text, "0123456789") == strlen(text));
}

/*
 * Two ways to say where the body ends are one too many: the way requests are smuggled past a proxy. Nobody in this
 * protocol streams a body of unknown length.
 */
static bool is_ambiguous(const struct evkeyvalq *headers)
{
    const struct evkeyval *header;
    TAILQ_FOREACH(header, headers, next)
    {
        if (is_odd(header))
            return true;
    }
    return count_header(headers, "Content-Length") > 1 || count_header(headers, "Transfer-Encoding") > 0 ||
           !is_number(evhttp_find_header(headers, "Content-Length")) || count_header(headers, "Host") > 1 ||
           count_header(headers, "Authorization") > 1;
}

static const char *bearer(const struct evkeyvalq *headers)
{
    const char *value = evhttp_find_header(headers, "Authorization");
    return value != NULL && strncmp(value, "Bearer ", 7) == 0 && value[7] != '\0' ? value + 7 : NULL;
}

static const char *method_name(struct evhttp_request *ev)
{
    switch (evhttp_request_get_command(ev)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    case EVHTTP_REQ_OPTIONS:
    case EVHTTP_REQ_TRACE:
    case EVHTTP_REQ_CONNECT:
    default:
        return "";
    }
}

/* False when it does not read as name=value pairs: what it was to choose would be left out. */
static bool read_query(struct http_request *req, const struct evhttp_uri *uri)
{
    const char *text = evhttp_uri_get_query(uri);
    TAILQ_INIT(&req->query);
    req->has_query = text != NULL && text[0] != '\0' && evhttp_parse_query_str(text, &req->query) == 0;
    return req->has_query || text == NULL || text[0] == '\0';
}

static void close_after(struct http_request *req)
{
    evhttp_add_header(evhttp_request_get_output_headers(req->ev), "Connection", "close");
}

static void refuse(struct http_request *req, int status)
{
    if (status == 401)
        http_reply_error(req, 401, "unauthorized", "no valid token");
    else if (status == 403)
        http_reply_error(req, 403, "forbidden", "this token does not allow that");
    else
        http_reply_error(req, 503, "storage_full", "the server's disk is full: nothing can be stored now");
}

static void dispatch(struct http_request *req, enum http_listener listener)
{
    const struct http_server *server = req->thread->server;
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(req->ev);
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req->ev);
    const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL, *allowed = NULL;
    size_t body_len = 0;
    if (path == NULL || is_ambiguous(headers)) {
        close_after(req);
        http_reply_error(req, 400, "bad_request", "the request is malformed");
        return;
    }
    req->route = http_find_route(server, listener, method_name(req->ev), path, req, &allowed);
    if (req->route == NULL && allowed != NULL) {
        evhttp_add_header(evhttp_request_get_output_headers(req->ev), "Allow", allowed);
        http_reply_error(req, 405, "method", "this route has another method");
        return;
    }
    if (req->route == NULL) {
        http_reply_error(req, 404, "no_route", "there is no such route");
        return;
    }
    if (!read_query(req, uri)) {
        http_reply_error(req, 400, "bad_request",
                         "the query of the address does not read as name=value pairs");
        return;
    }
    int refusal = server->config.authorize(server->config.app, req, req->route, bearer(headers));
    if (refusal != 0) {
        refuse(req, refusal);
        return;
    }
    (void)http_body(req, &body_len);
    if (body_len > req->route->max_body) {
        close_after(req);
        http_reply_error(req, 413, "too_large", "the body is larger than this route allows");
        return;
    }
    req->route->handler(server->config.app, req);
}

static void on_request(struct evhttp_request *ev, void *arg, enum http_listener listener)
{
    struct http_thread *thread = arg;
    struct http_request *req = calloc(1, sizeof *req);
    if (req == NULL) {
        evhttp_send_error(ev, 503, NULL);
        return;
    }
    req->thread = thread;
    req->ev = ev;
    req->fd = -1;
    struct evhttp_connection *connection = evhttp_request_get_connection(ev);
    if (connection != NULL)
        evhttp_connection_set_closecb(connection, on_gone, req);
    dispatch(req, listener);
}

static void on_device_request(struct evhttp_request *ev, void *arg)
{
    on_request(ev, arg, HTTP_DEVICE);
}

static void on_operator_request(struct evhttp_request *ev, void *arg)
{
    on_request(ev, arg, HTTP_OPERATOR);
}

/* --- TLS --- */

static SSL_CTX *make_tls(const struct http_config *config, struct error *err)
{
    static const unsigned char context[] = "otariad";
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL) {
        error_set(err, "TLS: out of memory");
        return NULL;
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_num_tickets(ctx, 1);
    /* A record that a lost connection tears is lost as a whole: one sector of a download, not four. */
    SSL_CTX_set_max_send_fragment(ctx, RECORD_BYTES);
    SSL_CTX_set_session_id_context(ctx, context, sizeof context - 1);
    if (SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
        SSL_CTX_use_certificate_chain_file(ctx, config->cert_file) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, config->key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1) {
        error_set(err, "TLS: %s and %s do not make a usable certificate: %s", config->cert_file,
                  config->key_file, ERR_reason_error_string(ERR_peek_error()));
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

static struct bufferevent *make_connection(struct event_base *base, void *arg)
{
    SSL *ssl = SSL_new(arg);
    if (ssl == NULL)
        return NULL;
    struct bufferevent *bev =
        bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev != NULL)
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

/* --- listeners --- */

static int split_address(const char *text, char host[256], char port[8], struct error *err)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || strlen(colon + 1) > 5 || strlen(colon + 1) == 0 ||
        (size_t)(colon - text) >= 256)
        return error_set(err, "%s: want ADDRESS:PORT", text);
    bool brackets = text[0] == '[' && colon[-1] == ']';
    snprintf(host, 256, "%.*s", (int)(colon - text) - (brackets ? 2 : 0), text + (brackets ? 1 : 0));
    snprintf(port, 8, "%s", colon + 1);
    return 0;
}

static int listen_socket(const char *text, uint16_t port_taken, struct error *err)
{
    char host[256], port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    const int on = 1;
    if (split_address(text, host, port, err) != 0)
        return -1;
    if (port_taken != 0)
        snprintf(port, sizeof port, "%u", port_taken);
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed != 0)
        return error_set(err, "%s: %s", text, gai_strerror(failed));
    /*
     * TCP_NODELAY, which connections inherit: head and body of a reply are two writes, and the second would wait 40 ms for
     * the first to be acknowledged.
     */
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 1024) != 0) {
        error_set(err, "cannot listen on %s: %s", text, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

static int add_listener(struct http_thread *t, enum http_listener which, struct error *err)
{
    struct http_server *server = t->server;
    int fd = listen_socket(server->config.listen[which], server->port[which], err);
    if (fd < 0)
        return -1;
    server->port[which] = port_of(fd);
    struct evhttp *http = evhttp_new(t->base);
    if (http == NULL || evhttp_accept_socket_with_handle(http, fd) == NULL) {
        close(fd);
        if (http != NULL)
            evhttp_free(http);
        return error_set(err, "out of memory");
    }
    t->http[which] = http;
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                         EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH);
    evhttp_set_max_headers_size(http, HEADERS_MAX);
    evhttp_set_max_body_size(http, (ev_ssize_t)server->config.max_body[which]);
    evhttp_set_timeout(http, (int)server->config.timeout_s);
    evhttp_set_default_content_type(http, "application/json");
    evhttp_set_bevcb(http, make_connection, server->ssl);
    evhttp_set_gencb(http, which == HTTP_DEVICE ? on_device_request : on_operator_request, t);
    return 0;
}

static int make_thread(struct http_server *server, struct http_thread *t, struct error *err)
{
    t->server = server;
    t->base = event_base_new();
    if (t->base == NULL)
        return error_set(err, "out of memory");
    for (int which = 0; which < HTTP_LISTENERS; which++) {
        if (add_listener(t, (enum http_listener)which, err) != 0)
            return -1;
    }
    return 0;
}

/* --- server --- */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    const struct http_server *server = arg;
    (void)fd;
    (void)what;
    server->config.tick(server->config.app);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    http_server_stop(arg);
}

static int start_signals(struct http_server *server, struct error *err)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    for (unsigned i = 0; i < 2; i++) {
        server->signals[i] = evsignal_new(server->threads[0].base, numbers[i], on_signal, server);
        if (server->signals[i] == NULL || event_add(server->signals[i], NULL) != 0)
            return error_set(err, "out of memory");
    }
    return 0;
}

static int start_tick(struct http_server *server, struct error *err)
{
    static const struct timeval second = {1, 0};
    if (server->config.tick == NULL)
        return 0;
    server->tick = event_new(server->threads[0].base, -1, EV_PERSIST, on_tick, server);
    if (server->tick == NULL || event_add(server->tick, &second) != 0)
        return error_set(err, "out of memory");
    return 0;
}

struct http_server *http_server_create(const struct http_config *config, struct error *err)
{
    evthread_use_pthreads();
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        error_set(err, "out of memory");
        return NULL;
    }
    server->config = *config;
    server->ssl = make_tls(config, err);
    server->threads = calloc(config->threads, sizeof *server->threads);
    if (server->ssl == NULL || server->threads == NULL)
        goto failed;
    for (; server->thread_count < config->threads; server->thread_count++) {
        if (make_thread(server, &server->threads[server->thread_count], err) != 0) {
            server->thread_count++;
            goto failed;
        }
    }
    if (start_signals(server, err) == 0 && start_tick(server, err) == 0)
        return server;
failed:
    http_server_destroy(server);
    return NULL;
}

uint16_t http_server_port(const struct http_server *server, enum http_listener listener)
{
    return server->port[listener];
}

static void *run_thread(void *arg)
{
    struct http_thread *t = arg;
    event_base_dispatch(t->base);
    return NULL;
}

void http_server_run(struct http_server *server)
{
    for (unsigned i = 1; i < server->thread_count; i++) {
        if (pthread_create(&server->threads[i].thread, NULL, run_thread, &server->threads[i]) != 0)
            abort(); /* its listener would accept connections that nobody serves */
    }
    run_thread(&server->threads[0]);
    for (unsigned i = 1; i < server->thread_count; i++)
        pthread_join(server->threads[i].thread, NULL);
}

void http_server_stop(struct http_server *server)
{
    for (unsigned i = 0; i < server->thread_count; i++)
        event_base_loopbreak(server->threads[i].base);
}

void http_server_destroy(struct http_server *server)
{
    if (server == NULL)
        return;
    if (server->tick != NULL)
        event_free(server->tick);
    for (unsigned i = 0; i < 2; i++) {
        if (server->signals[i] != NULL)
            event_free(server->signals[i]);
    }
    for (unsigned i = 0; i < server->thread_count; i++) {
        struct http_thread *t = &server->threads[i];
        for (int which = 0; which < HTTP_LISTENERS; which++) {
            if (t->http[which] != NULL)
                evhttp_free(t->http[which]);
        }
        if (t->base != NULL)
            event_base_free(t->base);
    }
    SSL_CTX_free(server->ssl);
    free(server->threads);
    free(server);
}
