/* A patch made, and proved, in a process with limits: see make.h. */
#include "make.h"

#include "base/file.h"
#include "tools/delta.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define IMAGE_MAX    (16u << 20)
#define NO_BASE      "-"
#define EXIT_STORAGE 250 /* statuses are 1 to 148, negated */

extern char **environ;

/* --- the child --- */

static int limit(int what, rlim_t to)
{
    struct rlimit r = {.rlim_cur = to, .rlim_max = to};
    return setrlimit((__rlimit_resource_t)what, &r);
}

static void bind_hands(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_STORAGE); /* it had died before the line above */
    close_range(3, ~0u, 0);
    setpriority(PRIO_PROCESS, 0, 10);
    limit(RLIMIT_CPU, PATCH_SECONDS_MAX);
    limit(RLIMIT_CORE, 0);
#if !defined(__SANITIZE_ADDRESS__) &&                                                                        \
    !defined(__SANITIZE_THREAD__) /* they reserve address space by the terabyte */
    limit(RLIMIT_AS, PATCH_MEMORY_MAX);
#endif
}

static int load(const char *path, struct delta_file *out, uint8_t **bytes)
{
    size_t len = 0;
    struct error err;
    if (file_read(path, IMAGE_MAX, bytes, &len, &err) != 0)
        return -1;
    *out = (struct delta_file){.bytes = *bytes, .size = (uint32_t)len};
    return 0;
}

/* What is on disk, applied: not what was in memory. */
static enum ot_status prove(const struct delta_file *base, const struct delta_file *target, const char *path)
{
    struct delta_file patch;
    uint8_t *bytes = NULL, *result = NULL;
    uint32_t size = 0;
    if (load(path, &patch, &bytes) != 0)
        return OT_E_READ;
    enum ot_status st = delta_apply(base, &patch, &result, &size);
    if (st == OT_OK && (size != target->size || memcmp(result, target->bytes, size) != 0))
        st = OT_E_PATCH_RESULT;
    free(result);
    free(bytes);
    return st;
}

static int make(const struct delta_file *base, const struct delta_file *target, const char *out)
{
    struct delta_patch patch;
    struct error err;
    enum ot_status st = base != NULL ? delta_make(base, target, &patch) : delta_make_full(target, &patch);
    if (st != OT_OK)
        return -(int)st;
    int result = file_write_atomic(out, patch.bytes, patch.size, 0640, &err);
    delta_patch_free(&patch);
    return result != 0 ? EXIT_STORAGE : -(int)prove(base, target, out);
}

int patch_make_main(const char *base_path, const char *target_path, const char *out, const char *parent)
{
    struct delta_file base, target;
    uint8_t *base_bytes = NULL, *target_bytes = NULL;
    bind_hands((pid_t)strtol(parent, NULL, 10));
    int result = EXIT_STORAGE;
    bool has_base = strcmp(base_path, NO_BASE) != 0;
    if ((!has_base || load(base_path, &base, &base_bytes) == 0) &&
        load(target_path, &target, &target_bytes) == 0)
        result = make(has_base ? &base : NULL, &target, out);
    free(base_bytes);
    free(target_bytes);
    return result;
}

/* --- the parent --- */

static bool judge(int status, char reason[PATCH_REASON_MAX])
{
    if (WIFSIGNALED(status)) {
        int sig = WTERMSIG(status);
        const char *why = sig == SIGXCPU ? "took too much time" : "was ended";
        snprintf(reason, PATCH_REASON_MAX, "the maker %s (signal %d)", why, sig);
        return false;
    }
    int code = WEXITSTATUS(status);
    if (code == 0)
        return true;
    if (code == EXIT_STORAGE)
        snprintf(reason, PATCH_REASON_MAX, "the artifact directory could not be read or written");
    else if (code == -(int)OT_E_BUFFER)
        snprintf(reason, PATCH_REASON_MAX, "the maker needs more than %u MiB of memory",
                 PATCH_MEMORY_MAX >> 20);
    else
        snprintf(reason, PATCH_REASON_MAX, "the maker: %s", ot_status_text((enum ot_status) - code));
    return false;
}

/* Started with the lock held, so that a stop finds it. */
static int start(struct patch_process *process, char *const argv[], char reason[PATCH_REASON_MAX])
{
    pid_t pid = 0;
    pthread_mutex_lock(&process->lock);
    int result = process->stops ? ECANCELED : posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
    process->pid = result == 0 ? pid : 0;
    pthread_mutex_unlock(&process->lock);
    if (result != 0)
        snprintf(reason, PATCH_REASON_MAX, "the maker did not start: %s", strerror(result));
    return result;
}

/* Waits without reaping: until the lock is taken the number stays this child's, and a stop cannot hit another. */
static int finish(struct patch_process *process)
{
    siginfo_t info;
    int status = 0;
    while (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        continue;
    pthread_mutex_lock(&process->lock);
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    process->pid = 0;
    pthread_mutex_unlock(&process->lock);
    return status;
}

bool patch_make(struct patch_process *process, const char *base, const char *target, const char *out,
                char reason[PATCH_REASON_MAX])
{
    char name[] = "otariad", verb[] = "--make-patch", parent[16];
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    char *const argv[] = {name,
                          verb,
                          (char *)(uintptr_t)(base != NULL ? base : NO_BASE),
                          (char *)(uintptr_t)target,
                          (char *)(uintptr_t)out,
                          parent,
                          NULL};
    reason[0] = '\0';
    return start(process, argv, reason) == 0 && judge(finish(process), reason);
}

void patch_make_stop(struct patch_process *process)
{
    pthread_mutex_lock(&process->lock);
    process->stops = true;
    if (process->pid != 0)
        kill(process->pid, SIGKILL);
    pthread_mutex_unlock(&process->lock);
}
