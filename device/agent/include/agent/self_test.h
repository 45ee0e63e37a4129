/**
 * Self test: named checks of a new image, one after the other, each with a deadline and retries.
 *
 *     static const struct ot_check checks[] = {
 *         {.name = "sensor", .run = read_sensor, .required = true, .deadline_ms = 5000},
 *         {.name = "wifi",   .run = is_connected, .required = true, .deadline_ms = 60000, .retries = 2},
 *         {.name = "clock",  .run = has_time, .deadline_ms = 10000},          // optional: noted, not fatal
 *     };
 *     static struct ot_self_test test;
 *     ot_self_test_start(&test, checks, 3, now_ms);                          // port.self_test_start
 *     state = ot_self_test_step(&test, now_ms);                              // port.self_test_poll
 *     if (state == OT_SELF_TEST_FAILED) ... ot_self_test_failed(&test) is the check's name ...
 *
 * A check function is called again and again until it says passed or failed; it must not block. It is called for the
 * first time of a try with `first` true. A try that takes longer than its deadline has failed.
 * RAM: the struct. Stack: 64 bytes and the check's own. Nothing is stored: a reset starts anew.
 */
#ifndef AGENT_SELF_TEST_H
#define AGENT_SELF_TEST_H

#include "agent/port.h"

#define OT_CHECKS_MAX 32u

struct ot_check {
    const char *name; /* [a-z0-9_]+, at most OT_CHECK_NAME_MAX; reported to the server */
    enum ot_self_test_state (*run)(void *ctx, bool first);
    void *ctx;
    bool required;
    uint8_t retries;      /* further tries after the first */
    uint32_t deadline_ms; /* of each try; 0: none, the agent's own deadline ends it */
};

struct ot_self_test {
    const struct ot_check *checks;
    uint8_t count, at, tries; /* tries of the present check so far */
    bool is_first;            /* of the present try */
    uint64_t since_ms;
    uint32_t optional_failed; /* bit i: check i */
    const char *failed;       /* the required check that did */
};

/** `checks` is borrowed and must stay; at most OT_CHECKS_MAX, what is more is an immediate failure. */
void ot_self_test_start(struct ot_self_test *t, const struct ot_check *checks, uint32_t count,
                        uint64_t now_ms);
/** One call of the present check. PASSED when all are done and no required one has failed. */
enum ot_self_test_state ot_self_test_step(struct ot_self_test *t, uint64_t now_ms);
/** Name of the required check that failed, or NULL. */
const char *ot_self_test_failed(const struct ot_self_test *t);

#endif
