/* Gated metrics: see rollout/metrics.h. */
#include "rollout/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int refuse(const char *text, const char *why, char *err, size_t err_len)
{
    snprintf(err, err_len, "metric %.60s: %s", text, why);
    return -1;
}

/* "5%" or "2.25%" in 1/100 %; UINT32_MAX when it is none, or above 100 %. */
static uint32_t parse_percent(const char *text)
{
    char rest[3] = "";
    unsigned whole = 0, part = 0;
    int at = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || sscanf(text, "%3u%n", &whole, &at) != 1)
        return UINT32_MAX;
    text += at;
    if (*text == '.') {
        digits = strspn(++text, "0123456789");
        if (digits == 0 || digits > 2)
            return UINT32_MAX;
        memcpy(rest, text, digits);
        part = (unsigned)(rest[0] - '0') * 10u + (digits == 2 ? (unsigned)(rest[1] - '0') : 0);
        text += digits;
    }
    uint32_t hundredths = whole * 100u + part;
    return strcmp(text, "%") == 0 && hundredths <= 10000u ? hundredths : UINT32_MAX;
}

static int parse(const char *text, struct rollout_metric *out, char *err, size_t err_len)
{
    size_t name = strcspn(text, ":");
    *out = (struct rollout_metric){.tolerated = ROLLOUT_METRIC_TOLERATED};
    if (name > OT_METRIC_NAME_MAX)
        return refuse(text, "a name is of a-z, 0-9 and _, at most 24", err, err_len);
    memcpy(out->name, text, name);
    if (!ot_wire_is_metric_name(out->name))
        return refuse(text, "a name is of a-z, 0-9 and _, at most 24", err, err_len);
    const char *direction = text[name] == ':' ? text + name + 1 : "";
    size_t length = strcspn(direction, ":");
    out->higher_is_worse = length == 15 && memcmp(direction, "higher_is_worse", length) == 0;
    if (!out->higher_is_worse && !(length == 14 && memcmp(direction, "lower_is_worse", length) == 0))
        return refuse(text, "want NAME:lower_is_worse or NAME:higher_is_worse", err, err_len);
    if (direction[length] == ':')
        out->tolerated = parse_percent(direction + length + 1);
    return out->tolerated != UINT32_MAX
               ? 0
               : refuse(text, "what is tolerated is from 0% to 100%, two decimals", err, err_len);
}

int rollout_metrics_add(struct rollout_metrics *metrics, const char *text, char *err, size_t err_len)
{
    struct rollout_metric one;
    if (parse(text, &one, err, err_len) != 0)
        return -1;
    for (uint32_t i = 0; i < metrics->count; i++) {
        if (strcmp(metrics->list[i].name, one.name) == 0)
            return refuse(text, "it stands twice", err, err_len);
    }
    if (metrics->count == ROLLOUT_METRICS_MAX)
        return refuse(text, "there are four already: each makes the others less sensitive", err, err_len);
    metrics->list[metrics->count++] = one;
    return 0;
}

void rollout_metric_text(const struct rollout_metric *m, char text[ROLLOUT_METRIC_TEXT_BYTES])
{
    char decimals[8] = "";
    if (m->tolerated % 100u != 0)
        snprintf(decimals, sizeof decimals, ".%02" PRIu32, m->tolerated % 100u);
    snprintf(text, ROLLOUT_METRIC_TEXT_BYTES, "%s:%s:%" PRIu32 "%s%%", m->name,
             m->higher_is_worse ? "higher_is_worse" : "lower_is_worse", m->tolerated / 100u, decimals);
}

struct rollout_values rollout_metrics_values(const struct rollout_metrics *metrics,
                                             const struct ot_wire_metric *reported, uint32_t count)
{
    struct rollout_values values = {0};
    for (uint32_t i = 0; i < metrics->count; i++) {
        for (uint32_t k = 0; k < count; k++) {
            if (strcmp(metrics->list[i].name, reported[k].name) != 0)
                continue;
            values.known |= (uint8_t)(1u << i);
            values.of[i] = reported[k].value;
        }
    }
    return values;
}
