/**
 * Planted bugs of what is stored and acknowledged, numbered from 201: scripts/mutants 201 ... says which test notices each.
 * How they work: otaria/planted.h. For server/store and server/fleet.
 */
#ifndef STORE_PLANTED_H
#define STORE_PLANTED_H

#include "otaria/planted.h"

/** What each takes away; scripts/mutants reads this list. */
#define STORE_PLANTED_LIST(X)                                                                                \
    X(201, "a change is answered before it is on disk")                                                      \
    X(202, "commits are not synced")                                                                         \
    X(203, "a repeated event counts again")                                                                  \
    X(204, "what a full disk did not take is answered all the same")                                         \
    X(205, "an offer is not stored")

#endif
