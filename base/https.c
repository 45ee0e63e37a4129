/*
 * HTTPS over libcurl's multi interface.
 *
 * Requests and downloads share one multi handle, so they share its connection; a share handle keeps the TLS session
 * for the next connection. A download is pulled: the write callback pauses libcurl when the buffer is full.
 */
#include "base/https.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PULL_BUFFER_BYTES (2u * CURL_MAX_WRITE_SIZE)
#define URL_MAX           1024u

struct pull {
    CURL *easy;
    struct curl_slist *headers;
    uint8_t buffer[PULL_BUFFER_BYTES];
    size_t begin, end;
    bool is_paused, is_done;
    CURLcode result;
};

struct answer {
    uint64_t range_first, range_total;
    bool has_range;
    uint32_t retry_after_s;
};

struct https {
    CURLM *multi;
    CURLSH *share;
    char *ca_file;
    struct https_options options;
    struct answer answer;
    struct pull *pull; /* a running download */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct https *https_create(const struct https_options *options, struct error *err)
{
    pthread_once(&curl_once, curl_start);
    struct https *h = calloc(1, sizeof *h);
    if (h == NULL) {
        error_set(err, "out of memory");
        return NULL;
    }
    h->options = *options;
    h->options.connect_timeout_s = options->connect_timeout_s != 0 ? options->connect_timeout_s : 10;
    h->options.request_timeout_s = options->request_timeout_s != 0 ? options->request_timeout_s : 30;
    h->options.stall_timeout_s = options->stall_timeout_s != 0 ? options->stall_timeout_s : 30;
    h->ca_file = options->ca_file != NULL ? strdup(options->ca_file) : NULL;
    h->multi = curl_multi_init();
    h->share = curl_share_init();
    if (h->multi == NULL || h->share == NULL || (options->ca_file != NULL && h->ca_file == NULL)) {
        https_destroy(h);
        error_set(err, "out of memory");
        return NULL;
    }
    curl_share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 1L);
    return h;
}

void https_destroy(struct https *h)
{
    if (h == NULL)
        return;
    https_get_close(h);
    if (h->multi != NULL)
        curl_multi_cleanup(h->multi);
    if (h->share != NULL)
        curl_share_cleanup(h->share);
    free(h->ca_file);
    free(h);
}

int https_check_url(const char *url, struct error *err)
{
    if (strncmp(url, "https://", 8) != 0)
        return error_set(err, "%.100s: only https:// is spoken here", url);
    size_t host = strcspn(url + 8, "/?#");
    if (host == 0 || url[8 + host] != '\0' || strlen(url) > 300 || strpbrk(url, " \t\r\n@") != NULL)
        return error_set(err, "%.100s: want https://HOST:PORT without a path", url);
    return 0;
}

static bool header_is(const char *line, size_t len, const char *name)
{
    size_t n = strlen(name);
    return len > n && strncasecmp(line, name, n) == 0 && line[n] == ':';
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct https *h = ctx;
    size_t len = size * count;
    char text[128];
    unsigned long long first, last, total;
    snprintf(text, sizeof text, "%.*s", (int)(len < sizeof text ? len : sizeof text - 1), line);
    if (len > 5 && strncmp(line, "HTTP/", 5) == 0)
        memset(&h->answer, 0, sizeof h->answer); /* a new header block: 100-continue came before */
    if (header_is(line, len, "content-range") &&
        sscanf(text + 14, " bytes %llu-%llu/%llu", &first, &last, &total) == 3) {
        h->answer.has_range = true;
        h->answer.range_first = first;
        h->answer.range_total = total;
    }
    if (header_is(line, len, "retry-after"))
        h->answer.retry_after_s = (uint32_t)strtoul(text + 12, NULL, 10);
    return len;
}

static struct curl_slist *auth_header(struct curl_slist *list, const char *token)
{
    char line[300];
    if (token == NULL)
        return list;
    snprintf(line, sizeof line, "Authorization: Bearer %s", token);
    list = curl_slist_append(list, line);
    memset(line, 0, sizeof line);
    return list;
}

static CURL *make_easy(struct https *h, const char *url, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (h->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, h->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)h->options.connect_timeout_s);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 100L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)h->options.stall_timeout_s);
    curl_easy_setopt(easy, CURLOPT_SHARE, h->share);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "otaria/0.1");
    return easy;
}

/* One round of the event loop. True while `easy` runs; its result otherwise. */
static bool turn(struct https *h, CURL *easy, CURLcode *result)
{
    int running = 0, left = 0;
    CURLMsg *msg;
    if (curl_multi_perform(h->multi, &running) != CURLM_OK) {
        *result = CURLE_FAILED_INIT;
        return false;
    }
    while ((msg = curl_multi_info_read(h->multi, &left)) != NULL) {
        if (msg->msg == CURLMSG_DONE && msg->easy_handle == easy) {
            *result = msg->data.result;
            return false;
        }
    }
    return true;
}

struct collect {
    struct https_reply *reply;
    size_t limit;
    bool too_long;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct collect *c = ctx;
    size_t len = size * count;
    if (len > c->limit - c->reply->len) {
        c->too_long = true;
        return 0;
    }
    char *grown = realloc(c->reply->body, c->reply->len + len + 1);
    if (grown == NULL)
        return 0;
    memcpy(grown + c->reply->len, bytes, len);
    c->reply->body = grown;
    c->reply->len += len;
    grown[c->reply->len] = '\0';
    return len;
}

static int on_progress(void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
    const struct https_request *request = ctx;
    (void)dltotal;
    (void)dlnow;
    if (request->on_upload != NULL && ultotal > 0)
        request->on_upload(request->ctx, (uint64_t)ulnow, (uint64_t)ultotal);
    return 0;
}

static void set_request(CURL *easy, const struct https *h, const struct https_request *request,
                        struct collect *c)
{
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->body_len > 0 || strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body_len > 0 ? request->body : "");
    }
    if (request->on_upload != NULL) {
        curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, request);
    } else {
        curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)h->options.request_timeout_s);
    }
}

static int run_request(struct https *h, CURL *easy, CURLcode *result)
{
    if (curl_multi_add_handle(h->multi, easy) != CURLM_OK)
        return -1;
    while (turn(h, easy, result))
        curl_multi_poll(h->multi, NULL, 0, 1000, NULL);
    curl_multi_remove_handle(h->multi, easy);
    return 0;
}

int https_request(struct https *h, const struct https_request *request, struct https_reply *reply,
                  struct error *err)
{
    char type[100];
    char curl_error[CURL_ERROR_SIZE] = "";
    struct collect c = {.reply = reply, .limit = request->reply_limit};
    CURLcode result = CURLE_FAILED_INIT;
    long status = 0;
    memset(reply, 0, sizeof *reply);
    snprintf(type, sizeof type, "Content-Type: %s",
             request->content_type != NULL ? request->content_type : "application/json");
    struct curl_slist *headers = auth_header(curl_slist_append(NULL, type), request->token);
    headers = curl_slist_append(headers, "Expect:");
    CURL *easy = make_easy(h, request->url, headers);
    if (easy == NULL) {
        curl_slist_free_all(headers);
        return error_set(err, "out of memory");
    }
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl_error);
    set_request(easy, h, request, &c);
    int ran = run_request(h, easy, &result);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    reply->status = (int)status;
    reply->retry_after_s = h->answer.retry_after_s;
    if (ran == 0 && result == CURLE_OK)
        return 0;
    https_reply_free(reply);
    if (c.too_long)
        return error_set(err, "the reply is longer than %zu bytes", request->reply_limit);
    return error_set(err, "%s", curl_error[0] != '\0' ? curl_error : curl_easy_strerror(result));
}

void https_reply_free(struct https_reply *reply)
{
    free(reply->body);
    reply->body = NULL;
    reply->len = 0;
}

static size_t on_pull(char *bytes, size_t size, size_t count, void *ctx)
{
    struct pull *p = ctx;
    size_t len = size * count;
    if (p->begin == p->end)
        p->begin = p->end = 0;
    if (len > sizeof p->buffer - p->end) {
        p->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    memcpy(p->buffer + p->end, bytes, len);
    p->end += len;
    return len;
}

/* Run until there is something to read, or the transfer ends. */
static void pull_turn(struct https *h)
{
    struct pull *p = h->pull;
    while (!p->is_done && p->begin == p->end) {
        if (p->is_paused) {
            p->is_paused = false;
            curl_easy_pause(p->easy, CURLPAUSE_CONT);
        }
        if (!turn(h, p->easy, &p->result))
            p->is_done = true;
        else if (p->begin == p->end)
            curl_multi_poll(h->multi, NULL, 0, 1000, NULL);
    }
}

void https_get_close(struct https *h)
{
    struct pull *p = h->pull;
    if (p == NULL)
        return;
    curl_multi_remove_handle(h->multi, p->easy);
    curl_easy_cleanup(p->easy);
    curl_slist_free_all(p->headers);
    free(p);
    h->pull = NULL;
}

static int start_pull(struct https *h, const char *url, const char *token, uint64_t offset, const char *etag)
{
    char line[160];
    struct pull *p = calloc(1, sizeof *p);
    if (p == NULL)
        return -1;
    p->headers = auth_header(NULL, token);
    if (offset > 0) {
        snprintf(line, sizeof line, "Range: bytes=%llu-", (unsigned long long)offset);
        p->headers = curl_slist_append(p->headers, line);
        if (etag != NULL) {
            snprintf(line, sizeof line, "If-Range: \"%s\"", etag);
            p->headers = curl_slist_append(p->headers, line);
        }
    }
    p->easy = make_easy(h, url, p->headers);
    h->pull = p;
    if (p->easy == NULL)
        return -1;
    curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, on_pull);
    curl_easy_setopt(p->easy, CURLOPT_WRITEDATA, p);
    return curl_multi_add_handle(h->multi, p->easy) == CURLM_OK ? 0 : -1;
}

static enum https_get judge_answer(struct https *h, uint64_t offset, uint64_t *total, int *status)
{
    long code = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(h->pull->easy, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(h->pull->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    *status = (int)code;
    if (code == 200 && length >= 0) {
        *total = (uint64_t)length;
        return offset == 0 ? HTTPS_GET_OK : HTTPS_GET_CHANGED;
    }
    if (code == 206 && h->answer.has_range) {
        *total = h->answer.range_total;
        return h->answer.range_first == offset ? HTTPS_GET_OK : HTTPS_GET_CHANGED;
    }
    return HTTPS_GET_STATUS;
}

enum https_get https_get_open(struct https *h, const char *url, const char *token, uint64_t offset,
                              const char *etag, uint64_t *total, int *status, struct error *err)
{
    https_get_close(h);
    *status = 0;
    *total = 0;
    if (start_pull(h, url, token, offset, etag) != 0) {
        https_get_close(h);
        error_set(err, "out of memory");
        return HTTPS_GET_FAILED;
    }
    pull_turn(h);
    if (h->pull->is_done && h->pull->result != CURLE_OK && h->pull->begin == h->pull->end) {
        error_set(err, "%s", curl_easy_strerror(h->pull->result));
        https_get_close(h);
        return HTTPS_GET_FAILED;
    }
    enum https_get result = judge_answer(h, offset, total, status);
    if (result != HTTPS_GET_OK)
        https_get_close(h);
    return result;
}

int https_get_read(struct https *h, void *buf, size_t cap, size_t *len, struct error *err)
{
    struct pull *p = h->pull;
    *len = 0;
    if (p == NULL)
        return error_set(err, "no download is open");
    pull_turn(h);
    size_t n = p->end - p->begin < cap ? p->end - p->begin : cap;
    if (n == 0 && p->result != CURLE_OK)
        return error_set(err, "%s", curl_easy_strerror(p->result));
    memcpy(buf, p->buffer + p->begin, n);
    p->begin += n;
    *len = n;
    return 0;
}
