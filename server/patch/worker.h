/**
 * The thread that makes patches in the background: asks the fleet which one is wanted most, makes it (make.h), hands it
 * back. One at a time; sleeps while nothing is wanted.
 */
#ifndef PATCH_WORKER_H
#define PATCH_WORKER_H

#include "fleet/fleet.h"

struct patch_worker;

/** NULL with a message. The fleet must outlive it. */
struct patch_worker *patch_worker_start(struct fleet *fleet, struct error *err);
/** Ends the maker that runs; returns when the thread has ended. NULL is allowed. */
void patch_worker_stop(struct patch_worker *w);

#endif
