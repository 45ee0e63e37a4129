/*
 * The wall clock of another process, put forward or back by a test. Preloaded (LD_PRELOAD); what it adds stands in the
 * file that OTARIA_CLOCK_OFFSET names: 8 bytes, seconds, in the machine's byte order. The monotonic clock is left alone,
 * as it is when somebody sets a real clock.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_s;
static int (*real_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void prepare(void)
{
    const char *path = getenv("OTARIA_CLOCK_OFFSET");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof *offset_s, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        close(fd);
    if (at == MAP_FAILED)
        abort(); /* a test that believes it has moved the clock proves nothing */
    offset_s = at;
}

static int real_time(clockid_t id, struct timespec *t)
{
    if (real_gettime == NULL) {
        void *found = dlsym(RTLD_NEXT, "clock_gettime");
        __builtin_memcpy(&real_gettime, &found, sizeof found); /* ISO C has no cast between the two */
    }
    return real_gettime(id, t);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    int result = real_time(id, t);
    if (result == 0 && id == CLOCK_REALTIME && offset_s != NULL)
        t->tv_sec += *offset_s;
    return result;
}

time_t time(time_t *out)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_REALTIME, &t);
    if (out != NULL)
        *out = t.tv_sec;
    return t.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec t = {0};
    int result = clock_gettime(CLOCK_REALTIME, &t);
    (void)zone;
    *tv = (struct timeval){.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000};
    return result;
}
