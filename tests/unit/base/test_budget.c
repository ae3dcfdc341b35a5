/* SPDX-License-Identifier: MIT */
#include "base/budget.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h> /* wants the others first */

enum { THREADS = 4, ROUNDS = 20000, MOST = 3 };

static void a_budget_is_taken_to_its_last_byte(void **state)
{
    struct way_budget budget;

    (void)state;
    way_budget_init(&budget, 100);
    assert_true(way_budget_take(&budget, 60));
    assert_false(way_budget_take(&budget, 41));
    assert_int_equal(way_budget_used(&budget), 60);
    assert_true(way_budget_take(&budget, 40));
    assert_false(way_budget_take(&budget, 1));
    assert_true(way_budget_take(&budget, 0));
    way_budget_give(&budget, 100);
    assert_int_equal(way_budget_used(&budget), 0);
}

static void a_size_beyond_all_memory_does_not_wrap(void **state)
{
    struct way_budget budget;

    (void)state;
    way_budget_init(&budget, 100);
    assert_true(way_budget_take(&budget, 1));
    assert_false(way_budget_take(&budget, SIZE_MAX));
    assert_int_equal(way_budget_used(&budget), 1);
}

static void *take_and_give(void *argument)
{
    struct way_budget *budget = argument;
    bool is_kept = true;

    for (size_t i = 0; i < ROUNDS; i++) {
        if (way_budget_take(budget, 1)) {
            is_kept = is_kept && way_budget_used(budget) <= MOST;
            way_budget_give(budget, 1);
        }
    }
    return is_kept ? budget : NULL;
}

static void threads_never_take_more_than_there_is(void **state)
{
    struct way_budget budget;
    pthread_t threads[THREADS];

    (void)state;
    way_budget_init(&budget, MOST);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &budget), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *kept = NULL;

        assert_int_equal(pthread_join(threads[i], &kept), 0);
        assert_non_null(kept);
    }
    assert_int_equal(way_budget_used(&budget), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_is_taken_to_its_last_byte),
        cmocka_unit_test(a_size_beyond_all_memory_does_not_wrap),
        cmocka_unit_test(threads_never_take_more_than_there_is),
    };

    return cmocka_run_group_tests_name("base/budget", tests, NULL, NULL);
}
