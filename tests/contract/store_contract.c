/* SPDX-License-Identifier: MIT */
/*
 * usage: store_contract sqlite|mariadb
 *
 * Every test here holds for every database behind store/store.h, except those of the two last lists.
 */
#include "cases.h"
#include "fixture.h"

#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    bool is_mariadb = argc == 2 && strcmp(argv[1], "mariadb") == 0;
    int failed = 0;

    if (argc != 2 || (!is_mariadb && strcmp(argv[1], "sqlite") != 0)) {
        (void)fprintf(stderr, "usage: %s sqlite|mariadb\n", argv[0]);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    fixture_choose(is_mariadb ? WAY_ENGINE_MARIADB : WAY_ENGINE_SQLITE);
    (void)fixture_group_setup(NULL);
    failed += run_row_cases();
    failed += run_list_cases();
    failed += run_race_cases();
    failed += run_migrate_cases();
    failed += run_takeover_cases();
    failed += is_mariadb ? run_mariadb_cases() : run_sqlite_cases();
    (void)fixture_group_teardown(NULL);
    return failed == 0 ? 0 : 1;
}
