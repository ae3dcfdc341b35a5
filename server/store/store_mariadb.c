/* SPDX-License-Identifier: MIT */
#include "store/store_mariadb.h"

#include "base/clock.h"
#include "store/driver.h"
#include "store/mariadb_session.h"
#include "store/mariadb_statement.h"
#include "store/row.h"

#include <mysql.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Byte for byte, once both are in lower case: without a collation of our own, 'u' would find 'u'
 * with any accent, and an ASCII column cannot be searched for what is not ASCII at all. */
#define HOLDS(column) \
    "INSTR(LOWER(CONVERT(" column " USING utf8mb4)) COLLATE utf8mb4_bin, LOWER(?)) > 0"

/* LAST_INSERT_ID(x) gives x back with the answer, so that the new revision costs no round trip. */
#define SQL_RESERVE                                                                               \
    "UPDATE override_state SET n = LAST_INSERT_ID(n + ?) WHERE id = 1 AND is_seed_taken = ? AND " \
    "NOT EXISTS (SELECT 1 FROM schema_migration WHERE version > ? AND is_expand = 0)"

enum {
    DETOUR_MS = 10000 /* for so long opens begin with the host that was good for the last one */
};

struct mariadb_store {
    struct way_store base;
    struct way_database_url url; /* constant */
    /* atomic */
    _Atomic size_t detour_host;
    _Atomic uint64_t detour_until_ms; /* 0: no detour */
};

static const struct way_driver driver;

/* --- sessions ----------------------------------------------------------------------------------
 */

/* Whether another host may still be tried. The first one always is. */
static bool has_time(uint64_t started_ms)
{
    return way_clock_mono_ms() - started_ms <= WAY_MARIADB_HOST_START_MAX_MS;
}

/* Behind what the other hosts said, so that an operator sees why each of them was no use. */
static void join_failures(struct way_error *all, const struct way_error *next)
{
    size_t used = strlen(all->detail);

    (void)snprintf(all->detail + used, sizeof all->detail - used, "%s%.*s", used > 0 ? "; " : "",
                   WAY_ERROR_DETAIL_MAX - 3, next->detail); /* cut: it is for messages */
}

/* Where an open begins: with the first host, unless we had to do without it a moment ago. */
static size_t first_host(struct mariadb_store *store)
{
    return way_clock_mono_ms() < atomic_load(&store->detour_until_ms)
               ? atomic_load(&store->detour_host)
               : 0;
}

static void note_host(struct mariadb_store *store, size_t host)
{
    atomic_store(&store->detour_host, host);
    atomic_store(&store->detour_until_ms, host == 0 ? 0 : way_clock_mono_ms() + DETOUR_MS);
}

/* In the order of the URL: the first host that takes writes; else the first that answers at all,
 * for reading. So instances with the same URL write to the same node of a cluster, where they queue
 * for the state row; on several nodes they would meet at the commit, and all but one begin again.
 * Hosts that are silent may use up our time: then the next open begins behind them. */
static enum way_status open_session(struct way_store *base, bool is_patient,
                                    struct way_session **out, struct way_error *err)
{
    struct mariadb_store *store = (struct mariadb_store *)(void *)base;
    size_t count = store->url.host_count == 0 ? 1 : store->url.host_count;
    size_t first = first_host(store);
    size_t next = first;
    uint64_t started_ms = way_clock_mono_ms();
    struct way_mariadb_session *found = NULL;
    struct way_error failed = {0};
    enum way_status status = WAY_UNAVAILABLE;

    for (size_t i = 0; i < count && (i == 0 || has_time(started_ms)); i++) {
        struct way_mariadb_session *session = NULL;
        struct way_error why = {0};
        size_t host = (first + i) % count;

        status = way_mariadb_session_open(base, &store->url, host, is_patient, &session, &why);
        if (status != WAY_OK) {
            join_failures(&failed, &why);
            next = found == NULL ? (host + 1) % count : next;
            continue;
        }
        if (found != NULL && session->base.is_read_only) {
            way_mariadb_session_close(session);
            continue;
        }
        if (found != NULL) {
            way_mariadb_session_close(found);
        }
        found = session;
        next = host;
        if (!found->base.is_read_only) {
            break;
        }
    }
    note_host(store, next);
    if (found == NULL) {
        return way_fail(err, status, "", "%s", failed.detail);
    }
    if (is_patient) {
        way_session_linger(&found->base);
    }
    *out = &found->base;
    return WAY_OK;
}

static void close_session(struct way_session *session)
{
    way_mariadb_session_close(way_mariadb_session_of(session));
}

static enum way_status execute(struct way_session *session, const char *sql, struct way_error *err)
{
    return way_mariadb_session_execute(way_mariadb_session_of(session), sql, err);
}

static enum way_status run(struct way_session *session, const struct way_query *query,
                           struct way_error *err)
{
    return way_mariadb_statement_run(way_mariadb_session_of(session), query, NULL, err);
}

static enum way_status reserve(struct way_session *session, uint64_t count, unsigned known,
                               bool is_seed_taken, uint64_t *newest, struct way_error *err)
{
    const struct way_value values[] = {way_value_number(count), way_value_number(is_seed_taken),
                                       way_value_number(known)};
    uint64_t matched = 0;
    uint64_t number = 0;
    enum way_status status = execute(session, driver.dialect.begin_write, err);

    way_mariadb_session_of(session)->holds_write = status == WAY_OK;
    if (status == WAY_OK) {
        status = way_mariadb_statement_run(way_mariadb_session_of(session),
                                           &(struct way_query){.sql = SQL_RESERVE,
                                                               .values = values,
                                                               .value_count = WAY_COUNT_OF(values),
                                                               .changed = &matched},
                                           &number, err);
    }
    if (status != WAY_OK) {
        return status;
    }
    *newest = number;
    return matched == 0 ? WAY_NOT_FOUND : WAY_OK;
}

static enum way_status look_round(struct way_session *session, struct way_error *err)
{
    return way_mariadb_session_look_round(way_mariadb_session_of(session), err);
}

static enum way_status commit(struct way_session *session, struct way_error *err)
{
    return way_mariadb_session_commit(way_mariadb_session_of(session), err);
}

static void rollback(struct way_session *session)
{
    way_mariadb_session_rollback(way_mariadb_session_of(session));
}

/* --- the store ---------------------------------------------------------------------------------
 */

static void free_store(struct way_store *base)
{
    struct mariadb_store *store = (struct mariadb_store *)(void *)base;

    explicit_bzero(store->url.password, sizeof store->url.password);
    way_store_fini(&store->base);
    free(store);
}

static const char *const bootstrap[] = {
    "CREATE TABLE IF NOT EXISTS schema_migration ("
    "version INT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL, "
    "sha256 CHAR(64) NOT NULL, is_expand BOOLEAN NOT NULL, done_at DATETIME(6)) "
    "ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin",
    "CREATE TABLE IF NOT EXISTS schema_lease ("
    "id TINYINT UNSIGNED NOT NULL PRIMARY KEY CHECK (id = 1), holder BINARY(16) NOT NULL, "
    "until DATETIME(6) NOT NULL) ENGINE=InnoDB",
    "INSERT IGNORE INTO schema_lease VALUES (1, REPEAT(x'00', 16), '2000-01-01')",
    NULL,
};

static const struct way_driver driver = {
    .name = "mariadb",
    .is_shared = true,
    .dialect =
        {
            .begin_read = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            .begin_write = "START TRANSACTION",
            /* A plain read sees the snapshot of its transaction, which may be too old by a
             * transaction that ended just before; a locking read sees what is. */
            .for_update = " FOR UPDATE",
            .tables = "SELECT table_name FROM information_schema.tables "
                      "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
            .columns = "SELECT column_name FROM information_schema.columns "
                       "WHERE table_schema = DATABASE() AND table_name = 'dns_overrides'",
            .matches =
                "(" HOLDS("lookup_key") " OR " HOLDS("target_host") " OR " HOLDS("comment") ")",
            .upsert = "INSERT INTO dns_overrides (" WAY_ROW_COLUMNS ") "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE "
                      "target_host = VALUES(target_host), comment = VALUES(comment), "
                      "enabled = VALUES(enabled), revision = VALUES(revision), "
                      "created_at = VALUES(created_at), created_by = VALUES(created_by), "
                      "updated_at = VALUES(updated_at), updated_by = VALUES(updated_by)",
            .bootstrap = bootstrap,
            /* GET_LOCK() would be shorter, but is per node on Galera. */
            .lease_take = "UPDATE schema_lease SET holder = ?, "
                          "until = UTC_TIMESTAMP(6) + INTERVAL 30 SECOND "
                          "WHERE id = 1 AND (until < UTC_TIMESTAMP(6) OR holder = ?)",
            .unlimited = "SET SESSION max_statement_time = 0",
            .limited = "SET SESSION max_statement_time = 3",
            .causal = "SET SESSION wsrep_sync_wait = 1",
            .relaxed = "SET SESSION wsrep_sync_wait = 0",
        },
    .steps = way_migrations_mariadb,
    .step_count = &way_migrations_mariadb_count,
    .free = free_store,
    .open = open_session,
    .close = close_session,
    .execute = execute,
    .run = run,
    .reserve = reserve,
    .look_round = look_round,
    .commit = commit,
    .rollback = rollback,
};

/* The client library's own start is not safe in threads. */
static void start_library(void)
{
    (void)mysql_library_init(0, NULL, NULL); /* cannot fail without an embedded server */
}

enum way_status way_store_mariadb_new(const struct way_database_url *url, struct way_store **out,
                                      struct way_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct mariadb_store *store = calloc(1, sizeof *store);
    enum way_status status;

    (void)pthread_once(&once, start_library);
    if (store == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a store");
    }
    status = way_store_init(&store->base, &driver, err);
    if (status != WAY_OK) {
        free(store);
        return status;
    }
    store->url = *url;
    *out = &store->base;
    return WAY_OK;
}
