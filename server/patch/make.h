/**
 * One patch, or compressed image, made by a process of its own: what a hostile or an unlucky image can cost is bounded in memory and processor
 * time, and a maker that dies takes nothing with it.
 *
 * The process is this program again, called as `otariad --make-patch BASE TARGET OUT PARENT`, BASE `-` for a compressed image. It runs at a low priority,
 * with PATCH_MEMORY_MAX of memory and PATCH_SECONDS_MAX of processor time, ends with its parent, writes OUT, reads it
 * back and applies it: only a patch that gave the target byte for byte from the bytes on disk is a success.
 */
#ifndef PATCH_MAKE_H
#define PATCH_MAKE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#define PATCH_MEMORY_MAX  (768u << 20) /* 16 MiB images need about a quarter of it */
#define PATCH_SECONDS_MAX 600u
#define PATCH_REASON_MAX  120u

/** The process that makes, for whoever wants to end it. */
struct patch_process {
    pthread_mutex_t lock;
    pid_t pid; /* 0: none runs */
    bool stops;
};

/** What the child does; its exit status is the answer. `parent`: number of the process that started it, in decimal. */
int patch_make_main(const char *base, const char *target, const char *out, const char *parent);
/**
 * Run the child and wait for it. `base` NULL: the target is compressed.
 *
 * @return true: OUT holds a proved patch. false: `reason` says why not, for a person; OUT may or may not exist.
 */
bool patch_make(struct patch_process *process, const char *base, const char *target, const char *out,
                char reason[PATCH_REASON_MAX]);
/** From another thread: ends the child, and any later one at once. */
void patch_make_stop(struct patch_process *process);

#endif
