/** Suites of the matrix: how cases are counted, selected, spread over processes, and reported. */
#ifndef MATRIX_SUITE_H
#define MATRIX_SUITE_H

#include "recording.h"

#define KEY_MAX 6u

/** One run of one suite in one process. */
struct run {
    const char *suite;
    uint32_t bytes;     /* of the images */
    uint32_t sample;    /* every n-th case only; 1: all */
    uint32_t jobs, job; /* cases are dealt out by number */
    bool verbose;
    /* one case only: the numbers of its key */
    const char *only_scenario;
    int only_count;
    uint32_t only[KEY_MAX];
    /* results */
    uint64_t numbered, cases, violations;
    uint32_t shown;
};

struct suite {
    const char *id, *what;
    uint32_t default_bytes;
    void (*run)(struct run *run, struct world *w);
    const char *scenario; /* the only one; NULL: all */
};

extern const struct suite matrix_suites[];
extern const unsigned matrix_suite_count;

/** May keys that begin with these numbers be run at all? */
bool run_wants(const struct run *r, const uint32_t *key, int count);
/** Number the case; true when it is this process's to run. */
bool run_takes(struct run *r, const uint32_t *key, int count);
/** Where the next update takes most of a case's time: every sixteenth case, by its key, and each that is replayed. */
bool run_goes_on(const struct run *r, const uint32_t *key, int count);
/** Count it, and report a violation with the command that replays it. */
void run_report(struct run *r, struct world *w, bool good, const uint32_t *key, int count, const char *what);

/** Run the device to its end and judge; with the next update when `next`. */
bool run_to_end(struct world *w, bool next);

#endif
