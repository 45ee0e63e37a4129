/** Shared by the files of server/http. Private. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "http.h"

#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <openssl/ssl.h>
#include <pthread.h>

#define HTTP_PARAMS_MAX 4u

struct http_thread {
    struct http_server *server;
    struct event_base *base;
    struct evhttp *http[HTTP_LISTENERS];
    pthread_t thread;
};

struct http_server {
    struct http_config config;
    SSL_CTX *ssl;
    uint16_t port[HTTP_LISTENERS];
    unsigned thread_count;
    struct http_thread *threads;
    struct event *tick;
    struct event *signals[2]; /* SIGTERM, SIGINT */
};

struct http_request {
    struct http_thread *thread;
    const struct http_route *route;
    struct evhttp_request *ev; /* NULL once the client has gone */
    bool deferred;
    struct {
        const char *name; /* in the pattern */
        size_t name_len;
        char *value;
    } params[HTTP_PARAMS_MAX];
    unsigned param_count;
    struct evkeyvalq query;
    bool has_query;
    void *identity;
    /* the reply, waiting for its thread */
    int status;
    char *body;
    size_t body_len;
    int fd;
    uint64_t size;
    char etag[80];
};

/* route.c */
const struct http_route *http_find_route(const struct http_server *server, enum http_listener listener,
                                         const char *method, const char *path, struct http_request *req,
                                         const char **allowed);
/* range.c */
enum http_range { HTTP_RANGE_NONE, HTTP_RANGE_OK, HTTP_RANGE_BAD };
enum http_range http_parse_range(const char *header, uint64_t size, uint64_t *first, uint64_t *last);
/* reply.c */
void http_send_now(struct http_request *req);
void http_request_free(struct http_request *req);

#endif
