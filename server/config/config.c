/* Configuration: one table of keys serves file, environment and command line. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {"data",   "device-listen", "operator-listen", "ready-file", "threads",
                                   "poll-s", "patch-bases",   "tls-name",        NULL};

void config_default(struct config *c)
{
    memset(c, 0, sizeof *c);
    snprintf(c->data, sizeof c->data, "otaria-data");
    snprintf(c->device_listen, sizeof c->device_listen, "0.0.0.0:8443");
    snprintf(c->operator_listen, sizeof c->operator_listen, "127.0.0.1:8444");
    c->threads = 2;
    c->poll_s = 60;
    c->patch_bases = 8;
}

static int set_text(char *to, size_t cap, const char *key, const char *value, struct error *err)
{
    int n = snprintf(to, cap, "%s", value);
    return n > 0 && (size_t)n < cap ? 0 : error_set(err, "%s: empty or longer than %zu bytes", key, cap - 1);
}

static int read_number(const char *key, const char *value, unsigned long low, unsigned long high,
                       unsigned long *out, struct error *err)
{
    char *end;
    errno = 0;
    *out = strtoul(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || !isdigit((unsigned char)value[0]) || *out < low ||
        *out > high)
        return error_set(err, "%s: a whole number from %lu to %lu is wanted, not %.40s", key, low, high,
                         value);
    return 0;
}

int config_set(struct config *c, const char *key, const char *value, struct error *err)
{
    unsigned long n = 0;
    if (strcmp(key, "data") == 0)
        return set_text(c->data, sizeof c->data, key, value, err);
    if (strcmp(key, "device-listen") == 0)
        return set_text(c->device_listen, sizeof c->device_listen, key, value, err);
    if (strcmp(key, "operator-listen") == 0)
        return set_text(c->operator_listen, sizeof c->operator_listen, key, value, err);
    if (strcmp(key, "ready-file") == 0)
        return set_text(c->ready_file, sizeof c->ready_file, key, value, err);
    if (strcmp(key, "threads") == 0) {
        if (read_number(key, value, 1, 64, &n, err) != 0)
            return -1;
        c->threads = (unsigned)n;
        return 0;
    }
    if (strcmp(key, "poll-s") == 0) {
        if (read_number(key, value, 1, 86400, &n, err) != 0)
            return -1;
        c->poll_s = (uint32_t)n;
        return 0;
    }
    if (strcmp(key, "patch-bases") == 0) {
        if (read_number(key, value, 0, 1000, &n, err) != 0)
            return -1;
        c->patch_bases = (uint32_t)n;
        return 0;
    }
    if (strcmp(key, "tls-name") == 0) {
        if (c->name_count == CONFIG_NAMES_MAX)
            return error_set(err, "tls-name: at most %u", CONFIG_NAMES_MAX);
        return set_text(c->names[c->name_count++], sizeof c->names[0], key, value, err);
    }
    return error_set(err, "unknown key %.60s", key);
}

struct reading {
    struct config *config;
    struct error *err;
};

static int on_entry(void *ctx, const char *section, const char *name, const char *value)
{
    struct reading *r = ctx;
    if (section[0] != '\0') {
        error_set(r->err, "there are no sections: [%.40s]", section);
        return 0;
    }
    return config_set(r->config, name, value, r->err) == 0;
}

int config_read_file(struct config *c, const char *path, struct error *err)
{
    struct error inner = {"malformed"};
    struct reading r = {.config = c, .err = &inner};
    int line = ini_parse(path, on_entry, &r);
    if (line == 0)
        return 0;
    if (line < 0)
        return error_set(err, "%s: %s", path, strerror(errno));
    return error_set(err, "%s: line %d: %s", path, line, inner.text);
}

int config_read_environment(struct config *c, struct error *err)
{
    char name[64];
    for (size_t i = 0; keys[i] != NULL; i++) {
        int n = snprintf(name, sizeof name, "OTARIAD_%s", keys[i]);
        for (int j = 8; j < n; j++)
            name[j] = name[j] == '-' ? '_' : (char)toupper((unsigned char)name[j]);
        const char *value = getenv(name);
        if (value != NULL && config_set(c, keys[i], value, err) != 0)
            return -1;
    }
    return 0;
}
