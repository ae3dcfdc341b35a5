/* SPDX-License-Identifier: MIT */
/*
 * fixture - a fresh database for each test, on the engine that the program was started for.
 *
 * Purpose  Tests name no engine, unless what they test is one engine's own.
 * Owns     The database, the store and one session of it.
 * Threads  The fixture's calls: the test's thread. The store may be used by more.
 * Errors   None: what fails here fails the test.
 */
#ifndef WAY_TESTS_FIXTURE_H
#define WAY_TESTS_FIXTURE_H

#include "base/random.h"
#include "server.h"
#include "store/database_url.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    enum way_engine engine;
    struct server *server; /* borrowed; MariaDB only */
    char dir[PATH_MAX];    /* SQLite only */
    struct way_database_url url;
    struct way_store *store;
    struct way_session *session;
};

/* For the whole program. */
void fixture_choose(enum way_engine engine);
int fixture_group_setup(void **state);
int fixture_group_teardown(void **state);
/* For each test: an empty database and nothing open; or with store and session, prepared. */
int fixture_setup_empty(void **state);
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Opens store and session; closes what is open. */
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);
struct way_store *fixture_new_store(const struct fixture *fixture);
struct way_session *fixture_new_session(const struct fixture *fixture);
void fixture_prepare(struct fixture *fixture, struct way_store_report *report);

/* As several instances that start at the same time do; on SQLite, where one has the file, as
 * several threads. Returns when all are done. */
void fixture_prepare_together(struct fixture *fixture);

/* Behind the store's back. */
void fixture_sql(struct fixture *fixture, const char *sql);
long long fixture_number(struct fixture *fixture, const char *sql);
void fixture_text(struct fixture *fixture, const char *sql, char *out, size_t out_bytes);

/* Fails with the error's words unless `status` is WAY_OK. */
#define assert_way_ok(status, err)                                                        \
    do {                                                                                  \
        enum way_status way_status_ = (status);                                           \
        if (way_status_ != WAY_OK) {                                                      \
            fail_msg("%s: %s: %s", #status, way_status_name(way_status_), (err)->detail); \
        }                                                                                 \
    } while (0)
#define assert_way_status(status, wanted) \
    assert_string_equal(way_status_name(status), way_status_name(wanted))

struct way_key key_of(const char *text);
/* A change that sets or deletes a row; its revision is to be set. Give back with free(). */
struct way_change *changes_new(size_t count);
void change_set(struct way_change *change, uint64_t revision, const char *key, const char *target);
void change_delete(struct way_change *change, uint64_t revision, const char *key);
/* One transaction with one revision for each change. Returns the first revision. */
uint64_t write_changes(struct way_session *session, struct way_change *changes, size_t count);
uint64_t write_one(struct way_session *session, const char *key, const char *target);

/* What a load shows. */
struct loaded {
    struct way_position position;
    size_t count;
    size_t max;
    struct way_live *lives; /* sorted by key */
};

void load_all(struct way_session *session, struct loaded *loaded);
void loaded_fini(struct loaded *loaded);
/* NULL: not there. */
const struct way_live *loaded_find(const struct loaded *loaded, const char *key);

/* Everything that the log writes in between, and how many of its lines hold `words`. */
void log_catch(void);
char *log_caught(void); /* give back with free() */
size_t count_lines(const char *log, const char *words);

#endif
