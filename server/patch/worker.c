/* The background maker of patches and compressed images: see worker.h. */
#include "worker.h"

#include "artifact/artifact.h"
#include "base/file.h"
#include "base/log.h"
#include "fleet/patches.h"
#include "make.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_S 2 /* between two looks at a fleet that wants nothing */

struct patch_worker {
    struct fleet *fleet;
    pthread_t thread;
    struct patch_process process;
    pthread_cond_t wakes; /* with process.lock */
};

/* True when it is time to end. */
static bool sleep_a_while(struct patch_worker *w)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PAUSE_S;
    pthread_mutex_lock(&w->process.lock);
    while (!w->process.stops && pthread_cond_timedwait(&w->wakes, &w->process.lock, &until) != ETIMEDOUT)
        continue;
    bool stops = w->process.stops;
    pthread_mutex_unlock(&w->process.lock);
    return stops;
}

/* The made file becomes an artifact, under its own name. */
static int take(struct patch_worker *w, const char *path, struct fleet_patch *patch)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct artifact artifact;
    struct error err;
    if (file_read(path, ARTIFACT_BLOCK_BYTES * 512u, &bytes, &len, &err) != 0 || len > UINT32_MAX ||
        artifact_put(w->fleet->artifact_dir, bytes, len, &artifact, &err) != 0) {
        free(bytes);
        snprintf(patch->reason, sizeof patch->reason, "%.100s", err.text);
        return -1;
    }
    free(bytes);
    patch->sha256 = artifact.sha256;
    patch->bytes = (uint32_t)len;
    return 0;
}

static void tell(const struct fleet_patch_job *job, bool has_base, bool made)
{
    const struct fleet_patch *patch = &job->patch;
    char from[32] = "";
    if (has_base)
        snprintf(from, sizeof from, " base_release=%u", job->base_release);
    if (made)
        log_info(has_base ? "patch.made" : "compressed.made", "product=%s%s release=%u bytes=%u of=%u%s",
                 job->product, from, job->release, patch->bytes, job->target_bytes,
                 patch->state == PATCH_MADE ? "" : " note=\"not smaller, dropped\"");
    else
        log_warn(has_base ? "patch.failed" : "compressed.failed", "product=%s%s release=%u reason=\"%s\"",
                 job->product, from, job->release, patch->reason);
}

static void make(struct patch_worker *w, struct fleet_patch_job *job)
{
    char base[PATH_MAX], target[PATH_MAX], out[PATH_MAX];
    struct fleet_patch *patch = &job->patch;
    bool has_base = !ot_digest_is_zero(&job->base_sha256);
    artifact_path(w->fleet->artifact_dir, &job->base_sha256, base);
    artifact_path(w->fleet->artifact_dir, &job->target_sha256, target);
    snprintf(out, sizeof out, "%.3900s/patch.tmp.%d", w->fleet->artifact_dir, (int)getpid());
    bool made = patch_make(&w->process, has_base ? base : NULL, target, out, patch->reason) &&
                take(w, out, patch) == 0;
    unlink(out);
    patch->state = !made ? PATCH_FAILED : patch->bytes < job->worth_below ? PATCH_MADE : PATCH_DROPPED;
    tell(job, has_base, made);
}

static void *work(void *ctx)
{
    struct patch_worker *w = ctx;
    struct fleet_patch_job job;
    bool stops = false;
    while (!stops) {
        if (fleet_patch_next(w->fleet, &job)) {
            make(w, &job);
            pthread_mutex_lock(&w->process.lock);
            stops = w->process.stops; /* then it did not fail: it was ended */
            pthread_mutex_unlock(&w->process.lock);
            if (!stops)
                fleet_patch_put(w->fleet, &job);
        } else {
            stops = sleep_a_while(w);
        }
    }
    return NULL;
}

struct patch_worker *patch_worker_start(struct fleet *fleet, struct error *err)
{
    pthread_condattr_t monotonic;
    struct patch_worker *w = fleet_need(calloc(1, sizeof *w));
    w->fleet = fleet;
    pthread_mutex_init(&w->process.lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wakes, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int result = pthread_create(&w->thread, NULL, work, w);
    if (result == 0)
        return w;
    error_set(err, "no thread for patches: %s", strerror(result));
    free(w);
    return NULL;
}

void patch_worker_stop(struct patch_worker *w)
{
    if (w == NULL)
        return;
    patch_make_stop(&w->process);
    pthread_cond_signal(&w->wakes);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wakes);
    pthread_mutex_destroy(&w->process.lock);
    free(w);
}
