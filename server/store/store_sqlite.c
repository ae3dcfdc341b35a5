/* SPDX-License-Identifier: MIT */
/*
 * How  The database is one file in WAL mode: readers see a snapshot and never wait for the writer.
 *      A lock on PATH-lock keeps a second process out. The lock file stays behind on purpose:
 *      removing it would let two processes lock two files of one name.
 */
#include "store/store_sqlite.h"

#include "base/clock.h"
#include "store/driver.h"
#include "store/row.h"
#include "store/sqlite_file.h"
#include "store/statement_cache.h"

#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BUSY_TIMEOUT_MS = 5000,  /* for another session of ours that writes */
    CALL_MS = 8000,          /* for all of one call; the rest is the way back */
    PROGRESS_STEPS = 100000, /* instructions between two looks at the clock */
};

#define SQL_RESERVE                                                                          \
    "UPDATE override_state SET n = n + ? WHERE id = 1 AND is_seed_taken = ? AND NOT EXISTS " \
    "(SELECT 1 FROM schema_migration WHERE version > ? AND is_expand = 0) RETURNING n"

struct sqlite_store {
    struct way_store base;
    struct way_sqlite_file file;
};

struct sqlite_session {
    struct way_session base;
    sqlite3 *db; /* owned */
    struct way_statement_cache statements;
};

static const struct way_driver driver;

static struct sqlite_session *self(struct way_session *session)
{
    return (struct sqlite_session *)(void *)session; /* base comes first */
}

/* --- errors ------------------------------------------------------------------------------------
 */

static enum way_status status_of(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
        return WAY_EXISTS;
    default:
        break;
    }
    switch (extended & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return WAY_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return WAY_BUSY;
    case SQLITE_NOMEM:
        return WAY_NO_MEMORY;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
        return WAY_INVALID;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_INTERNAL:
        return WAY_INTERNAL;
    default:
        /* The file is full, broken, gone, or not ours. SQLITE_ERROR is among them: our statements
         * are correct, so what is wrong is the schema they meet. */
        return WAY_UNAVAILABLE;
    }
}

static enum way_status fail(struct sqlite_session *session, struct way_error *err)
{
    int code = sqlite3_extended_errcode(session->db);
    enum way_status status = status_of(code);

    if (status == WAY_OK) {
        return WAY_OK;
    }
    if (status == WAY_UNAVAILABLE && code == SQLITE_INTERRUPT) {
        return way_fail(err, status, "", "%s: took longer than %d s", session->base.place,
                        CALL_MS / 1000);
    }
    return way_fail(err, status, "", "%s: %s (SQLite code %d)", session->base.place,
                    sqlite3_errmsg(session->db), code);
}

/* --- statements --------------------------------------------------------------------------------
 */

static void drop_statement(void *statement)
{
    (void)sqlite3_finalize(statement); /* says again what the last step said */
}

static enum way_status prepare(struct sqlite_session *session, const char *sql,
                               sqlite3_stmt **statement, struct way_error *err)
{
    *statement = way_statement_cache_find(&session->statements, sql);
    if (*statement != NULL) {
        return WAY_OK;
    }
    if (sqlite3_prepare_v3(session->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) !=
        SQLITE_OK) {
        return fail(session, err);
    }
    if (way_statement_cache_put(&session->statements, sql, *statement) != WAY_OK) {
        drop_statement(*statement);
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a statement");
    }
    return WAY_OK;
}

/* Values live until the statement is reset, so SQLite need not copy them. */
static int bind(sqlite3_stmt *statement, int place, const struct way_value *value)
{
    switch (value->kind) {
    case WAY_VALUE_NUMBER:
    case WAY_VALUE_TIME:
        return sqlite3_bind_int64(statement, place, value->number);
    case WAY_VALUE_TEXT:
        return sqlite3_bind_text64(statement, place, value->bytes, value->len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case WAY_VALUE_BYTES:
        return sqlite3_bind_blob64(statement, place, value->bytes, value->len, SQLITE_STATIC);
    case WAY_VALUE_NULL:
        break;
    }
    return sqlite3_bind_null(statement, place);
}

static size_t at_most(int bytes)
{
    return bytes > WAY_VALUE_BYTES_MAX ? WAY_VALUE_BYTES_MAX : (size_t)bytes;
}

static struct way_value column(sqlite3_stmt *statement, int at)
{
    switch (sqlite3_column_type(statement, at)) {
    case SQLITE_INTEGER:
        return way_value_number((uint64_t)sqlite3_column_int64(statement, at));
    case SQLITE_BLOB: {
        const void *bytes = sqlite3_column_blob(statement, at);

        return way_value_bytes(bytes == NULL ? "" : bytes,
                               at_most(sqlite3_column_bytes(statement, at)));
    }
    case SQLITE_NULL:
        return way_value_null();
    default: { /* text; a floating number becomes one, only the predecessor's table can have it */
        const char *text = (const char *)sqlite3_column_text(statement, at);

        return way_value_span(text == NULL ? "" : text,
                              at_most(sqlite3_column_bytes(statement, at)));
    }
    }
}

/* Runs the statement to its end or until `visit` has enough; returns SQLite's last code. */
static int step_through(sqlite3_stmt *statement, const struct way_query *query)
{
    struct way_value columns[WAY_COLUMNS_MAX];
    int count = sqlite3_column_count(statement);
    int rc;

    WAY_ASSERT(count <= WAY_COLUMNS_MAX);
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        for (int at = 0; at < count; at++) {
            columns[at] = column(statement, at);
        }
        if (query->visit == NULL || !query->visit(query->owner, columns)) {
            return SQLITE_DONE;
        }
    }
    return rc;
}

static enum way_status run(struct way_session *base, const struct way_query *query,
                           struct way_error *err)
{
    struct sqlite_session *session = self(base);
    size_t sets = query->repeat == 0 ? 1 : query->repeat;
    sqlite3_stmt *statement = NULL;
    enum way_status status = prepare(session, query->sql, &statement, err);

    for (size_t set = 0; set < sets && status == WAY_OK; set++) {
        const struct way_value *values = query->values + set * query->value_count;
        int rc = SQLITE_OK;

        for (size_t i = 0; i < query->value_count && rc == SQLITE_OK; i++) {
            rc = bind(statement, (int)i + 1, &values[i]);
        }
        if (rc == SQLITE_OK) {
            rc = step_through(statement, query);
        }
        if (status_of(rc) != WAY_OK) {
            status = fail(session, err);
        }
        (void)sqlite3_reset(statement); /* says again what the last step said */
        (void)sqlite3_clear_bindings(statement);
    }
    if (status == WAY_OK && query->changed != NULL) {
        *query->changed = (uint64_t)sqlite3_changes64(session->db);
    }
    return status;
}

/* SQLite has no ADD COLUMN IF NOT EXISTS, and steps of the schema must be repeatable. */
static bool is_column_there(const struct sqlite_session *session)
{
    static const char words[] = "duplicate column name: ";

    return strncmp(sqlite3_errmsg(session->db), words, sizeof words - 1) == 0;
}

static enum way_status execute(struct way_session *base, const char *sql, struct way_error *err)
{
    struct sqlite_session *session = self(base);

    if (sqlite3_exec(session->db, sql, NULL, NULL, NULL) == SQLITE_OK || is_column_there(session)) {
        return WAY_OK;
    }
    return fail(session, err);
}

/* --- transactions ------------------------------------------------------------------------------
 */

static bool take_number(void *owner, const struct way_value *columns)
{
    uint64_t *number = owner;

    *number = way_value_u64(&columns[0]);
    return true;
}

static enum way_status reserve(struct way_session *session, uint64_t count, unsigned known,
                               bool is_seed_taken, uint64_t *newest, struct way_error *err)
{
    const struct way_value values[] = {way_value_number(count), way_value_number(is_seed_taken),
                                       way_value_number(known)};
    const struct sqlite_store *store = (const struct sqlite_store *)(const void *)session->store;
    const uint64_t none = UINT64_MAX;
    uint64_t number = none;
    enum way_status status = way_sqlite_file_check(&store->file, err);

    if (status == WAY_OK) {
        status = execute(session, driver.dialect.begin_write, err);
    }
    if (status == WAY_OK) {
        status = run(session,
                     &(struct way_query){.sql = SQL_RESERVE,
                                         .values = values,
                                         .value_count = WAY_COUNT_OF(values),
                                         .visit = take_number,
                                         .owner = &number},
                     err);
    }
    if (status != WAY_OK) {
        return status;
    }
    *newest = number;
    return number == none ? WAY_NOT_FOUND : WAY_OK;
}

static enum way_status commit(struct way_session *session, struct way_error *err)
{
    return execute(session, "COMMIT", err);
}

static void rollback(struct way_session *base)
{
    struct sqlite_session *session = self(base);

    if (sqlite3_get_autocommit(session->db) == 0) {
        /* It fails only when SQLite has rolled back by itself, or the session is of no use. */
        (void)sqlite3_exec(session->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

/* --- sessions ----------------------------------------------------------------------------------
 */

static int is_overdue(void *owner)
{
    const struct way_session *session = owner;

    return session->started_ms != 0 && way_clock_mono_ms() - session->started_ms > CALL_MS;
}

static void close_session(struct way_session *base)
{
    struct sqlite_session *session = self(base);

    way_statement_cache_fini(&session->statements);
    (void)sqlite3_close(session->db); /* every statement is gone, so it cannot be refused */
    free(session);
}

static bool take_word(void *owner, const struct way_value *columns)
{
    return way_row_copy_text(&columns[0], owner, 16);
}

static enum way_status set_up(struct way_session *session, struct way_error *err)
{
    char mode[16] = "";
    enum way_status status = run(
        session,
        &(struct way_query){.sql = "PRAGMA journal_mode = WAL", .visit = take_word, .owner = mode},
        err);

    if (status != WAY_OK) {
        return status;
    }
    if (strcmp(mode, "wal") != 0) {
        return way_fail(err, WAY_UNAVAILABLE, "", "%s: the file system cannot hold a WAL database",
                        session->place);
    }
    return execute(session, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", err);
}

static enum way_status open_session(struct way_store *base, bool is_patient,
                                    struct way_session **out, struct way_error *err)
{
    const struct sqlite_store *store = (const struct sqlite_store *)(const void *)base;
    struct sqlite_session *session = calloc(1, sizeof *session);
    enum way_status status;

    if (session == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a session");
    }
    way_session_init(&session->base, base);
    session->base.is_caught_up = true;
    (void)snprintf(session->base.place, sizeof session->base.place, "%.*s", WAY_STORE_PLACE_MAX - 1,
                   store->file.path); /* cut: it is for messages */
    way_statement_cache_init(&session->statements, drop_statement);
    /* A session is one thread's at a time: no locks inside. */
    if (sqlite3_open_v2(store->file.path, &session->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        status = session->db == NULL ? way_fail(err, WAY_NO_MEMORY, "", "no memory for a session")
                                     : fail(session, err);
        goto out;
    }
    (void)sqlite3_extended_result_codes(session->db, 1);
    (void)sqlite3_busy_timeout(session->db, BUSY_TIMEOUT_MS);
    (void)sqlite3_db_config(session->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_progress_handler(session->db, PROGRESS_STEPS, is_overdue, &session->base);
    status = set_up(&session->base, err);

out:
    if (status != WAY_OK) {
        close_session(&session->base);
        return status;
    }
    if (is_patient) {
        way_session_linger(&session->base);
    }
    *out = &session->base;
    return WAY_OK;
}

/* --- the store ---------------------------------------------------------------------------------
 */

static void free_store(struct way_store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)(void *)base;

    way_sqlite_file_close(&store->file);
    way_store_fini(&store->base);
    free(store);
}

static const char *const bootstrap[] = {
    "CREATE TABLE IF NOT EXISTS schema_migration ("
    "version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, "
    "is_expand INTEGER NOT NULL, done_at INTEGER) STRICT",
    NULL,
};

static const struct way_driver driver = {
    .name = "sqlite",
    .is_shared = false,
    .dialect =
        {
            .begin_read = "BEGIN",
            .begin_write = "BEGIN IMMEDIATE",
            .for_update = "",
            .tables = "SELECT name FROM sqlite_master WHERE type = 'table'",
            .columns = "SELECT name FROM pragma_table_info('dns_overrides')",
            .matches = "(INSTR(LOWER(lookup_key), LOWER(?)) > 0 OR "
                       "INSTR(LOWER(target_host), LOWER(?)) > 0 OR "
                       "INSTR(LOWER(comment), LOWER(?)) > 0)",
            .seeks_pairs = true,
            .upsert = "INSERT INTO dns_overrides (" WAY_ROW_COLUMNS ") "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (lookup_key) DO UPDATE SET "
                      "target_host = excluded.target_host, comment = excluded.comment, "
                      "enabled = excluded.enabled, revision = excluded.revision, "
                      "created_at = excluded.created_at, created_by = excluded.created_by, "
                      "updated_at = excluded.updated_at, updated_by = excluded.updated_by",
            .bootstrap = bootstrap,
        },
    .steps = way_migrations_sqlite,
    .step_count = &way_migrations_sqlite_count,
    .free = free_store,
    .open = open_session,
    .close = close_session,
    .execute = execute,
    .run = run,
    .reserve = reserve,
    .commit = commit,
    .rollback = rollback,
};

enum way_status way_store_sqlite_new(const char *path, struct way_store **out,
                                     struct way_error *err)
{
    struct sqlite_store *store = calloc(1, sizeof *store);
    struct way_session *session = NULL;
    enum way_status status;

    if (store == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a store");
    }
    status = way_store_init(&store->base, &driver, err);
    if (status != WAY_OK) {
        free(store);
        return status;
    }
    status = way_sqlite_file_open(path, &store->file, err);
    if (status == WAY_OK) {
        /* So that a file which is no database is refused now, not at the first lookup. */
        status = way_session_open(&store->base, &session, err);
        way_session_close(session);
    }
    if (status != WAY_OK) {
        free_store(&store->base);
        return status;
    }
    *out = &store->base;
    return WAY_OK;
}
