/**
 * Planted bugs of the rollout engine, numbered from 101: scripts/mutants 101 ... says which property or test notices each.
 * How they work: otaria/planted.h. Private to server/rollout.
 */
#ifndef ROLLOUT_PLANTED_H
#define ROLLOUT_PLANTED_H

#include "otaria/planted.h"

/** What each takes away; scripts/mutants reads this list. */
#define ROLLOUT_PLANTED_LIST(X)                                                                              \
    X(101, "a paused rollout still makes offers")                                                            \
    X(102, "a ring holds one attempt more than its bound")                                                   \
    X(103, "confirmed counts whatever the device runs")                                                      \
    X(104, "soak counts the whole gap between two check-ins")                                                \
    X(105, "the state that a member leaves is still counted")                                                \
    X(106, "a widened bound is not told to the database")                                                    \
    X(107, "a ring passes before its devices have soaked")                                                   \
    X(108, "a ring passes while attempts are in flight")                                                     \
    X(109, "a device that is silent behind its switch is waited for")                                        \
    X(110, "a ring out of time is not held")                                                                 \
    X(111, "silence is not judged as harm")                                                                  \
    X(112, "one harmed device halts")                                                                        \
    X(113, "the bound doubles with every look at it")                                                        \
    X(114, "a device in the middle of an attempt is offered another")                                        \
    X(115, "late reports of an outcome count again")                                                         \
    X(116, "not enough evidence passes")                                                                     \
    X(117, "an abort leaves offers in force")                                                                \
    X(118, "a device that confirmed is never missed")                                                        \
    X(119, "a gate that too few report to passes")                                                           \
    X(120, "a ring is compared again at every end")                                                          \
    X(121, "who waits counts as control wherever it belongs")                                                \
    X(122, "harm to one kind of device is weighed with all alone")                                           \
    X(123, "crashes of one kind of device are weighed with all alone")                                       \
    X(124, "a kind with too few devices in a ring stays where it is")

#endif
