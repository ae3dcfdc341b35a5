/* SPDX-License-Identifier: MIT */
/*
 * store/mariadb_session - one connection to one MariaDB server.
 *
 * Purpose  Connect to a given host with every setting made on purpose, run statements on
 *          it, and turn the client library's errors into ours.
 * Owns     The connection and its prepared statements.
 * Threads  One thread at a time.
 * Errors   As store/driver.h. A connection that broke, or on which time ran out, is lost:
 *          it is never used again, not even to roll back; the server does that when it sees it
 *          closed.
 *
 * Time     The client library's time-outs are whole seconds, fixed when connecting, and count for
 *          each round trip. So a call of several round trips is bounded by starting none once half
 *          of the time is gone:
 *
 *              ROUND_TRIP_START_MAX_MS + ROUND_TRIP_S          < WAY_STORE_CALL_MAX_MS
 *              HOST_START_MAX_MS + CONNECT_S + ROUND_TRIP_S    < WAY_STORE_CALL_MAX_MS
 *
 *          The server's own limits are shorter, so that a server which lives answers first.
 */
#ifndef WAY_STORE_MARIADB_SESSION_H
#define WAY_STORE_MARIADB_SESSION_H

#include "store/database_url.h"
#include "store/driver.h"
#include "store/statement_cache.h"

struct st_mysql;

enum {
    WAY_MARIADB_CONNECT_S = 2,
    WAY_MARIADB_ROUND_TRIP_S = 4,
    WAY_MARIADB_ROUND_TRIP_START_MAX_MS = 5000, /* of a call, after which it asks no more */
    WAY_MARIADB_HOST_START_MAX_MS = 3900,       /* of an open, after which it tries no more hosts */
};

struct way_mariadb_session {
    struct way_session base;
    struct st_mysql *mysql; /* owned */
    bool is_mysql8;         /* see store/mariadb_mysql8.h */
    bool holds_write;       /* from START TRANSACTION to the end of a write */
    bool has_bulk;          /* the server takes many sets of values in one round trip */
    struct way_statement_cache statements;
};

struct way_mariadb_session *way_mariadb_session_of(struct way_session *session);

/* Connects to hosts[host] of `url`, or to its socket. On failure *out is untouched. */
WAY_MUST_CHECK enum way_status
way_mariadb_session_open(struct way_store *store, const struct way_database_url *url, size_t host,
                         bool is_patient, struct way_mariadb_session **out, struct way_error *err);
/* What the server says of itself: sets base.is_read_only and base.is_cluster. */
WAY_MUST_CHECK enum way_status way_mariadb_session_look_round(struct way_mariadb_session *session,
                                                              struct way_error *err);
void way_mariadb_session_close(struct way_mariadb_session *session);

/* Before each round trip: WAY_UNAVAILABLE when the call has no time for one more. */
WAY_MUST_CHECK enum way_status way_mariadb_session_spend(struct way_mariadb_session *session,
                                                         struct way_error *err);
/* One statement as text. */
WAY_MUST_CHECK enum way_status way_mariadb_session_execute(struct way_mariadb_session *session,
                                                           const char *sql, struct way_error *err);
/* COMMIT: what may or may not have happened is WAY_UNSETTLED. */
WAY_MUST_CHECK enum way_status way_mariadb_session_commit(struct way_mariadb_session *session,
                                                          struct way_error *err);
void way_mariadb_session_rollback(struct way_mariadb_session *session);
/* In a write: WAY_BUSY when the server has ended the transaction and not said so. To be asked after
 * each statement, before anything else is written. */
WAY_MUST_CHECK enum way_status way_mariadb_session_verify(struct way_mariadb_session *session,
                                                          struct way_error *err);
/* Translates an error of the library; marks the session lost when the connection is. */
enum way_status way_mariadb_session_fail(struct way_mariadb_session *session, unsigned code,
                                         const char *text, struct way_error *err);

#endif
