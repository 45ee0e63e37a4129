/* Routes: a table, matched segment by segment. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static size_t segment(const char *p)
{
    return strcspn(p, "/");
}

static int add_param(struct http_request *req, const char *pattern, size_t len, const char *path,
                     size_t path_len)
{
    char *raw = strndup(path, path_len);
    if (raw == NULL || req->param_count == HTTP_PARAMS_MAX) {
        free(raw);
        return -1;
    }
    size_t decoded_len = 0;
    char *decoded = evhttp_uridecode(raw, 0, &decoded_len);
    free(raw);
    if (decoded == NULL || strlen(decoded) != decoded_len || decoded_len == 0) {
        free(decoded); /* an encoded NUL, or nothing */
        return -1;
    }
    req->params[req->param_count].name = pattern + 1;
    req->params[req->param_count].name_len = len - 2;
    req->params[req->param_count++].value = decoded;
    return 0;
}

static void clear_params(struct http_request *req)
{
    while (req->param_count > 0)
        free(req->params[--req->param_count].value);
}

static bool matches(const char *pattern, const char *path, struct http_request *req)
{
    clear_params(req);
    while (*pattern != '\0' && *path != '\0') {
        size_t n = segment(pattern), m = segment(path);
        if (n > 2 && pattern[0] == '{' && pattern[n - 1] == '}') {
            if (m == 0 || add_param(req, pattern, n, path, m) != 0)
                return false;
        } else if (n != m || memcmp(pattern, path, n) != 0) {
            return false;
        }
        pattern += n;
        path += m;
        if (*pattern != *path)
            return false;
        if (*pattern == '/') {
            pattern++;
            path++;
        }
    }
    return *pattern == '\0' && *path == '\0';
}

const struct http_route *http_find_route(const struct http_server *server, enum http_listener listener,
                                         const char *method, const char *path, struct http_request *req,
                                         const char **allowed)
{
    bool head = strcmp(method, "HEAD") == 0;
    *allowed = NULL;
    for (size_t i = 0; i < server->config.route_count; i++) {
        const struct http_route *route = &server->config.routes[i];
        if (route->listener != listener || !matches(route->pattern, path, req))
            continue;
        if (strcmp(route->method, method) == 0 || (head && strcmp(route->method, "GET") == 0))
            return route;
        *allowed = route->method;
    }
    clear_params(req);
    return NULL;
}

const char *http_param(const struct http_request *req, const char *name)
{
    for (unsigned i = 0; i < req->param_count; i++) {
        if (strlen(name) == req->params[i].name_len && memcmp(name, req->params[i].name, strlen(name)) == 0)
            return req->params[i].value;
    }
    return "";
}

const char *http_query(const struct http_request *req, const char *name)
{
    return req->has_query ? evhttp_find_header(&req->query, name) : NULL;
}
