/* Counting and reporting: see suite.h. */
#include "suite.h"

#include <inttypes.h>
#include <stdio.h>

#define SHOWN_MAX 20u

bool run_wants(const struct run *r, const uint32_t *key, int count)
{
    for (int i = 0; i < count && i < r->only_count; i++) {
        if (key[i] != r->only[i])
            return false;
    }
    return true;
}

bool run_takes(struct run *r, const uint32_t *key, int count)
{
    if (!run_wants(r, key, count) || (r->only_count > 0 && count != r->only_count))
        return false;
    uint64_t number = r->numbered++;
    if (number % r->sample != 0)
        return false;
    return number / r->sample % r->jobs == r->job;
}

bool run_goes_on(const struct run *r, const uint32_t *key, int count)
{
    uint32_t sum = 0;
    for (int i = 0; i < count; i++)
        sum = sum * 3u + key[i];
    return r->only_count > 0 || sum % 16u == 0;
}

static void print_key(const struct run *r, const struct world *w, const uint32_t *key, int count)
{
    printf("%s:%" PRIu32 ":%s", r->suite, r->bytes, w->scenario->id);
    for (int i = 0; i < count; i++)
        printf(":%" PRIu32, key[i]);
}

void run_report(struct run *r, struct world *w, bool good, const uint32_t *key, int count, const char *what)
{
    r->cases++;
    if (good)
        return;
    r->violations++;
    if (r->shown++ >= SHOWN_MAX)
        return;
    printf("violation  %s  %s\n    replay: matrix --replay ", what, w->violation);
    print_key(r, w, key, count);
    printf("\n");
    fflush(stdout);
}

bool run_to_end(struct world *w, bool next)
{
    return world_run(w) && world_judge(w) && (!next || world_next_update(w));
}
