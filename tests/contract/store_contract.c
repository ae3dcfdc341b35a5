/* SPDX-License-Identifier: MIT */
/*
 * usage: store_contract sqlite|mariadb [PATTERN]
 *
 * PATTERN chooses tests by name, with * and ?.
 * Every test here holds for every database behind store/store.h, except the lists that are named
 * after one.
 */
#include "cases.h"
#include "fixture.h"

#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    bool is_mariadb = argc > 1 && strcmp(argv[1], "mariadb") == 0;
    int failed = 0;

    if (argc < 2 || argc > 3 || (!is_mariadb && strcmp(argv[1], "sqlite") != 0)) {
        (void)fprintf(stderr, "usage: %s sqlite|mariadb [PATTERN]\n", argv[0]);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    if (argc == 3) {
        cmocka_set_test_filter(argv[2]);
    }
    fixture_choose(is_mariadb ? WAY_ENGINE_MARIADB : WAY_ENGINE_SQLITE);
    (void)fixture_group_setup(NULL);
    failed += run_row_cases();
    failed += run_list_cases();
    failed += run_race_cases();
    failed += run_feed_cases();
    failed += run_history_cases();
    failed += run_past_cases();
    failed += run_prune_cases();
    failed += run_migrate_cases();
    failed += run_takeover_cases();
    if (is_mariadb) {
        failed += run_mariadb_takeover_cases();
        failed += run_mariadb_cases();
    } else {
        failed += run_sqlite_takeover_cases();
        failed += run_sqlite_cases();
    }
    (void)fixture_group_teardown(NULL);
    return failed == 0 ? 0 : 1;
}
