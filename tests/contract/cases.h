/* SPDX-License-Identifier: MIT */
/*
 * cases - the lists of tests that make up the contract.
 */
#ifndef WAY_TESTS_CASES_H
#define WAY_TESTS_CASES_H

/* Each runs its list and returns how many tests failed. */
int run_row_cases(void);
int run_list_cases(void);
int run_race_cases(void);
int run_feed_cases(void);
int run_history_cases(void);
int run_past_cases(void);
int run_prune_cases(void);
int run_migrate_cases(void);
int run_takeover_cases(void);
/* Of one engine only. */
int run_sqlite_takeover_cases(void);
int run_sqlite_cases(void);
int run_mariadb_takeover_cases(void);
int run_mariadb_cases(void);

#endif
