/* SPDX-License-Identifier: MIT */
/*
 * store/mariadb_statement - prepared statements of a MariaDB session.
 *
 * Purpose  Values go in and rows come out in binary form: nothing is ever quoted.
 * Owns     A statement owns its result buffers; the session's cache owns the statements.
 * Threads  As the session.
 * Errors   As store/mariadb_session.h.
 *
 * Rows are taken from the network one by one, so a result of any size needs the memory of one row.
 * Many sets of values travel in one round trip, where the server can do that.
 */
#ifndef WAY_STORE_MARIADB_STATEMENT_H
#define WAY_STORE_MARIADB_STATEMENT_H

#include "store/mariadb_session.h"

/* See way_query. *insert_id (may be NULL): LAST_INSERT_ID() afterwards. */
WAY_MUST_CHECK enum way_status way_mariadb_statement_run(struct way_mariadb_session *session,
                                                         const struct way_query *query,
                                                         uint64_t *insert_id,
                                                         struct way_error *err);
/* For the cache. */
void way_mariadb_statement_drop(void *statement);

#endif
