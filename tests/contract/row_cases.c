/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fixture.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW_US INT64_C(1700000000123456)

static void begin(struct way_session *session, uint64_t count, uint8_t *tx, uint64_t *first)
{
    struct way_error err = {0};

    way_random_bytes(tx, WAY_TX_BYTES);
    assert_way_ok(way_store_begin(session, count, tx, first, &err), &err);
}

static uint64_t poll_revision(struct way_session *session)
{
    struct way_position position = {0};
    struct way_error err = {0};

    assert_way_ok(way_store_poll(session, &position, &err), &err);
    return position.revision;
}

static enum way_status read_key(struct way_session *session, const char *text,
                                struct way_override *row)
{
    struct way_key key = key_of(text);
    struct way_error err = {0};

    return way_store_read(session, &key, row, &err);
}

/* --- the change log as a list ------------------------------------------------------------------
 */

enum { LOG_MAX = 512 };

struct log_rows {
    size_t count;
    struct way_log_row rows[LOG_MAX];
};

static bool keep_log_row(void *owner, const struct way_log_row *row)
{
    struct log_rows *log = owner;

    assert_true(log->count < LOG_MAX);
    log->rows[log->count++] = *row;
    return true;
}

static struct log_rows *read_log(struct way_session *session, uint64_t from, size_t limit)
{
    struct log_rows *log = calloc(1, sizeof *log);
    struct way_error err = {0};

    assert_non_null(log);
    assert_way_ok(way_store_changes(session, from, limit, keep_log_row, log, &err), &err);
    return log;
}

/* --- tests -------------------------------------------------------------------------------------
 */

static void an_empty_store_has_revision_zero_and_no_rows(void **state)
{
    struct fixture *f = *state;
    struct way_override row;
    struct loaded loaded;

    load_all(f->session, &loaded);
    assert_int_equal(loaded.count, 0);
    assert_int_equal(loaded.position.revision, 0);
    assert_int_equal(loaded.position.low, 0);
    assert_way_status(read_key(f->session, "example.org", &row), WAY_NOT_FOUND);
    loaded_fini(&loaded);
}

static void every_field_comes_back_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    struct way_change *change = changes_new(1);
    struct way_override row;

    change_set(change, 0, "xn--bcher-kva.example", "2001:db8::1");
    change->row.is_enabled = false;
    change->row.created_at_us = way_time_from_civil(1999, 12, 31, 23, 59, 59, 999999);
    change->row.updated_at_us = way_time_from_civil(2026, 2, 28, 0, 0, 0, 1);
    for (size_t i = 0; i < WAY_COMMENT_MAX; i++) { /* as long as it may be, four bytes each */
        memcpy(change->row.comment + 4 * i, "\xf0\x9f\x93\xa7", 4);
    }
    (void)write_changes(f->session, change, 1);
    assert_way_status(read_key(f->session, "xn--bcher-kva.example", &row), WAY_OK);
    assert_string_equal(row.lookup_key.text, "xn--bcher-kva.example");
    assert_int_equal(row.lookup_key.kind, WAY_KEY_DOMAIN);
    assert_string_equal(row.target.host.text, "2001:db8::1");
    assert_int_equal(row.target.host.kind, WAY_KEY_IPV6);
    assert_false(row.is_enabled);
    assert_int_equal(row.revision, 1);
    assert_int_equal(row.created_at_us, change->row.created_at_us);
    assert_int_equal(row.updated_at_us, change->row.updated_at_us);
    assert_string_equal(row.created_by, "maker");
    assert_string_equal(row.updated_by, "changer");
    assert_string_equal(row.comment, change->row.comment);
    free(change);
}

static void what_looks_like_sql_is_text(void **state)
{
    static const char *const comments[] = {
        "'; DROP TABLE dns_overrides; --", "\\", "\\'", "%_", "\t\n", "\"", " ends in a blank ",
    };
    struct fixture *f = *state;
    struct way_change *change = changes_new(1);
    struct way_override row;

    for (size_t i = 0; i < WAY_COUNT_OF(comments); i++) {
        change_set(change, 0, "example.org", "192.0.2.1");
        (void)snprintf(change->row.comment, sizeof change->row.comment, "%s", comments[i]);
        (void)snprintf(change->reason, sizeof change->reason, "it's \\ \"quoted\"");
        (void)write_changes(f->session, change, 1);
        assert_way_status(read_key(f->session, "example.org", &row), WAY_OK);
        assert_string_equal(row.comment, comments[i]);
    }
    free(change);
}

static void the_longest_key_and_target_fit(void **state)
{
    struct fixture *f = *state;
    char key[WAY_KEY_MAX + 1];
    char target[WAY_KEY_MAX + 1];
    struct way_override row;

    for (size_t i = 0; i < WAY_KEY_MAX; i++) {
        key[i] = i % 64 == 63 ? '.' : 'k';
        target[i] = i % 64 == 63 ? '.' : 't';
    }
    key[WAY_KEY_MAX] = '\0';
    target[WAY_KEY_MAX] = '\0';
    (void)write_one(f->session, key, target);
    assert_way_status(read_key(f->session, key, &row), WAY_OK);
    assert_string_equal(row.lookup_key.text, key);
    assert_string_equal(row.target.host.text, target);
}

static void an_upsert_replaces_and_a_delete_removes(void **state)
{
    struct fixture *f = *state;
    struct way_change *change = changes_new(1);
    struct way_override row;

    (void)write_one(f->session, "example.org", "192.0.2.1");
    (void)write_one(f->session, "example.org", "192.0.2.2");
    assert_way_status(read_key(f->session, "example.org", &row), WAY_OK);
    assert_string_equal(row.target.host.text, "192.0.2.2");
    assert_int_equal(row.revision, 2);
    change_delete(change, 0, "example.org");
    assert_int_equal(write_changes(f->session, change, 1), 3);
    assert_way_status(read_key(f->session, "example.org", &row), WAY_NOT_FOUND);
    assert_int_equal(poll_revision(f->session), 3);
    free(change);
}

static void a_disabled_row_is_kept_and_not_loaded(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = changes_new(2);
    struct way_override row;
    struct loaded loaded;

    change_set(&changes[0], 0, "on.example", "192.0.2.1");
    change_set(&changes[1], 0, "off.example", "192.0.2.1");
    changes[1].row.is_enabled = false;
    (void)write_changes(f->session, changes, 2);
    load_all(f->session, &loaded);
    assert_int_equal(loaded.count, 1);
    assert_string_equal(loaded.lives[0].key.text, "on.example");
    assert_string_equal(loaded.lives[0].target.host.text, "192.0.2.1");
    assert_int_equal(loaded.lives[0].revision, 1);
    assert_int_equal(loaded.position.revision, 2);
    assert_way_status(read_key(f->session, "off.example", &row), WAY_OK);
    loaded_fini(&loaded);
    free(changes);
}

/* More than one round trip of each kind of statement. */
static void a_large_batch_is_written_and_fetched_whole(void **state)
{
    enum { COUNT = 300, KEYS = COUNT + 2 };
    struct fixture *f = *state;
    struct way_change *changes = changes_new(COUNT);
    struct way_key keys[KEYS];
    const struct way_key *pointers[KEYS];
    struct way_override *rows = calloc(KEYS, sizeof *rows);
    bool found[KEYS];
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first;
    struct way_error err = {0};

    assert_non_null(rows);
    for (size_t i = 0; i < COUNT; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "host%zu.example", i);
        if (i % 7 == 3) {
            change_delete(&changes[i], 0, name);
        } else {
            change_set(&changes[i], 0, name, i % 2 == 0 ? "192.0.2.1" : "relay.example");
        }
        keys[i] = key_of(name);
    }
    keys[COUNT] = key_of("absent.example");
    keys[COUNT + 1] = keys[0]; /* a second time */
    for (size_t i = 0; i < KEYS; i++) {
        pointers[i] = &keys[i];
    }
    (void)write_changes(f->session, changes, COUNT);
    begin(f->session, 1, tx, &first);
    assert_int_equal(first, COUNT + 1);
    memset(found, 1, sizeof found);
    assert_way_ok(way_store_fetch(f->session, pointers, KEYS, rows, found, &err), &err);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(found[i], i % 7 != 3);
        if (found[i]) {
            assert_string_equal(rows[i].lookup_key.text, keys[i].text);
            assert_int_equal(rows[i].revision, i + 1);
        }
    }
    assert_false(found[COUNT]);
    assert_true(found[COUNT + 1]);
    assert_string_equal(rows[COUNT + 1].lookup_key.text, "host0.example");
    way_store_rollback(f->session);
    free(rows);
    free(changes);
}

static void of_several_changes_of_a_key_the_last_stays(void **state)
{
    static const char *const targets[] = {"192.0.2.1", NULL, "192.0.2.3", "192.0.2.4"};
    struct fixture *f = *state;
    struct way_change *changes = changes_new(6);
    struct way_override row;

    for (size_t i = 0; i < WAY_COUNT_OF(targets); i++) {
        if (targets[i] == NULL) {
            change_delete(&changes[i], 0, "stays.example");
        } else {
            change_set(&changes[i], 0, "stays.example", targets[i]);
        }
    }
    change_set(&changes[4], 0, "goes.example", "192.0.2.1");
    change_delete(&changes[5], 0, "goes.example");
    (void)write_changes(f->session, changes, 6);
    assert_way_status(read_key(f->session, "stays.example", &row), WAY_OK);
    assert_string_equal(row.target.host.text, "192.0.2.4");
    assert_int_equal(row.revision, 4);
    assert_way_status(read_key(f->session, "goes.example", &row), WAY_NOT_FOUND);
    free(changes);
}

static void revisions_that_were_not_used_are_given_again(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = changes_new(3);
    struct log_rows *log;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_error err = {0};

    begin(f->session, 10, tx, &first);
    assert_int_equal(first, 1);
    for (size_t i = 0; i < 3; i++) {
        char name[] = "a.example";

        name[0] = (char)('a' + i);
        change_set(&changes[i], first + i, name, "192.0.2.1");
    }
    assert_way_ok(way_store_apply(f->session, changes, 2, NOW_US, &err), &err);
    assert_way_ok(way_store_apply(f->session, changes + 2, 1, NOW_US, &err), &err);
    assert_way_ok(way_store_commit(f->session, 3, &err), &err);
    assert_int_equal(poll_revision(f->session), 3);
    begin(f->session, 2, tx, &first);
    assert_int_equal(first, 4);
    way_store_rollback(f->session);
    log = read_log(f->session, 0, LOG_MAX);
    assert_int_equal(log->count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(log->rows[i].revision, i + 1);
        assert_int_equal(log->rows[i].seq, 0);
    }
    free(log);
    free(changes);
}

/* Leaves an open write with one row; the caller ends it. */
static void begin_and_apply(struct fixture *f, uint8_t *tx)
{
    struct way_change *change = changes_new(1);
    uint64_t first = 0;
    struct way_error err = {0};

    begin(f->session, 1, tx, &first);
    change_set(change, first, "example.org", "192.0.2.1");
    assert_way_ok(way_store_apply(f->session, change, 1, NOW_US, &err), &err);
    free(change);
}

static void assert_nothing_was_written(struct fixture *f, const uint8_t *tx)
{
    struct way_override row;
    struct log_rows *log = read_log(f->session, 0, LOG_MAX);
    uint64_t committed = 0;
    struct way_error err = {0};

    assert_int_equal(log->count, 0);
    assert_int_equal(poll_revision(f->session), 0);
    assert_way_status(read_key(f->session, "example.org", &row), WAY_NOT_FOUND);
    assert_way_ok(way_store_settle(f->session, tx, &committed, &err), &err);
    assert_int_equal(committed, 0);
    free(log);
}

static void a_rollback_leaves_nothing(void **state)
{
    uint8_t tx[WAY_TX_BYTES];

    begin_and_apply(*state, tx);
    way_store_rollback(((struct fixture *)*state)->session);
    assert_nothing_was_written(*state, tx);
}

static void a_commit_of_no_revision_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    struct way_error err = {0};

    begin_and_apply(f, tx);
    assert_way_ok(way_store_commit(f->session, 0, &err), &err);
    assert_nothing_was_written(f, tx);
}

static void a_session_closed_in_a_write_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];

    begin_and_apply(f, tx);
    way_session_close(f->session);
    f->session = fixture_new_session(f);
    assert_nothing_was_written(f, tx);
}

static void settle_knows_what_was_committed(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    uint8_t other[WAY_TX_BYTES];
    uint64_t committed = 0;
    struct way_error err = {0};

    begin_and_apply(f, tx);
    assert_way_ok(way_store_commit(f->session, 1, &err), &err);
    assert_way_ok(way_store_settle(f->session, tx, &committed, &err), &err);
    assert_true(committed > 0);
    memcpy(other, tx, sizeof other);
    other[WAY_TX_BYTES - 1] ^= 1;
    assert_way_ok(way_store_settle(f->session, other, &committed, &err), &err);
    assert_int_equal(committed, 0);
    (void)write_one(f->session, "next.example", "192.0.2.1"); /* settling held nothing */
}

static void a_transaction_cannot_be_committed_twice(void **state)
{
    struct fixture *f = *state;
    struct way_change *change = changes_new(1);
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_override row;
    struct way_error err = {0};

    begin_and_apply(f, tx);
    assert_way_ok(way_store_commit(f->session, 1, &err), &err);
    assert_way_ok(way_store_begin(f->session, 1, tx, &first, &err), &err);
    change_set(change, first, "example.org", "192.0.2.99");
    assert_way_status(way_store_apply(f->session, change, 1, NOW_US, &err), WAY_UNSETTLED);
    way_store_rollback(f->session); /* is harmless: the failure has ended the write */
    assert_int_equal(poll_revision(f->session), 1);
    assert_way_status(read_key(f->session, "example.org", &row), WAY_OK);
    assert_string_equal(row.target.host.text, "192.0.2.1");
    free(change);
}

static void the_log_tells_each_change_and_how_the_row_is_now(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = changes_new(3);
    struct log_rows *log;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_error err = {0};

    begin(f->session, 1, tx, &first); /* one revision with three changes */
    change_set(&changes[0], first, "stays.example", "192.0.2.1");
    change_set(&changes[1], first, "goes.example", "192.0.2.2");
    change_set(&changes[2], first, "off.example", "192.0.2.3");
    assert_way_ok(way_store_apply(f->session, changes, 2, NOW_US, &err), &err);
    assert_way_ok(way_store_apply(f->session, changes + 2, 1, NOW_US, &err), &err);
    assert_way_ok(way_store_commit(f->session, 1, &err), &err);
    change_delete(&changes[0], 0, "goes.example");
    (void)write_changes(f->session, changes, 1);
    changes[2].row.is_enabled = false;
    (void)write_changes(f->session, changes + 2, 1);

    log = read_log(f->session, 0, LOG_MAX);
    assert_int_equal(log->count, 5);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(log->rows[i].revision, 1);
        assert_int_equal(log->rows[i].seq, i);
        assert_int_equal(log->rows[i].op, WAY_OP_UPSERT);
        assert_memory_equal(log->rows[i].tx, tx, WAY_TX_BYTES);
    }
    assert_string_equal(log->rows[0].key.text, "stays.example");
    assert_true(log->rows[0].is_live);
    assert_string_equal(log->rows[0].live.target.host.text, "192.0.2.1");
    assert_int_equal(log->rows[0].live.revision, 1);
    assert_string_equal(log->rows[1].key.text, "goes.example");
    assert_false(log->rows[1].is_live);
    assert_string_equal(log->rows[2].key.text, "off.example");
    assert_false(log->rows[2].is_live);
    assert_int_equal(log->rows[3].op, WAY_OP_DELETE);
    assert_int_equal(log->rows[3].revision, 2);
    assert_string_equal(log->rows[3].key.text, "goes.example");
    assert_memory_not_equal(log->rows[3].tx, tx, WAY_TX_BYTES);
    free(log);

    log = read_log(f->session, 0, 2);
    assert_int_equal(log->count, 2);
    free(log);
    log = read_log(f->session, 1, LOG_MAX); /* begins with the first line of what is known */
    assert_int_equal(log->count, 3);
    assert_int_equal(log->rows[0].revision, 1);
    assert_int_equal(log->rows[0].seq, 0);
    assert_int_equal(log->rows[1].revision, 2);
    free(log);
    log = read_log(f->session, 4, LOG_MAX);
    assert_int_equal(log->count, 0);
    free(log);
    free(changes);
}

static void the_log_keeps_actor_and_reason(void **state)
{
    struct fixture *f = *state;
    struct way_change *change = changes_new(1);
    char text[WAY_REASON_MAX + 1];

    change_set(change, 0, "example.org", "192.0.2.1");
    (void)snprintf(change->actor, sizeof change->actor, "alice");
    memset(change->reason, 'r', WAY_REASON_MAX);
    (void)write_changes(f->session, change, 1);
    fixture_text(f, "SELECT actor FROM override_change", text, sizeof text);
    assert_string_equal(text, "alice");
    fixture_text(f, "SELECT reason FROM override_change", text, sizeof text);
    assert_string_equal(text, change->reason);
    free(change);
}

static void another_session_sees_a_commit_at_once(void **state)
{
    struct fixture *f = *state;
    struct way_session *other = fixture_new_session(f);
    struct way_override row;

    assert_int_equal(poll_revision(other), 0);
    (void)write_one(f->session, "example.org", "192.0.2.1");
    assert_int_equal(poll_revision(other), 1);
    assert_way_status(read_key(other, "example.org", &row), WAY_OK);
    way_session_close(other);
}

static void an_open_write_is_not_seen_and_does_not_block_reads(void **state)
{
    struct fixture *f = *state;
    struct way_session *other = fixture_new_session(f);
    struct way_override row;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t started = way_clock_mono_ms();
    struct loaded loaded;

    begin_and_apply(f, tx);
    assert_int_equal(poll_revision(other), 0);
    assert_way_status(read_key(other, "example.org", &row), WAY_NOT_FOUND);
    load_all(other, &loaded);
    assert_int_equal(loaded.count, 0);
    assert_true(way_clock_mono_ms() - started < 2000);
    way_store_rollback(f->session);
    way_session_close(other);
}

static bool stop_at_once(void *owner, const struct way_live *live)
{
    (void)live;
    ++*(size_t *)owner;
    return false;
}

static void a_load_that_is_stopped_leaves_the_session_usable(void **state)
{
    struct fixture *f = *state;
    struct way_position position = {0};
    size_t seen = 0;
    struct way_error err = {0};

    (void)write_one(f->session, "a.example", "192.0.2.1");
    (void)write_one(f->session, "b.example", "192.0.2.1");
    assert_way_ok(way_store_load(f->session, stop_at_once, &seen, &position, &err), &err);
    assert_int_equal(seen, 1);
    (void)write_one(f->session, "c.example", "192.0.2.1");
    assert_int_equal(poll_revision(f->session), 3);
}

static void a_row_that_was_edited_by_hand_is_skipped_with_one_warning(void **state)
{
    struct fixture *f = *state;
    struct loaded loaded;
    char *log;

    (void)write_one(f->session, "good.example", "192.0.2.1");
    (void)write_one(f->session, "bad.example", "192.0.2.1");
    (void)write_one(f->session, "worse.example", "192.0.2.1");
    fixture_sql(f, "UPDATE dns_overrides SET lookup_key = 'Bad.Example.' "
                   "WHERE lookup_key = 'bad.example'");
    fixture_sql(f, "UPDATE dns_overrides SET target_host = 'https://x/' "
                   "WHERE lookup_key = 'worse.example'");
    log_catch();
    load_all(f->session, &loaded);
    log = log_caught();
    assert_int_equal(loaded.count, 1);
    assert_string_equal(loaded.lives[0].key.text, "good.example");
    assert_int_equal(count_lines(log, "level=warn event=store.rows_skipped rows=2"), 1);
    assert_int_equal(count_lines(log, "store.rows_skipped"), 1);
    free(log);
    loaded_fini(&loaded);
}

static void the_epoch_stays(void **state)
{
    struct fixture *f = *state;
    struct way_position before = {0};
    struct way_position after = {0};
    const uint8_t zero[WAY_EPOCH_BYTES] = {0};
    struct way_error err = {0};

    assert_way_ok(way_store_poll(f->session, &before, &err), &err);
    assert_memory_not_equal(before.epoch, zero, sizeof zero);
    (void)write_one(f->session, "example.org", "192.0.2.1");
    fixture_close(f);
    fixture_open(f);
    assert_way_ok(way_store_poll(f->session, &after, &err), &err);
    assert_memory_equal(before.epoch, after.epoch, sizeof before.epoch);
}

static void a_session_says_where_it_leads(void **state)
{
    struct fixture *f = *state;

    assert_non_null(strstr(way_session_place(f->session),
                           f->engine == WAY_ENGINE_SQLITE ? f->url.path : f->url.socket));
    assert_string_equal(way_store_name(f->store),
                        f->engine == WAY_ENGINE_SQLITE ? "sqlite" : "mariadb");
    assert_int_equal(way_store_is_shared(f->store), f->engine != WAY_ENGINE_SQLITE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int run_row_cases(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(an_empty_store_has_revision_zero_and_no_rows),
        TEST(every_field_comes_back_as_it_was_written),
        TEST(what_looks_like_sql_is_text),
        TEST(the_longest_key_and_target_fit),
        TEST(an_upsert_replaces_and_a_delete_removes),
        TEST(a_disabled_row_is_kept_and_not_loaded),
        TEST(a_large_batch_is_written_and_fetched_whole),
        TEST(of_several_changes_of_a_key_the_last_stays),
        TEST(revisions_that_were_not_used_are_given_again),
        TEST(a_rollback_leaves_nothing),
        TEST(a_commit_of_no_revision_leaves_nothing),
        TEST(a_session_closed_in_a_write_leaves_nothing),
        TEST(settle_knows_what_was_committed),
        TEST(a_transaction_cannot_be_committed_twice),
        TEST(the_log_tells_each_change_and_how_the_row_is_now),
        TEST(the_log_keeps_actor_and_reason),
        TEST(another_session_sees_a_commit_at_once),
        TEST(an_open_write_is_not_seen_and_does_not_block_reads),
        TEST(a_load_that_is_stopped_leaves_the_session_usable),
        TEST(a_row_that_was_edited_by_hand_is_skipped_with_one_warning),
        TEST(the_epoch_stays),
        TEST(a_session_says_where_it_leads),
    };

    return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
