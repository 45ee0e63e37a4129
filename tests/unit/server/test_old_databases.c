/*
 * A database of any older schema opens and means what it meant: for each version one is made by the migrations up to it,
 * with a product, a device and a running rollout as that server wrote them, and opened by this one.
 */
#include "fleet/fleet.h"
#include "old_database.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *dir)
{
    struct error err = {{0}};
    struct fleet *f = fleet_open(dir, 60, NULL, &err);
    if (f == NULL)
        fail_msg("%s", err.text);
    const struct fleet_product *p = fleet_product(f, "lamp");
    assert_true(p != NULL && p->rings.count == 3 && p->strata.count == 0 && p->trust_count == 1);
    const struct fleet_device *d = fleet_device(p, "lamp-0001");
    assert_true(d != NULL && d->seq == 4 && d->tag_count == 1 && d->membership_count == 1);
    const struct fleet_rollout *r = fleet_rollout(f, 9);
    assert_true(r != NULL && r->engine.state == ROLLOUT_RUNNING && r->filter == NULL);
    assert_true(r->engine.plan.soak_s == 0 && r->engine.plan.rings.count == 3 &&
                r->engine.stratum_count == 0);
    assert_int_equal(r->engine.members[0].state, ATTEMPT_DOWNLOADING);
    assert_true(r->engine.members[0].attempt == 12 && r->engine.members[0].ring == 0);
    assert_null(rollout_check(&r->engine));
    fleet_tick(f);
    assert_null(rollout_check(&r->engine));
    fleet_close(f);
}

static void every_older_schema_opens_and_means_what_it_meant(void **state)
{
    (void)state;
    for (int version = 1; version <= OLD_DATABASE_LAST; version++) {
        struct temp_dir dir;
        temp_dir_make(&dir);
        old_database_make(temp_path(&dir, "otaria.db"), version);
        check(dir.path);
        check(dir.path); /* and again, by what this server has written */
        temp_dir_remove(&dir);
    }
}

static void a_newer_schema_is_refused(void **state)
{
    struct temp_dir dir;
    struct error err = {{0}};
    (void)state;
    temp_dir_make(&dir);
    old_database_make(temp_path(&dir, "otaria.db"), OLD_DATABASE_LAST);
    old_database_claim(temp_path(&dir, "otaria.db"), OLD_DATABASE_LAST + 1);
    assert_null(fleet_open(dir.path, 60, NULL, &err));
    assert_true(err.text[0] != '\0');
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_older_schema_opens_and_means_what_it_meant),
        cmocka_unit_test(a_newer_schema_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
