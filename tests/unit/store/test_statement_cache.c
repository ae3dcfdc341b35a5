/* SPDX-License-Identifier: MIT */
#include "store/statement_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static int dropped[WAY_STATEMENTS_MAX + 8];

static void drop(void *statement)
{
    ++*(int *)statement;
}

static void put(struct way_statement_cache *cache, size_t number)
{
    char sql[32];

    (void)snprintf(sql, sizeof sql, "SELECT %zu", number);
    assert_null(way_statement_cache_find(cache, sql));
    assert_int_equal(way_statement_cache_put(cache, sql, &dropped[number]), WAY_OK);
    assert_ptr_equal(way_statement_cache_find(cache, sql), &dropped[number]);
}

static void a_full_cache_drops_the_oldest_and_each_once(void **state)
{
    struct way_statement_cache cache;

    (void)state;
    way_statement_cache_init(&cache, drop);
    assert_null(way_statement_cache_find(&cache, ""));
    for (size_t i = 0; i < WAY_COUNT_OF(dropped); i++) {
        put(&cache, i);
    }
    assert_null(way_statement_cache_find(&cache, "SELECT 7"));
    assert_non_null(way_statement_cache_find(&cache, "SELECT 8"));
    for (size_t i = 0; i < WAY_COUNT_OF(dropped); i++) {
        assert_int_equal(dropped[i], i < 8);
    }
    way_statement_cache_fini(&cache);
    for (size_t i = 0; i < WAY_COUNT_OF(dropped); i++) {
        assert_int_equal(dropped[i], 1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_cache_drops_the_oldest_and_each_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
