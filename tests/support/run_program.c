/* fork, exec, and both outputs through temporary files: no pipe can fill up. */
#include "run_program.h"

#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *read_back(FILE *f)
{
    long len = ftell(f);
    if (fseek(f, 0, SEEK_END) != 0 || (len = ftell(f)) < 0)
        abort();
    char *text = calloc(1, (size_t)len + 1);
    rewind(f);
    if (text == NULL || fread(text, 1, (size_t)len, f) != (size_t)len)
        abort();
    fclose(f);
    return text;
}

static void become(const char *const argv[], int out, int err)
{
    size_t count = 0;
    while (argv[count] != NULL)
        count++;
    char **copy = calloc(count + 1, sizeof *copy); /* execv wants them writable */
    for (size_t i = 0; copy != NULL && i < count; i++)
        copy[i] = strdup(argv[i]);
    if (copy == NULL || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
        _exit(126);
    execv(copy[0], copy);
    _exit(127);
}

static struct run_result result_of(int status, const char *program)
{
    struct run_result r = {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1};
    if (r.exit_code == 126 || r.exit_code == 127) {
        fprintf(stderr, "%s could not be started\n", program);
        abort();
    }
    return r;
}

struct run_result run_on_terminal(const char *const argv[])
{
    int status = 0, terminal = -1;
    char *text = NULL, buf[512];
    size_t len = 0;
    ssize_t n;
    fflush(NULL);
    pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
    if (pid == 0)
        become(argv, STDOUT_FILENO, STDERR_FILENO);
    FILE *out = open_memstream(&text, &len);
    if (pid < 0 || out == NULL)
        abort();
    while ((n = read(terminal, buf, sizeof buf)) > 0) /* ends with EIO when the program has ended */
        fwrite(buf, 1, (size_t)n, out);
    fclose(out);
    close(terminal);
    if (waitpid(pid, &status, 0) != pid)
        abort();
    struct run_result r = result_of(status, argv[0]);
    r.out = text;
    return r;
}

struct run_result run_program(const char *const argv[])
{
    FILE *out = tmpfile(), *err = tmpfile();
    int status = 0;
    if (out == NULL || err == NULL)
        abort();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        become(argv, fileno(out), fileno(err));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        abort();
    struct run_result r = result_of(status, argv[0]);
    r.out = read_back(out);
    r.err = read_back(err);
    return r;
}

void run_result_free(struct run_result *r)
{
    free(r->out);
    free(r->err);
    r->out = r->err = NULL;
}
