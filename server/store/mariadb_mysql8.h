/* SPDX-License-Identifier: MIT */
/*
 * store/mariadb_mysql8 - where MySQL 8 speaks differently from MariaDB.
 *
 * Purpose  All differences in one place. UNTESTED: no MySQL server takes part in our tests;
 *          this is written after its manual.
 * Owns     Nothing.
 * Threads  As the session.
 * Errors   -
 */
#ifndef WAY_STORE_MARIADB_MYSQL8_H
#define WAY_STORE_MARIADB_MYSQL8_H

#include <stdbool.h>

struct st_mysql;

/* No Galera. */
#define WAY_MYSQL8_SQL_SERVER "SELECT @@global.read_only, @@innodb_read_only, 0"

bool way_mysql8_is(struct st_mysql *mysql);
/* Runs `sql`, which is MariaDB's, in MySQL's words: its names for collations that do not pad, no IF
 * NOT EXISTS on an index, another name for the limit of time. False: see mysql_errno(). */
bool way_mysql8_query(struct st_mysql *mysql, const char *sql);

#endif
