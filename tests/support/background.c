/* Programs beside a test: see background.h. */
#include "background.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int make_file(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        abort();
    return file;
}

void background_start(struct background *b, const char *const argv[], const char *out_path,
                      const char *err_path)
{
    pid_t parent = getpid();
    int out = make_file(out_path), err = make_file(err_path);
    fflush(NULL);
    b->pid = fork();
    if (b->pid < 0)
        abort();
    if (b->pid > 0) {
        close(out);
        close(err);
        return;
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(err, STDERR_FILENO) < 0)
        _exit(126);
    execv(argv[0], (char *const *)(const void *)argv);
    _exit(127);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool wait_until(bool (*is_so)(void *ctx), void *ctx, unsigned seconds)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    for (double end = now_s() + seconds;; nanosleep(&pause, NULL)) {
        if (is_so(ctx))
            return true;
        if (now_s() >= end)
            return false;
    }
}

struct waiting {
    pid_t pid;
    int status;
};

static bool has_ended(void *ctx)
{
    struct waiting *w = ctx;
    return waitpid(w->pid, &w->status, WNOHANG) == w->pid;
}

int background_wait(struct background *b, unsigned seconds)
{
    struct waiting w = {.pid = b->pid};
    if (!wait_until(has_ended, &w, seconds))
        return -2;
    b->pid = 0;
    if (WIFEXITED(w.status) && (WEXITSTATUS(w.status) == 126 || WEXITSTATUS(w.status) == 127)) {
        fprintf(stderr, "a program could not be started\n");
        abort();
    }
    return WIFEXITED(w.status) ? WEXITSTATUS(w.status) : -1;
}

int background_stop(struct background *b, int signal, unsigned seconds)
{
    if (b->pid == 0)
        return 0;
    kill(b->pid, signal);
    int code = background_wait(b, seconds);
    if (code == -2) {
        kill(b->pid, SIGKILL);
        (void)background_wait(b, seconds);
    }
    return code;
}
