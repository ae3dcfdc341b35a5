/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fixture.h"

#include "base/clock.h"
#include "store/store_sqlite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* Opening `path` fails with these words. */
static void assert_refused(const char *path, const char *words)
{
    struct way_store *store = NULL;
    struct way_error err = {0};

    assert_way_status(way_store_sqlite_new(path, &store, &err), WAY_UNAVAILABLE);
    assert_null(store);
    if (strstr(err.detail, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.detail, words);
    }
    assert_null(strchr(err.detail, '\n'));
}

/* Runs in a process of its own; 0 is what it should return. */
static void assert_child(int (*body)(const struct fixture *), const struct fixture *f)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        _exit(body(f));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int open_in_use(const struct fixture *f)
{
    struct way_store *store = NULL;
    struct way_error err = {0};
    enum way_status status = way_store_sqlite_new(f->url.path, &store, &err);

    return status == WAY_UNAVAILABLE && strstr(err.detail, "in use by another waypost") != NULL ? 0
                                                                                                : 1;
}

static void a_second_process_is_refused(void **state)
{
    struct fixture *f = *state;
    struct loaded loaded;

    (void)write_one(f->session, "example.org", "192.0.2.1");
    assert_child(open_in_use, f);
    (void)write_one(f->session, "next.example", "192.0.2.1"); /* nothing was taken from us */
    load_all(f->session, &loaded);
    assert_int_equal(loaded.count, 2);
    loaded_fini(&loaded);
}

static void a_second_store_of_one_process_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[PATH_MAX + 32];

    assert_refused(f->url.path, "in use by another waypost");
    /* under another name too */
    (void)snprintf(path, sizeof path, "%s/link", f->dir);
    assert_int_equal(symlink(f->url.path, path), 0);
    assert_refused(path, "in use by another waypost");
    (void)unlink(path);
    (void)write_one(f->session, "example.org", "192.0.2.1");
}

static void a_file_is_free_again_when_its_store_is_closed(void **state)
{
    struct fixture *f = *state;

    fixture_close(f);
    fixture_open(f);
    (void)write_one(f->session, "example.org", "192.0.2.1");
}

static void what_cannot_be_opened_is_refused_in_one_line(void **state)
{
    struct fixture *f = *state;
    char path[PATH_MAX + 32];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/missing/test.db", f->dir);
    assert_refused(path, "No such file or directory");
    assert_refused(f->dir, "is not a file");
    file = fopen(f->url.path, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < 1000; i++) {
        (void)fputs("this is no database\n", file);
    }
    (void)fclose(file);
    assert_refused(f->url.path, "not a database");
    (void)truncate(f->url.path, 0);
    fixture_open(f); /* and the lock was let go each time */
}

static int open_as_nobody(const struct fixture *f)
{
    struct way_store *store = NULL;
    struct way_error err = {0};

    /* Rights do not count for root. */
    if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
        return 2;
    }
    return way_store_sqlite_new(f->url.path, &store, &err) == WAY_UNAVAILABLE &&
                   strstr(err.detail, "Permission denied") != NULL
               ? 0
               : 1;
}

static void what_may_not_be_written_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(chmod(f->dir, 0555), 0); /* no file can be made in it */
    assert_child(open_as_nobody, f);
    assert_int_equal(chmod(f->dir, 0700), 0);
    fixture_open(f);
    fixture_close(f);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(chmod(f->url.path, 0444), 0); /* a file that may only be read */
    assert_child(open_as_nobody, f);
}

/* --- a full disk -------------------------------------------------------------------------------
 */

static void limit_files_to(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_refuses_writes_whole_and_answers_reads(void **state)
{
    enum { BATCH = 200 };
    struct fixture *f = *state;
    struct way_change *changes = changes_new(BATCH);
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_error err = {0};
    enum way_status status = WAY_OK;
    struct loaded loaded;
    struct stat file;
    uint64_t committed = 0;
    char path[PATH_MAX + 16];

    (void)write_one(f->session, "example.org", "192.0.2.1");
    (void)snprintf(path, sizeof path, "%s-wal", f->url.path);
    assert_int_equal(stat(path, &file), 0);
    (void)signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit fails instead */
    for (size_t i = 0; i < BATCH; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "host%zu.example", i);
        change_set(&changes[i], 0, key, "192.0.2.1");
        memset(changes[i].row.comment, 'c', 1000);
    }
    way_random_bytes(tx, sizeof tx);
    limit_files_to((rlim_t)file.st_size + 20000); /* room for a part of it */
    status = way_store_begin(f->session, BATCH, tx, &first, &err);
    for (size_t i = 0; i < BATCH; i++) {
        changes[i].revision = first + i;
    }
    if (status == WAY_OK) {
        status = way_store_apply(f->session, changes, BATCH, way_clock_wall_us(), &err);
    }
    if (status == WAY_OK) {
        status = way_store_commit(f->session, BATCH, &err);
    }
    load_all(f->session, &loaded); /* with the disk still full */
    limit_files_to(RLIM_INFINITY);
    assert_way_status(status, WAY_UNAVAILABLE);
    assert_int_equal(loaded.count, 1);
    assert_int_equal(loaded.position.revision, 1);
    loaded_fini(&loaded);
    assert_way_ok(way_store_settle(f->session, tx, &committed, &err), &err);
    assert_int_equal(committed, 0);
    assert_int_equal(write_changes(f->session, changes, BATCH), 2); /* there is room again */
    free(changes);
}

/* --- kill -9 -----------------------------------------------------------------------------------
 */

/* Writes revision after revision and tells each through `pipe` once it is acknowledged. */
static void write_until_killed(const struct fixture *f, int pipe)
{
    struct way_store *store = NULL;
    struct way_session *session = NULL;
    struct way_change *change = calloc(1, sizeof *change);
    struct way_error err;

    if (change == NULL || way_store_sqlite_new(f->url.path, &store, &err) != WAY_OK ||
        way_session_open(store, &session, &err) != WAY_OK) {
        _exit(1);
    }
    for (;;) {
        uint64_t revision;

        change_set(change, 0, "example.org", "192.0.2.1");
        revision = write_changes(session, change, 1);
        if (write(pipe, &revision, sizeof revision) != (ssize_t)sizeof revision) {
            _exit(1);
        }
    }
}

static void kill_9_loses_no_acknowledged_write(void **state)
{
    enum { KILL_AT = 40 };
    struct fixture *f = *state;
    uint64_t acknowledged = 0;
    uint64_t revision = 0;
    struct way_position position = {0};
    struct way_error err = {0};
    int ends[2];
    pid_t child;

    fixture_close(f);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        write_until_killed(f, ends[1]);
    }
    (void)close(ends[1]);
    while (read(ends[0], &revision, sizeof revision) == (ssize_t)sizeof revision) {
        acknowledged = revision;
        if (acknowledged == KILL_AT) {
            assert_int_equal(kill(child, SIGKILL), 0); /* in the middle of a later one */
        }
    }
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(acknowledged >= KILL_AT);
    fixture_open(f); /* the lock went with the process */
    assert_way_ok(way_store_poll(f->session, &position, &err), &err);
    assert_true(position.revision >= acknowledged);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change"), position.revision);
}

static void a_table_that_is_gone_is_an_unavailable_store(void **state)
{
    struct fixture *f = *state;
    struct way_position position;
    struct way_error err = {0};

    fixture_sql(f, "DROP TABLE override_state");
    assert_way_status(way_store_poll(f->session, &position, &err), WAY_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "override_state"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define TEST_EMPTY(name) \
    cmocka_unit_test_setup_teardown(name, fixture_setup_empty, fixture_teardown)

int run_sqlite_cases(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_second_process_is_refused),
        TEST(a_second_store_of_one_process_is_refused),
        TEST(a_file_is_free_again_when_its_store_is_closed),
        TEST_EMPTY(what_cannot_be_opened_is_refused_in_one_line),
        TEST_EMPTY(what_may_not_be_written_is_refused),
        TEST(a_full_disk_refuses_writes_whole_and_answers_reads),
        TEST(kill_9_loses_no_acknowledged_write),
        TEST(a_table_that_is_gone_is_an_unavailable_store),
    };

    return cmocka_run_group_tests_name("the file of SQLite", tests, NULL, NULL);
}
