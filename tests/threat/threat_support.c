/* See threat_support.h. */
#include "threat_support.h"

#include "sign_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world *threat_world(const char *scenario)
{
    static bool chance_is_fixed;
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    if (!chance_is_fixed)
        firmware_use_fixed_chance();
    chance_is_fixed = true;
    world_open(w, matrix_scenario_find(scenario), 16384);
    return w;
}

void threat_close(struct world *w)
{
    free(w->server.replaced.blocks);
    world_close(w);
    free(w);
}

void threat_offer(struct world *w, const uint8_t *bytes, uint32_t size, const struct ot_digest *target)
{
    struct firmware *f = &w->server.replaced;
    free(f->blocks);
    *f = w->set.f[w->server.replaces];
    f->blocks = NULL;
    f->bytes = malloc(size);
    assert_non_null(f->bytes);
    memcpy(f->bytes, bytes, size);
    f->size = size;
    firmware_rehash(f);
    if (target != NULL)
        f->identity = *target;
    w->server.replace_bytes = f->bytes;
    world_restore(w, &w->start);
    (void)(world_run(w) && world_judge(w));
    free(f->bytes);
    f->bytes = NULL;
    w->server.replace_bytes = NULL;
}

void threat_expect_sound(struct world *w)
{
    if (w->violation[0] != '\0')
        fail_msg("%s", w->violation);
}

void threat_expect_refused_somehow(struct world *w)
{
    const struct ledger_attempt *a = &w->o.ledger.attempts[0];
    threat_expect_sound(w);
    assert_int_equal(a->outcome, OT_EVENT_FAILED);
    assert_int_equal(w->o.truth.running, FIRMWARE_A);
    assert_true(firmware_is_whole(&w->set, &w->nor, 0, FIRMWARE_A));
}

void threat_expect_refused(struct world *w, enum ot_status reason)
{
    threat_expect_refused_somehow(w);
    if (w->o.ledger.attempts[0].reason != reason)
        fail_msg("refused as %s, not as %s", ot_status_wire(w->o.ledger.attempts[0].reason),
                 ot_status_wire(reason));
}

void threat_expect_updated(struct world *w)
{
    threat_expect_sound(w);
    assert_int_equal(w->o.ledger.attempts[0].outcome, OT_EVENT_CONFIRMED);
    assert_int_equal(w->o.truth.running, FIRMWARE_B);
}

uint8_t *threat_copy_b(const struct world *w, uint32_t *size)
{
    const struct firmware *f = &w->set.f[FIRMWARE_B];
    uint8_t *copy = malloc(f->size);
    assert_non_null(copy);
    memcpy(copy, f->bytes, f->size);
    *size = f->size;
    return copy;
}

uint8_t *threat_sign(const uint8_t *image, uint32_t size, unsigned key, uint32_t *signed_size)
{
    struct sign_key *signer[1] = {firmware_key(key)};
    return sign_file(image, size, signer, 1, signed_size);
}

void threat_suite(const char *id, const char *scenario, uint32_t sample)
{
    for (unsigned i = 0; i < matrix_suite_count; i++) {
        const struct suite *s = &matrix_suites[i];
        if (strcmp(s->id, id) != 0)
            continue;
        struct world *w = threat_world(scenario);
        struct run run = {.suite = s->id, .bytes = 16384, .sample = sample, .jobs = 1};
        s->run(&run, w);
        print_message("%s %s: %u cases\n", id, scenario, (unsigned)run.cases);
        assert_true(run.cases > 0);
        assert_int_equal(run.violations, 0);
        threat_close(w);
        return;
    }
    fail_msg("no suite %s", id);
}
