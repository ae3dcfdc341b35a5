/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fixture.h"
#include "story.h"

#include "base/clock.h"
#include "store/driver.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STEPS_MAX = 100, /* of any pruning here */
    STORY_REVISIONS = 10,
};

/* One revision a second, of one row each; every third has three rows. */
static void tell_story(struct fixture *f)
{
    struct way_change *changes = changes_new(3);

    for (unsigned i = 1; i <= STORY_REVISIONS; i++) {
        for (size_t row = 0; row < 3; row++) {
            char key[32];

            (void)snprintf(key, sizeof key, "k%zu.example", row);
            story_set(&changes[row], key, "192.0.2.1", NULL);
        }
        assert_int_equal(story_write(f->session, changes, i % 3 == 0 ? 3 : 1, true,
                                     STORY_BEGAN_US + i * STORY_SECOND_US, NULL),
                         i);
    }
    free(changes);
}

/* Until nothing is left to do; gives how many steps that took. `log`, `history`: the second of the
 * story at which what is kept begins. */
static unsigned prune(struct way_session *session, int64_t log, int64_t history)
{
    const int64_t now_us = STORY_BEGAN_US + 1000000 * STORY_SECOND_US;
    const struct way_retention retention = {.log_us = (1000000 - log) * STORY_SECOND_US,
                                            .history_us = (1000000 - history) * STORY_SECOND_US};
    struct way_error err = {0};
    bool is_done = false;
    unsigned steps = 0;

    while (!is_done) {
        enum way_status status = way_store_prune(session, now_us, &retention, &is_done, &err);

        if (status != WAY_BUSY) { /* somebody else was first */
            assert_way_ok(status, &err);
        }
        assert_in_range(steps++, 0, STEPS_MAX);
    }
    return steps;
}

static void expect_marks(struct fixture *f, long long low, long long history_low)
{
    assert_int_equal(fixture_number(f, "SELECT low FROM override_state"), low);
    assert_int_equal(fixture_number(f, "SELECT history_low FROM override_state"), history_low);
}

/* Which revisions the log has: from `first` to the newest, all rows of each. */
static void expect_rows_from(struct fixture *f, long long first)
{
    long long rows = 0;

    for (long long i = first; i <= STORY_REVISIONS; i++) {
        rows += i % 3 == 0 ? 3 : 1;
    }
    assert_int_equal(fixture_number(f, "SELECT MIN(revision) FROM override_change"), first);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change"), rows);
    assert_int_equal(fixture_number(f, "SELECT n FROM override_state"), STORY_REVISIONS);
}

static void each_mark_moves_over_what_is_old_enough(void **state)
{
    static const struct {
        int64_t log, history; /* seconds */
        long long want_log, want_history;
    } cases[] = {
        {0, 0, 0, 0},   {1, 1, 0, 0}, /* not older than what is kept: just as old */
        {2, 1, 1, 0},   {1, 2, 0, 1},   {4, 7, 3, 6},
        {7, 4, 6, 3},   {10, 10, 9, 9}, {11, 1, 9, 0}, /* the newest stays */
        {99, 99, 9, 9},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        long long low = cases[i].want_log;
        long long history_low = cases[i].want_history;
        struct fixture *f;

        print_message("    %" PRId64 ", %" PRId64 "\n", cases[i].log, cases[i].history);
        (void)fixture_setup(state);
        f = *state;
        tell_story(f);
        (void)prune(f->session, cases[i].log, cases[i].history);
        expect_marks(f, low, history_low);
        expect_rows_from(f, (low < history_low ? low : history_low) + 1);
        assert_int_equal(prune(f->session, cases[i].log, cases[i].history), 1); /* all is done */
        expect_marks(f, low, history_low);
        (void)prune(f->session, 1, 1); /* marks never go back */
        expect_marks(f, low, history_low);
        (void)fixture_teardown(state);
    }
}

static void an_empty_log_has_nothing_to_forget(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(prune(f->session, 99, 99), 1);
    expect_marks(f, 0, 0);
    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    assert_int_equal(prune(f->session, 99, 99), 1);
    expect_marks(f, 0, 0);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change"), 1);
}

static void the_marks_follow_the_slower_of_both(void **state)
{
    struct fixture *f = *state;

    tell_story(f);
    (void)prune(f->session, 8, 3);
    expect_marks(f, 7, 2);
    expect_rows_from(f, 3);
    (void)prune(f->session, 8, 6);
    expect_marks(f, 7, 5);
    expect_rows_from(f, 6);
    (void)prune(f->session, 9, 10);
    expect_marks(f, 8, 9);
    expect_rows_from(f, 9);
}

static void a_clock_that_was_set_back_keeps_more(void **state)
{
    struct fixture *f = *state;

    tell_story(f);
    /* Revision 4 seems newer than all others: what is behind it waits for it. */
    fixture_sql(f, f->engine == WAY_ENGINE_SQLITE
                       ? "UPDATE override_change SET at = at + 100000000 WHERE revision = 4"
                       : "UPDATE override_change SET at = at + INTERVAL 100 SECOND "
                         "WHERE revision = 4");
    (void)prune(f->session, 9, 9);
    expect_marks(f, 3, 3);
    expect_rows_from(f, 4);
}

/* Revision 4 is from the future of whoever prunes: it would hold up all that follows for so long.
 */
static void a_clock_that_was_wrong_once_holds_up_nothing(void **state)
{
    struct fixture *f = *state;

    tell_story(f);
    fixture_sql(f, f->engine == WAY_ENGINE_SQLITE
                       ? "UPDATE override_change SET at = at + 9000000000000 WHERE revision = 4"
                       : "UPDATE override_change SET at = at + INTERVAL 9000000 SECOND "
                         "WHERE revision = 4");
    (void)prune(f->session, 9, 9);
    expect_marks(f, 8, 8);
    expect_rows_from(f, 9);
}

static void holes_and_lines_ahead_do_no_harm(void **state)
{
    struct fixture *f = *state;

    tell_story(f);
    fixture_sql(f, "DELETE FROM override_change WHERE revision IN (1, 5)");
    fixture_sql(f, "UPDATE override_state SET n = 8");
    (void)prune(f->session, 99, 99);
    expect_marks(f, 7, 7); /* 8 is the newest now */
    assert_int_equal(fixture_number(f, "SELECT MIN(revision) FROM override_change"), 8);
    assert_int_equal(fixture_number(f, "SELECT MAX(revision) FROM override_change"), 10);
}

static void what_others_know_stays_true(void **state)
{
    struct fixture *f = *state;
    struct tale read = {.count = 0};
    struct way_feed_page page;
    struct way_feed_query query = {.since = 6, .limit = 100};
    struct way_key key = key_of("k1.example");
    struct way_past past;
    struct loaded loaded;
    struct way_error err = {0};

    tell_story(f);
    (void)prune(f->session, 7, 7);
    assert_way_ok(way_store_feed(f->session, &query, tale_keep, &read, &page, &err), &err);
    assert_int_equal(read.count, 6);
    tale_fini(&read);
    query.since = 5;
    assert_way_status(way_store_feed(f->session, &query, tale_keep, &read, &page, &err), WAY_GONE);
    assert_way_ok(way_store_past(f->session, &key, 6, &past, &err), &err);
    assert_int_equal(past.kind, WAY_PAST_ROW);
    assert_way_status(way_store_past(f->session, &key, 5, &past, &err), WAY_GONE);
    load_all(f->session, &loaded);
    assert_int_equal(loaded.position.low, 6);
    assert_int_equal(loaded.count, 3);
    loaded_fini(&loaded);
    assert_int_equal(story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL),
                     STORY_REVISIONS + 1);
}

/* --- many rows ---------------------------------------------------------------------------------
 */

static void write_many(struct fixture *f, size_t count, bool is_one_revision, int64_t at_us)
{
    struct way_change *changes = changes_new(count);

    for (size_t i = 0; i < count; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "k%zu.example", i);
        story_set(&changes[i], key, "192.0.2.1", NULL);
    }
    (void)story_write(f->session, changes, count, is_one_revision, at_us, NULL);
    free(changes);
}

static void many_revisions_go_step_by_step(void **state)
{
    enum { MANY = 2 * WAY_PRUNE_ROWS_MAX + 500 };
    struct fixture *f = *state;

    write_many(f, MANY, false, STORY_BEGAN_US);
    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US + STORY_SECOND_US, NULL);
    assert_in_range(prune(f->session, 1, 1), 3, 5);
    expect_marks(f, MANY, MANY);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change"), 1);
}

static void a_large_revision_is_forgotten_whole(void **state)
{
    enum { MANY = 2 * WAY_PRUNE_ROWS_MAX + 500 };
    struct fixture *f = *state;
    const struct way_retention retention = {.log_us = 0, .history_us = 0};
    struct way_error err = {0};
    bool is_done = true;

    write_many(f, MANY, true, STORY_BEGAN_US);
    (void)prune(f->session, 1, 1); /* it is the newest */
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change"), MANY);
    expect_marks(f, 0, 0);
    write_many(f, 3, true, STORY_BEGAN_US + STORY_SECOND_US);
    assert_way_ok(way_store_prune(f->session, STORY_BEGAN_US + 1, &retention, &is_done, &err),
                  &err);
    assert_false(is_done);
    expect_marks(f, 1, 1); /* from now on nobody looks at its rows */
    assert_in_range(fixture_number(f, "SELECT COUNT(*) FROM override_change"), 1, MANY);
    assert_in_range(prune(f->session, 1, 1), 2, 4);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change"), 3);
}

/* --- several at once ---------------------------------------------------------------------------
 */

struct pruner {
    struct way_session *session;
    int64_t log, history;
    enum way_status status;
    bool is_done;
    struct way_error err;
};

static void *prune_in_thread(void *argument)
{
    struct pruner *pruner = argument;
    const int64_t now_us = STORY_BEGAN_US + 1000000 * STORY_SECOND_US;
    const struct way_retention retention = {.log_us = (1000000 - pruner->log) * STORY_SECOND_US,
                                            .history_us =
                                                (1000000 - pruner->history) * STORY_SECOND_US};

    do {
        pruner->status =
            way_store_prune(pruner->session, now_us, &retention, &pruner->is_done, &pruner->err);
    } while (pruner->status == WAY_BUSY || (pruner->status == WAY_OK && !pruner->is_done));
    return NULL;
}

static void several_may_prune_at_once_while_others_write(void **state)
{
    enum { PRUNERS = 2, MANY = 3 * WAY_PRUNE_ROWS_MAX, MORE = 50 };
    struct fixture *f = *state;
    struct pruner pruners[PRUNERS];
    pthread_t threads[PRUNERS];

    write_many(f, MANY, false, STORY_BEGAN_US);
    for (size_t i = 0; i < PRUNERS; i++) {
        pruners[i] = (struct pruner){.session = fixture_new_session(f), .log = 1, .history = 1};
        assert_int_equal(pthread_create(&threads[i], NULL, prune_in_thread, &pruners[i]), 0);
    }
    for (unsigned i = 0; i < MORE; i++) {
        assert_int_equal(story_put(f->session, "a.example", i % 2 == 0 ? "192.0.2.1" : "192.0.2.2",
                                   STORY_BEGAN_US + STORY_SECOND_US, NULL),
                         MANY + 1 + i);
    }
    for (size_t i = 0; i < PRUNERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_way_ok(pruners[i].status, &pruners[i].err);
        way_session_close(pruners[i].session);
    }
    (void)prune(f->session, 1, 1);
    expect_marks(f, MANY, MANY);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change"), MORE);
    assert_int_equal(fixture_number(f, "SELECT COUNT(DISTINCT revision) FROM override_change"),
                     MORE);
}

/* In the write that is open. */
static void run_sql(struct way_session *session, const char *sql)
{
    struct way_error err = {0};

    assert_way_ok(way_session_execute(session, sql, &err), &err);
}

/* Another instance moves one mark while ours waits for the state row. Each mark that we move must
 * be there before rows behind it go. */
static void marks_that_another_moved_meanwhile_lose_nothing(void **state)
{
    struct fixture *f = *state;
    struct pruner pruner = {.log = 5, .history = 8};
    struct way_change *change = changes_new(1);
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first;
    struct way_error err = {0};
    pthread_t thread;

    if (f->engine == WAY_ENGINE_SQLITE) {
        free(change);
        skip(); /* nobody can see who waits */
        return;
    }
    tell_story(f);
    pruner.session = fixture_new_session(f);
    way_random_bytes(tx, sizeof tx);
    assert_way_ok(way_store_begin(f->session, 1, tx, &first, &err), &err);
    assert_int_equal(pthread_create(&thread, NULL, prune_in_thread, &pruner), 0);
    while (fixture_number(f, "SELECT COUNT(*) FROM information_schema.processlist "
                             "WHERE info LIKE 'UPDATE override_state%'") == 0) {
    }
    run_sql(f->session, "UPDATE override_state SET low = 6, history_low = 3");
    change_set(change, first, "a.example", "192.0.2.1");
    assert_way_ok(way_store_apply(f->session, change, 1, STORY_BEGAN_US, &err), &err);
    assert_way_ok(way_store_commit(f->session, 1, &err), &err);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_way_ok(pruner.status, &pruner.err);
    expect_marks(f, 6, 7);
    /* What our mark stood at is gone; what lies between it and theirs is the next step's. */
    assert_int_equal(fixture_number(f, "SELECT MIN(revision) FROM override_change"), 5);
    way_session_close(pruner.session);
    free(change);
}

static void an_open_write_is_waited_for_in_bounds(void **state)
{
    struct fixture *f = *state;
    struct way_session *other = fixture_new_session(f);
    const struct way_retention retention = {.log_us = 0, .history_us = 0};
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first;
    uint64_t started;
    struct way_error err = {0};
    bool is_done = false;

    tell_story(f);
    way_random_bytes(tx, sizeof tx);
    assert_way_ok(way_store_begin(f->session, 1, tx, &first, &err), &err);
    started = way_clock_mono_ms();
    assert_way_status(
        way_store_prune(other, STORY_BEGAN_US + 1000 * STORY_SECOND_US, &retention, &is_done, &err),
        WAY_BUSY);
    assert_true(way_clock_mono_ms() - started < WAY_STORE_CALL_MAX_MS);
    way_store_rollback(f->session);
    expect_marks(f, 0, 0);
    expect_rows_from(f, 1);
    (void)prune(other, 99, 99); /* the same session again */
    expect_marks(f, 9, 9);
    expect_rows_from(f, 10);
    assert_way_ok(way_store_begin(f->session, 1, tx, &first, &err), &err); /* nothing is held */
    assert_int_equal(first, STORY_REVISIONS + 1);
    way_store_rollback(f->session);
    way_session_close(other);
}

static void a_schema_that_is_newer_is_left_alone(void **state)
{
    struct fixture *f = *state;
    const struct way_retention retention = {.log_us = 0, .history_us = 0};
    struct way_error err = {0};
    bool is_done = false;

    tell_story(f);
    fixture_sql(f, "INSERT INTO schema_migration (version, name, sha256, is_expand) "
                   "VALUES (9999, '9999_later', '0', 0)");
    for (unsigned marked = 0; marked < 2; marked++) {
        assert_way_status(way_store_prune(f->session, STORY_BEGAN_US + 1000 * STORY_SECOND_US,
                                          &retention, &is_done, &err),
                          WAY_UNAVAILABLE);
        assert_non_null(strstr(err.detail, "9999_later"));
        expect_rows_from(f, 1);
        expect_marks(f, marked == 0 ? 0 : 9, marked == 0 ? 0 : 9);
        fixture_sql(f, "UPDATE override_state SET low = 9, history_low = 9"); /* by the newer one */
    }
    fixture_sql(f, "DELETE FROM schema_migration WHERE version = 9999");
    (void)prune(f->session, 99, 99);
    expect_rows_from(f, 10);
}

/* --- how much is read --------------------------------------------------------------------------
 */

enum {
    LOG_ROWS = 20 * WAY_PRUNE_ROWS_MAX,
    FEW_KEYS_ROWS = 3,   /* of one key */
    ROWS_READ_MAX = 200, /* for what gives a handful of rows */
};

static void fill_log(struct fixture *f)
{
    struct way_change *changes = changes_new(WAY_PRUNE_ROWS_MAX);

    for (unsigned round = 0; round < LOG_ROWS / WAY_PRUNE_ROWS_MAX; round++) {
        for (size_t i = 0; i < WAY_PRUNE_ROWS_MAX; i++) {
            char key[32];

            (void)snprintf(key, sizeof key, "k%u-%zu.example", round, i);
            change_set(&changes[i], 0, key, "192.0.2.1");
        }
        (void)write_changes(f->session, changes, WAY_PRUNE_ROWS_MAX);
        if (round % 8 == 0) {
            (void)write_one(f->session, "rare.example", "192.0.2.1");
        }
    }
    free(changes);
    fixture_sql(f, "ANALYZE TABLE override_change, dns_overrides");
}

static long long rows_read(struct fixture *f)
{
    /* A thread adds what it has read when its statement is over. */
    return fixture_number(f, "SELECT COALESCE(SUM(rows_read), 0) "
                             "FROM information_schema.table_statistics "
                             "WHERE table_name = 'override_change'");
}

static void expect_read(struct fixture *f, const char *what, long long max)
{
    long long rows = rows_read(f);

    print_message("    %s: %lld rows\n", what, rows);
    assert_in_range(rows, 0, max);
    fixture_sql(f, "FLUSH TABLE_STATISTICS");
}

static void no_question_reads_the_whole_log(void **state)
{
    struct fixture *f = *state;
    struct way_history_query query = {
        .limit = 10, .has_key = true, .from_us = INT64_MIN, .until_us = INT64_MAX};
    struct tale read = {.count = 0};
    struct way_feed_page page;
    struct way_past past;
    const struct way_retention retention = {.log_us = 0, .history_us = 0};
    struct way_error err = {0};
    bool is_done;
    bool has_more;

    if (f->engine == WAY_ENGINE_SQLITE) {
        skip(); /* does not count */
    }
    fill_log(f);
    query.key = key_of("rare.example");
    fixture_sql(f, "SET GLOBAL userstat = 1");
    fixture_sql(f, "FLUSH TABLE_STATISTICS");

    assert_way_ok(way_store_history(f->session, &query, tale_keep, &read, &has_more, &err), &err);
    assert_int_equal(read.count, FEW_KEYS_ROWS);
    expect_read(f, "the history of one key", ROWS_READ_MAX);
    query.key = key_of("never.example");
    assert_way_status(way_store_history(f->session, &query, tale_keep, &read, &has_more, &err),
                      WAY_NOT_FOUND);
    expect_read(f, "a key that was never known", ROWS_READ_MAX);
    query.has_key = false;
    query.has_after = true;
    query.after_revision = LOG_ROWS / 2;
    assert_way_ok(way_store_history(f->session, &query, tale_keep, &read, &has_more, &err), &err);
    expect_read(f, "a page of the history", ROWS_READ_MAX);
    query.key = key_of("rare.example");
    assert_way_ok(way_store_past(f->session, &query.key, LOG_ROWS / 2, &past, &err), &err);
    expect_read(f, "what was", ROWS_READ_MAX);
    assert_way_ok(way_store_revision(f->session, LOG_ROWS / 2, tale_keep_of_revision, &read, &err),
                  &err);
    expect_read(f, "a revision", ROWS_READ_MAX);
    assert_way_ok(way_store_feed(f->session,
                                 &(struct way_feed_query){.since = LOG_ROWS / 2, .limit = 10},
                                 tale_keep, &read, &page, &err),
                  &err);
    expect_read(f, "a page of the feed", ROWS_READ_MAX);
    tale_fini(&read);
    for (unsigned step = 0; step < 3; step++) { /* in the middle, when the mark is not at 0 */
        assert_way_ok(way_store_prune(f->session, way_clock_wall_us() + STORY_SECOND_US, &retention,
                                      &is_done, &err),
                      &err);
        assert_false(is_done);
        expect_read(f, "a step of pruning", 5LL * WAY_PRUNE_ROWS_MAX);
    }
    fixture_sql(f, "SET GLOBAL userstat = 0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int run_prune_cases(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mark_moves_over_what_is_old_enough),
        TEST(an_empty_log_has_nothing_to_forget),
        TEST(the_marks_follow_the_slower_of_both),
        TEST(a_clock_that_was_set_back_keeps_more),
        TEST(a_clock_that_was_wrong_once_holds_up_nothing),
        TEST(holes_and_lines_ahead_do_no_harm),
        TEST(what_others_know_stays_true),
        TEST(many_revisions_go_step_by_step),
        TEST(a_large_revision_is_forgotten_whole),
        TEST(several_may_prune_at_once_while_others_write),
        TEST(marks_that_another_moved_meanwhile_lose_nothing),
        TEST(an_open_write_is_waited_for_in_bounds),
        TEST(a_schema_that_is_newer_is_left_alone),
        TEST(no_question_reads_the_whole_log),
    };

    return cmocka_run_group_tests_name("pruning", tests, NULL, NULL);
}
