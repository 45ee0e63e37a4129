/* Worker threads over a binary heap of due times. One mutex: a step takes milliseconds, the heap microseconds. */
#include "pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct due {
    uint64_t at_ms;
    unsigned item;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct due *heap; /* [0, waiting): smallest first */
    unsigned waiting, running, items;
    bool stopping;
    pool_step *step;
    void *ctx;
    unsigned threads;
    struct worker {
        struct pool *pool;
        pthread_t thread;
    } worker[];
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static struct timespec at(uint64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000u), .tv_nsec = (long)(ms % 1000u) * 1000000L};
}

static void swap(struct due *a, struct due *b)
{
    struct due t = *a;
    *a = *b;
    *b = t;
}

static void push(struct pool *p, struct due d)
{
    unsigned i = p->waiting++;
    p->heap[i] = d;
    while (i > 0 && p->heap[i].at_ms < p->heap[(i - 1) / 2].at_ms) {
        swap(&p->heap[i], &p->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static struct due pop(struct pool *p)
{
    struct due first = p->heap[0];
    p->heap[0] = p->heap[--p->waiting];
    for (unsigned i = 0;;) {
        unsigned child = 2 * i + 1;
        if (child + 1 < p->waiting && p->heap[child + 1].at_ms < p->heap[child].at_ms)
            child++;
        if (child >= p->waiting || p->heap[i].at_ms <= p->heap[child].at_ms)
            return first;
        swap(&p->heap[i], &p->heap[child]);
        i = child;
    }
}

/* With the lock held: the next due item, or false when the pool is stopping or nothing is left. */
static bool next(struct pool *p, unsigned *item)
{
    while (!p->stopping && (p->waiting > 0 || p->running > 0)) {
        uint64_t now = now_ms();
        if (p->waiting > 0 && p->heap[0].at_ms <= now) {
            *item = pop(p).item;
            return true;
        }
        if (p->waiting > 0) {
            struct timespec until = at(p->heap[0].at_ms);
            pthread_cond_timedwait(&p->changed, &p->lock, &until);
        } else {
            pthread_cond_wait(&p->changed, &p->lock);
        }
    }
    return false;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct pool *p = w->pool;
    unsigned number = (unsigned)(w - p->worker), item;
    pthread_mutex_lock(&p->lock);
    while (next(p, &item)) {
        p->running++;
        pthread_mutex_unlock(&p->lock);
        uint32_t wait_ms = p->step(p->ctx, item, number);
        pthread_mutex_lock(&p->lock);
        p->running--;
        if (wait_ms != POOL_DONE)
            push(p, (struct due){.at_ms = now_ms() + wait_ms, .item = item});
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static struct pool *allocate(unsigned items, unsigned threads)
{
    struct pool *p = calloc(1, sizeof *p + threads * sizeof p->worker[0]);
    pthread_condattr_t attr;
    if (p == NULL)
        return NULL;
    p->heap = calloc(items > 0 ? items : 1, sizeof *p->heap);
    if (p->heap == NULL) {
        free(p);
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->changed, &attr);
    pthread_condattr_destroy(&attr);
    return p;
}

struct pool *pool_start(unsigned items, const uint32_t *first_ms, unsigned threads, pool_step *step,
                        void *ctx)
{
    struct pool *p = allocate(items, threads);
    if (p == NULL)
        return NULL;
    p->step = step;
    p->ctx = ctx;
    p->items = items;
    uint64_t now = now_ms();
    for (unsigned i = 0; i < items; i++)
        push(p, (struct due){.at_ms = now + first_ms[i], .item = i});
    while (p->threads < threads) {
        struct worker *w = &p->worker[p->threads];
        w->pool = p;
        if (pthread_create(&w->thread, NULL, work, w) != 0)
            break;
        p->threads++;
    }
    if (p->threads == 0 && threads > 0) {
        pool_stop(p);
        return NULL;
    }
    return p;
}

unsigned pool_left(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    unsigned left = p->waiting + p->running;
    pthread_mutex_unlock(&p->lock);
    return left;
}

bool pool_wait(struct pool *p, uint32_t ms)
{
    struct timespec until = at(now_ms() + ms);
    bool done;
    pthread_mutex_lock(&p->lock);
    while (p->waiting + p->running > 0 && pthread_cond_timedwait(&p->changed, &p->lock, &until) == 0)
        ;
    done = p->waiting + p->running == 0;
    pthread_mutex_unlock(&p->lock);
    return done;
}

void pool_stop(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads; i++)
        pthread_join(p->worker[i].thread, NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p->heap);
    free(p);
}
