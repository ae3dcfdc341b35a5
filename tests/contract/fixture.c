/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "base/clock.h"
#include "store/store_mariadb.h"
#include "store/store_sqlite.h"

#include <sqlite3.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum way_engine chosen;
static struct server server;

void fixture_choose(enum way_engine engine)
{
    chosen = engine;
}

int fixture_group_setup(void **state)
{
    char certificates[PATH_MAX];
    char options[4 * PATH_MAX];

    (void)state;
    if (chosen == WAY_ENGINE_MARIADB) {
        server_make_certificates(certificates);
        (void)snprintf(options, sizeof options, "--ssl-cert=%s/cert.pem --ssl-key=%s/key.pem",
                       certificates, certificates);
        server_start(&server, options);
        (void)snprintf(options, sizeof options, "%s/certificates", server.dir);
        assert_int_equal(rename(certificates, options), 0);
    }
    return 0;
}

int fixture_group_teardown(void **state)
{
    (void)state;
    if (chosen == WAY_ENGINE_MARIADB) {
        server_end(&server);
    }
    return 0;
}

static void make_database(struct fixture *fixture)
{
    char url[2 * PATH_MAX];
    struct way_error err = {0};

    if (fixture->engine == WAY_ENGINE_SQLITE) {
        (void)snprintf(fixture->dir, sizeof fixture->dir, "/tmp/way-XXXXXX");
        assert_non_null(mkdtemp(fixture->dir));
        (void)snprintf(url, sizeof url, "sqlite:%s/test.db", fixture->dir);
    } else {
        fixture->server = &server;
        server_sql(&server, "DROP DATABASE IF EXISTS waypost");
        server_sql(&server, "CREATE DATABASE waypost CHARACTER SET utf8mb4");
        server_sql(&server, "USE waypost");
        (void)snprintf(url, sizeof url, "mariadb://waypost:waypost@/waypost?socket=%s",
                       server.socket);
    }
    assert_way_ok(way_database_url_parse(url, &fixture->url, &err), &err);
}

int fixture_setup_empty(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->engine = chosen;
    make_database(fixture);
    *state = fixture;
    return 0;
}

int fixture_setup(void **state)
{
    struct way_store_report report;

    (void)fixture_setup_empty(state);
    fixture_open(*state);
    fixture_prepare(*state, &report);
    return 0;
}

int fixture_teardown(void **state)
{
    static const char *const endings[] = {"", "-lock", "-wal", "-shm"};
    struct fixture *fixture = *state;
    char path[PATH_MAX + 16];

    fixture_close(fixture);
    if (fixture->engine == WAY_ENGINE_SQLITE) {
        for (size_t i = 0; i < WAY_COUNT_OF(endings); i++) {
            (void)snprintf(path, sizeof path, "%s/test.db%s", fixture->dir, endings[i]);
            (void)unlink(path); /* some are not there */
        }
        assert_int_equal(rmdir(fixture->dir), 0); /* nothing else was left */
    }
    free(fixture);
    return 0;
}

struct way_store *fixture_new_store(const struct fixture *fixture)
{
    struct way_store *store = NULL;
    struct way_error err = {0};

    if (fixture->engine == WAY_ENGINE_SQLITE) {
        assert_way_ok(way_store_sqlite_new(fixture->url.path, &store, &err), &err);
    } else {
        assert_way_ok(way_store_mariadb_new(&fixture->url, &store, &err), &err);
    }
    return store;
}

struct way_session *fixture_new_session(const struct fixture *fixture)
{
    struct way_session *session = NULL;
    struct way_error err = {0};

    assert_way_ok(way_session_open(fixture->store, &session, &err), &err);
    return session;
}

void fixture_open(struct fixture *fixture)
{
    fixture->store = fixture_new_store(fixture);
    fixture->session = fixture_new_session(fixture);
}

void fixture_close(struct fixture *fixture)
{
    way_session_close(fixture->session);
    way_store_free(fixture->store);
    fixture->session = NULL;
    fixture->store = NULL;
}

void fixture_prepare(struct fixture *fixture, struct way_store_report *report)
{
    struct way_error err = {0};

    assert_way_ok(way_store_prepare(fixture->session, report, &err), &err);
}

/* --- several at once ---------------------------------------------------------------------------
 */

struct starter {
    struct way_store *store;
    enum way_status status;
    struct way_store_report report;
    struct way_error err;
};

static void *start(void *argument)
{
    struct starter *starter = argument;

    do {
        struct way_session *session = NULL;

        starter->status = way_session_open(starter->store, &session, &starter->err);
        if (starter->status == WAY_OK) {
            starter->status = way_store_prepare(session, &starter->report, &starter->err);
        }
        way_session_close(session);
    } while (starter->status == WAY_BUSY);
    return NULL;
}

void fixture_prepare_together(struct fixture *fixture)
{
    enum { STARTERS = 4 };
    struct starter starters[STARTERS];
    pthread_t threads[STARTERS];

    for (size_t i = 0; i < STARTERS; i++) {
        starters[i] = (struct starter){.store = fixture->engine == WAY_ENGINE_SQLITE
                                                    ? fixture->store
                                                    : fixture_new_store(fixture)};
        assert_int_equal(pthread_create(&threads[i], NULL, start, &starters[i]), 0);
    }
    for (size_t i = 0; i < STARTERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_way_ok(starters[i].status, &starters[i].err);
        assert_false(starters[i].report.is_read_only);
        assert_int_equal(starters[i].report.schema_version, starters[0].report.schema_version);
        if (starters[i].store != fixture->store) {
            way_store_free(starters[i].store);
        }
    }
}

/* --- behind the store's back -------------------------------------------------------------------
 */

static sqlite3 *open_file(const struct fixture *fixture)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(fixture->url.path, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 5000);
    return db;
}

static void file_text(const struct fixture *fixture, const char *sql, char *out, size_t out_bytes)
{
    sqlite3 *db = open_file(fixture);
    sqlite3_stmt *statement = NULL;
    const unsigned char *text;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    text = sqlite3_column_text(statement, 0);
    (void)snprintf(out, out_bytes, "%s", text == NULL ? "" : (const char *)text);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
}

void fixture_sql(struct fixture *fixture, const char *sql)
{
    if (fixture->engine == WAY_ENGINE_MARIADB) {
        server_sql(fixture->server, sql);
    } else {
        sqlite3 *db = open_file(fixture);

        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
            fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        }
        (void)sqlite3_close(db);
    }
}

void fixture_text(struct fixture *fixture, const char *sql, char *out, size_t out_bytes)
{
    if (fixture->engine == WAY_ENGINE_MARIADB) {
        server_text(fixture->server, sql, out, out_bytes);
    } else {
        file_text(fixture, sql, out, out_bytes);
    }
}

long long fixture_number(struct fixture *fixture, const char *sql)
{
    char text[32];

    fixture_text(fixture, sql, text, sizeof text);
    return strtoll(text, NULL, 10);
}

/* --- changes -----------------------------------------------------------------------------------
 */

struct way_key key_of(const char *text)
{
    struct way_key key = {0};
    struct way_error err = {0};

    assert_way_ok(way_key_parse(text, strlen(text), &key, &err), &err);
    return key;
}

struct way_change *changes_new(size_t count)
{
    struct way_change *changes = calloc(count, sizeof *changes);

    assert_non_null(changes);
    return changes;
}

void change_set(struct way_change *change, uint64_t revision, const char *key, const char *target)
{
    *change = (struct way_change){.revision = revision, .actor = "tester"};
    change->row.lookup_key = key_of(key);
    change->row.target.host = key_of(target);
    change->row.is_enabled = true;
    change->row.created_at_us = 1700000000000001;
    change->row.updated_at_us = 1700000000000002;
    (void)snprintf(change->row.created_by, sizeof change->row.created_by, "maker");
    (void)snprintf(change->row.updated_by, sizeof change->row.updated_by, "changer");
}

void change_delete(struct way_change *change, uint64_t revision, const char *key)
{
    change_set(change, revision, key, "192.0.2.1");
    change->is_delete = true;
}

uint64_t write_changes(struct way_session *session, struct way_change *changes, size_t count)
{
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_error err = {0};

    way_random_bytes(tx, sizeof tx);
    assert_way_ok(way_store_begin(session, count, tx, &first, &err), &err);
    for (size_t i = 0; i < count; i++) {
        changes[i].revision = first + i;
    }
    assert_way_ok(way_store_apply(session, changes, count, way_clock_wall_us(), &err), &err);
    assert_way_ok(way_store_commit(session, count, &err), &err);
    return first;
}

uint64_t write_one(struct way_session *session, const char *key, const char *target)
{
    struct way_change *change = changes_new(1);
    uint64_t revision;

    change_set(change, 0, key, target);
    revision = write_changes(session, change, 1);
    free(change);
    return revision;
}

/* --- loads -------------------------------------------------------------------------------------
 */

static bool keep_live(void *owner, const struct way_live *live)
{
    struct loaded *loaded = owner;

    if (loaded->count == loaded->max) {
        loaded->max = loaded->max == 0 ? 64 : loaded->max * 2;
        loaded->lives = realloc(loaded->lives, loaded->max * sizeof *loaded->lives);
        assert_non_null(loaded->lives);
    }
    loaded->lives[loaded->count++] = *live;
    return true;
}

static int compare_lives(const void *a, const void *b)
{
    const struct way_live *left = a;
    const struct way_live *right = b;

    return strcmp(left->key.text, right->key.text);
}

void load_all(struct way_session *session, struct loaded *loaded)
{
    struct way_error err = {0};

    *loaded = (struct loaded){.count = 0};
    assert_way_ok(way_store_load(session, keep_live, loaded, &loaded->position, &err), &err);
    if (loaded->count > 0) {
        qsort(loaded->lives, loaded->count, sizeof *loaded->lives, compare_lives);
    }
}

void loaded_fini(struct loaded *loaded)
{
    free(loaded->lives);
    *loaded = (struct loaded){.count = 0};
}

const struct way_live *loaded_find(const struct loaded *loaded, const char *key)
{
    for (size_t i = 0; i < loaded->count; i++) {
        if (strcmp(loaded->lives[i].key.text, key) == 0) {
            return &loaded->lives[i];
        }
    }
    return NULL;
}

/* --- the log -----------------------------------------------------------------------------------
 */

static int kept_stderr = -1;
static FILE *caught;

void log_catch(void)
{
    caught = tmpfile();
    assert_non_null(caught);
    kept_stderr = dup(STDERR_FILENO);
    assert_true(kept_stderr >= 0);
    assert_int_equal(dup2(fileno(caught), STDERR_FILENO), STDERR_FILENO);
}

char *log_caught(void)
{
    char *log;
    long len;

    assert_int_equal(dup2(kept_stderr, STDERR_FILENO), STDERR_FILENO);
    (void)close(kept_stderr);
    assert_int_equal(fseek(caught, 0, SEEK_END), 0);
    len = ftell(caught);
    assert_true(len >= 0);
    rewind(caught);
    log = calloc(1, (size_t)len + 1);
    assert_non_null(log);
    assert_int_equal(fread(log, 1, (size_t)len, caught), len);
    (void)fclose(caught);
    return log;
}

size_t count_lines(const char *log, const char *words)
{
    size_t count = 0;
    const char *end;

    for (; (end = strchr(log, '\n')) != NULL; log = end + 1) {
        count += memmem(log, (size_t)(end - log), words, strlen(words)) != NULL;
    }
    return count;
}
