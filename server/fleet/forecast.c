/* What a plan comes to for the devices as they are: see forecast.h. */
#include "forecast.h"

#include "patches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- bytes --- */

static const char *link_of(const struct fleet_device *d)
{
    for (uint8_t i = 0; i < d->facts.attribute_count; i++) {
        if (strcmp(d->facts.attributes[i].name, "link") == 0)
            return d->facts.attributes[i].value;
    }
    return "";
}

static struct fleet_link_bytes *find_link(struct fleet_forecast_ring *ring, const char *link)
{
    for (uint32_t i = 0; i < ring->link_count; i++) {
        if (strcmp(ring->links[i].link, link) == 0)
            return &ring->links[i];
    }
    if (ring->link_count == FLEET_LINKS_MAX)
        return &ring->links[FLEET_LINKS_MAX - 1];
    struct fleet_link_bytes *at = &ring->links[ring->link_count++];
    snprintf(at->link, sizeof at->link, "%s", ring->link_count == FLEET_LINKS_MAX ? "other" : link);
    return at;
}

/* What it will take: by the patches and compressed images that there are now. */
static void count_bytes(const struct fleet_device *d, const struct fleet_image *image,
                        struct fleet_forecast_ring *ring)
{
    const struct fleet_patch *patch = fleet_patch_for(image, &d->facts);
    struct fleet_link_bytes *link = find_link(ring, link_of(d));
    const struct fleet_patch *compressed = patch == NULL ? fleet_compressed_for(image, &d->facts) : NULL;
    uint32_t bytes = patch != NULL ? patch->bytes : compressed != NULL ? compressed->bytes : image->bytes;
    ring->by_patch += patch != NULL;
    ring->by_compressed += compressed != NULL;
    ring->by_image += patch == NULL && compressed == NULL;
    ring->bytes += bytes;
    ring->full_bytes += image->bytes;
    link->devices++;
    link->bytes += bytes;
}

/* --- devices --- */

static void look_at(const struct fleet *f, const struct rollout_plan *plan,
                    const struct fleet_release *release, const struct fleet_place *place,
                    struct fleet_forecast *out)
{
    const struct fleet_device *d = place->device;
    struct fleet_forecast_ring *ring = &out->rings[place->ring];
    struct forecast_device *as = &out->devices[out->input.count++];
    int64_t unheard_ms = fleet_wall_ms(f) - d->last_seen_ms;
    enum ot_status why;
    const struct fleet_image *image = fleet_pick_image(release, &d->facts, &why);
    int side = rollout_plan_source(plan, fleet_running_number(d));
    *as = (struct forecast_device){.ring = place->ring,
                                   .habit = d->habit,
                                   .unheard_s = unheard_ms > 0 ? (uint64_t)unheard_ms / 1000u : 0,
                                   .runs_it = fleet_runs_release(d, release)};
    as->is_barred = !as->runs_it && side != 0;
    out->away += as->unheard_s > (uint64_t)HABIT_AWAY_POLLS * f->poll_s;
    ring->runs_it += as->runs_it;
    ring->too_old += as->is_barred && side < 0;
    ring->too_new += as->is_barred && side > 0;
    if (image != NULL && !as->runs_it && !as->is_barred)
        count_bytes(d, image, ring);
}

/* --- how long attempts took --- */

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void look_at_attempts(const struct fleet_rollout *r, struct fleet_forecast *out)
{
    for (uint32_t i = 0; i < r->engine.member_count && out->attempts_seen < FLEET_ATTEMPTS; i++) {
        const struct rollout_member *m = &r->engine.members[i];
        if (m->state == ATTEMPT_CONFIRMED && m->attempt != 0 && m->changed_ms > m->offered_ms)
            out->attempt_s[out->attempts_seen++] = (uint32_t)((m->changed_ms - m->offered_ms + 999u) / 1000u);
    }
}

/* The newest rollouts say most. */
static void gather_attempts(const struct fleet_product *p, struct fleet_forecast *out)
{
    for (size_t i = p->rollout_count; i > 0; i--)
        look_at_attempts(p->rollouts[i - 1], out);
    out->input.attempt_s = out->attempt_s;
    out->input.attempt_count = out->attempts_seen;
    if (out->attempts_seen == 0) {
        out->attempt_s[0] = FLEET_ATTEMPT_S;
        out->input.attempt_count = 1;
    }
    qsort(out->attempt_s, out->input.attempt_count, sizeof out->attempt_s[0], by_size);
}

void fleet_forecast_gather(const struct fleet *f, const struct fleet_product *p,
                           const struct rollout_plan *plan, const struct fleet_release *release,
                           const struct fleet_places *places, struct fleet_forecast *out)
{
    memset(out, 0, sizeof *out);
    out->devices = fleet_need(calloc(places->count + 1, sizeof *out->devices));
    out->input = (struct forecast_input){
        .plan = plan, .poll_s = f->poll_s, .devices = out->devices, .seed = (uint64_t)release->id};
    for (size_t i = 0; i < places->count; i++)
        look_at(f, plan, release, &places->list[i], out);
    gather_attempts(p, out);
}

void fleet_forecast_free(struct fleet_forecast *forecast)
{
    free(forecast->devices);
}
