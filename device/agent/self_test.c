/* Named checks: see agent/self_test.h. */
#include "agent/self_test.h"

static void begin_try(struct ot_self_test *t, uint64_t now_ms)
{
    t->is_first = true;
    t->since_ms = now_ms;
}

void ot_self_test_start(struct ot_self_test *t, const struct ot_check *checks, uint32_t count,
                        uint64_t now_ms)
{
    *t = (struct ot_self_test){.checks = checks, .count = (uint8_t)(count <= OT_CHECKS_MAX ? count : 0)};
    if (count > OT_CHECKS_MAX)
        t->failed = "too_many_checks";
    begin_try(t, now_ms);
}

static void next_check(struct ot_self_test *t, uint64_t now_ms)
{
    t->at++;
    t->tries = 0;
    begin_try(t, now_ms);
}

/* A try has failed: once more, or that was it for this check. */
static enum ot_self_test_state try_failed(struct ot_self_test *t, uint64_t now_ms)
{
    const struct ot_check *check = &t->checks[t->at];
    if (t->tries < check->retries) {
        t->tries++;
        begin_try(t, now_ms);
        return OT_SELF_TEST_RUNNING;
    }
    if (check->required) {
        t->failed = check->name;
        return OT_SELF_TEST_FAILED;
    }
    t->optional_failed |= 1u << t->at;
    next_check(t, now_ms);
    return OT_SELF_TEST_RUNNING;
}

enum ot_self_test_state ot_self_test_step(struct ot_self_test *t, uint64_t now_ms)
{
    if (t->failed != NULL)
        return OT_SELF_TEST_FAILED;
    if (t->at == t->count)
        return OT_SELF_TEST_PASSED;
    const struct ot_check *check = &t->checks[t->at];
    enum ot_self_test_state state = check->run(check->ctx, t->is_first);
    t->is_first = false;
    if (state == OT_SELF_TEST_RUNNING && check->deadline_ms != 0 &&
        now_ms - t->since_ms >= check->deadline_ms)
        state = OT_SELF_TEST_FAILED;
    if (state == OT_SELF_TEST_FAILED)
        return try_failed(t, now_ms);
    if (state == OT_SELF_TEST_PASSED)
        next_check(t, now_ms);
    return t->at == t->count ? OT_SELF_TEST_PASSED : OT_SELF_TEST_RUNNING;
}

const char *ot_self_test_failed(const struct ot_self_test *t)
{
    return t->failed;
}
