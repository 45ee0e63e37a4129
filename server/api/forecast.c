/* A rollout that is not created: what it would cost, how long it would take, what each ring can see. docs/design/forecast.md. */
#include "ask.h"

#include "fleet/evidence.h"
#include "fleet/forecast.h"
#include "rollout/gate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRICES_MAX 16u

/* What a megabyte costs on each link: "cellular=0.40,wifi=0". */
struct prices {
    struct {
        char link[OT_ATTRIBUTE_MAX + 1];
        double each_mb;
    } of[PRICES_MAX];
    unsigned count;
};

static bool read_price(const char *text, size_t len, struct prices *out)
{
    char number[32], *end;
    const char *equals = memchr(text, '=', len);
    size_t name = equals != NULL ? (size_t)(equals - text) : 0, rest = len - name - 1;
    if (equals == NULL || out->count == PRICES_MAX || name > OT_ATTRIBUTE_MAX || rest == 0 ||
        rest >= sizeof number)
        return false;
    memcpy(out->of[out->count].link, text, name);
    out->of[out->count].link[name] = '\0';
    memcpy(number, equals + 1, rest);
    number[rest] = '\0';
    double price = strtod(number, &end);
    if (end == number || (*end != '\0' && strcmp(end, "/MB") != 0) || !(price >= 0 && price <= 1e6))
        return false;
    out->of[out->count++].each_mb = price;
    return true;
}

static bool read_prices(struct http_request *req, struct prices *out)
{
    const char *text = http_query(req, "price");
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ",");
        if (!read_price(text, len, out)) {
            http_reply_error(req, 400, "bad_field",
                             "price: want LINK=PRICE,... with the price of a megabyte, as cellular=0.40");
            return false;
        }
        text += len + (text[len] == ',');
    }
    return true;
}

/* NULL of JSON: nobody has said what it costs. */
static json_t *cost_of(const struct prices *prices, const struct fleet_link_bytes *link, double *sum)
{
    for (unsigned i = 0; i < prices->count; i++) {
        if (strcmp(prices->of[i].link, link->link) != 0)
            continue;
        double cost = prices->of[i].each_mb * (double)link->bytes / 1e6;
        *sum += cost;
        return json_real(round(cost * 100) / 100);
    }
    return json_null();
}

static json_t *json_seconds(uint64_t s)
{
    return s == FORECAST_NEVER ? json_null() : json_integer((json_int_t)s);
}

static json_t *json_span(const struct forecast_span *span)
{
    return json_pack("{s:o,s:o}", "median", json_seconds(span->median_s), "p90", json_seconds(span->p90_s));
}

static json_t *json_links(const struct fleet_forecast_ring *ring, const struct prices *prices, double *sum)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < ring->link_count; i++)
        json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:o}", "link", ring->links[i].link, "devices",
                                              (json_int_t)ring->links[i].devices, "bytes",
                                              (json_int_t)ring->links[i].bytes, "cost",
                                              cost_of(prices, &ring->links[i], sum)));
    return list;
}

static json_t *json_sees(uint32_t members)
{
    char text[120];
    snprintf(text, sizeof text, "%u device%s cannot see a failure rate below %.1f %%", members,
             members == 1 ? "" : "s", 100 * gate_floor(members));
    return json_string(text);
}

struct sum {
    json_int_t by_patch, by_compressed, by_image, bytes, full_bytes;
    double cost;
};

static json_t *json_forecast_ring(const struct api_ask *ask, const struct fleet_places *places,
                                  const struct fleet_forecast_ring *ring, const struct forecast_ring *play,
                                  uint32_t index, const struct prices *prices, struct sum *sum)
{
    double cost = 0;
    json_t *links = json_links(ring, prices, &cost);
    sum->by_patch += ring->by_patch;
    sum->by_compressed += ring->by_compressed;
    sum->by_image += ring->by_image;
    sum->bytes += (json_int_t)ring->bytes;
    sum->full_bytes += (json_int_t)ring->full_bytes;
    sum->cost += cost;
    return json_pack("{s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:I}", "index",
                     (json_int_t)index, "name", ask->plan.rings.rings[index].name, "members",
                     (json_int_t)places->members[index], "moved", (json_int_t)places->moved[index],
                     "by_patch", (json_int_t)ring->by_patch, "by_compressed", (json_int_t)ring->by_compressed,
                     "by_image", (json_int_t)ring->by_image, "runs_it", (json_int_t)ring->runs_it, "too_old",
                     (json_int_t)ring->too_old, "too_new", (json_int_t)ring->too_new, "bytes",
                     (json_int_t)ring->bytes, "full_bytes", (json_int_t)ring->full_bytes, "links", links,
                     "cost", prices->count > 0 ? json_real(round(cost * 100) / 100) : json_null(),
                     "floor_percent", fleet_percent(gate_floor(places->members[index])), "sees",
                     json_sees(places->members[index]), "begins_s", json_span(&play->begins), "takes_s",
                     json_span(&play->takes), "passed", (json_int_t)play->passed);
}

static json_t *json_forecast(const struct api_ask *ask, const struct fleet_places *places,
                             const struct fleet_forecast *f, const struct forecast_result *play,
                             const struct prices *prices)
{
    struct sum sum = {.cost = 0};
    json_t *rings = json_array();
    for (uint32_t i = 0; i < ask->plan.rings.count; i++)
        json_array_append_new(
            rings, json_forecast_ring(ask, places, &f->rings[i], &play->rings[i], i, prices, &sum));
    const uint32_t *attempts = f->input.attempt_s;
    uint32_t count = f->input.attempt_count;
    json_t *assumes = json_pack(
        "{s:{s:I,s:I},s:I,s:I,s:I}", "attempt_s", "median", (json_int_t)attempts[(count - 1) / 2], "p90",
        (json_int_t)attempts[(count - 1) * 9 / 10], "attempts_seen", (json_int_t)f->attempts_seen, "poll_s",
        (json_int_t)f->input.poll_s, "away", (json_int_t)f->away);
    return json_pack(
        "{s:s,s:s,s:I,s:o,s:I,s:I,s:I,s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:s,s:o}",
        "product", ask->product->name, "version", ask->release->version, "release",
        (json_int_t)ask->release->number, "plan", json_plan(&ask->plan), "members", (json_int_t)places->count,
        "unfit", (json_int_t)places->unfit, "unplaced", (json_int_t)places->unplaced, "filtered",
        (json_int_t)places->filtered, "warnings", json_warnings(&ask->plan, places->members), "rings", rings,
        "by_patch", sum.by_patch, "by_compressed", sum.by_compressed, "by_image", sum.by_image, "bytes",
        sum.bytes, "full_bytes", sum.full_bytes, "cost",
        prices->count > 0 ? json_real(round(sum.cost * 100) / 100) : json_null(), "takes_s",
        json_span(&play->takes), "runs", (json_int_t)play->runs, "finished", (json_int_t)play->finished,
        "held", (json_int_t)play->held, "halted", (json_int_t)play->halted, "reason", play->reason, "assumes",
        assumes);
}

void api_forecast(struct api *api, struct http_request *req, struct api_ask *ask)
{
    struct fleet_places places;
    struct fleet_refusal refusal;
    struct forecast_result play;
    struct prices prices = {.count = 0};
    if (!read_prices(req, &prices))
        return;
    struct fleet_forecast *forecast = fleet_need(malloc(sizeof *forecast));
    fleet_lock(api->fleet);
    int result =
        fleet_rollout_places(ask->product, ask->release, &ask->plan, ask->supersede, &places, &refusal);
    if (result == 0)
        fleet_forecast_gather(api->fleet, ask->product, &ask->plan, ask->release, &places, forecast);
    fleet_unlock(api->fleet);
    if (result != 0) {
        free(forecast);
        api_refuse(req, &refusal);
        return;
    }
    if (rollout_forecast(&forecast->input, &play) != 0)
        fleet_need(NULL);
    api_reply(req, 200, json_forecast(ask, &places, forecast, &play, &prices));
    fleet_forecast_free(forecast);
    fleet_places_free(&places);
    free(forecast);
}
