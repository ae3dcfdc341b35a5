/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fixture.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 60, WRITERS = 3, LOADS = 25 };

struct writer {
    struct way_store *store;
    atomic_bool *must_stop; /* NULL: ROUNDS transactions */
    unsigned done;
    enum way_status status; /* the one that ended it too early */
    struct way_error err;
};

/* One transaction that counts in a comment: what it reads decides what it writes. */
static enum way_status count_up(struct way_session *session, struct way_change *changes,
                                struct way_override *row, struct way_error *err)
{
    const struct way_key *key = &changes[0].row.lookup_key;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    bool found = false;
    enum way_status status;

    way_random_bytes(tx, sizeof tx);
    status = way_store_begin(session, 3, tx, &first, err);
    if (status == WAY_OK) {
        status = way_store_fetch(session, &key, 1, row, &found, err);
    }
    if (status == WAY_OK) {
        long number = found ? strtol(row->comment, NULL, 10) : 0;

        /* Both rows say the same, in one revision; and one revision is left over. */
        for (size_t i = 0; i < 2; i++) {
            changes[i].revision = first;
            (void)snprintf(changes[i].row.comment, sizeof changes[i].row.comment, "%ld",
                           number + 1);
            (void)snprintf(changes[i].row.target.host.text, sizeof changes[i].row.target.host.text,
                           "n%ld.example", number + 1);
            changes[i].row.target.host.len = (uint8_t)strlen(changes[i].row.target.host.text);
        }
        status = way_store_apply(session, changes, 2, way_clock_wall_us(), err);
    }
    return status == WAY_OK ? way_store_commit(session, 1, err) : status;
}

static void *write_rounds(void *argument)
{
    struct writer *writer = argument;
    struct way_session *session = NULL;
    struct way_change *changes = calloc(2, sizeof *changes);
    struct way_override *row = calloc(1, sizeof *row);

    writer->status = way_session_open(writer->store, &session, &writer->err);
    if (changes == NULL || row == NULL || writer->status != WAY_OK) {
        goto out;
    }
    change_set(&changes[0], 0, "left.example", "192.0.2.1");
    change_set(&changes[1], 0, "right.example", "192.0.2.1");
    while (writer->must_stop == NULL ? writer->done < ROUNDS : !atomic_load(writer->must_stop)) {
        enum way_status status = count_up(session, changes, row, &writer->err);

        way_store_rollback(session);
        if (status != WAY_OK && status != WAY_BUSY) {
            writer->status = status;
            break;
        }
        writer->done += status == WAY_OK;
    }

out:
    way_session_close(session);
    free(row);
    free(changes);
    return NULL;
}

struct dense {
    uint64_t last;
    size_t rows;
};

static bool check_dense(void *owner, const struct way_log_row *row)
{
    struct dense *dense = owner;

    assert_true(row->revision == dense->last ? row->seq == 1
                                             : row->revision == dense->last + 1 && row->seq == 0);
    dense->last = row->revision;
    dense->rows++;
    return true;
}

static void run_writers(struct way_store *store)
{
    struct writer writers[WRITERS] = {{.done = 0}};
    pthread_t threads[WRITERS];

    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.store = store};
        assert_int_equal(pthread_create(&threads[i], NULL, write_rounds, &writers[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_way_ok(writers[i].status, &writers[i].err);
        assert_int_equal(writers[i].done, ROUNDS);
    }
}

static void writers_lose_no_update_and_leave_no_hole(void **state)
{
    struct fixture *f = *state;
    struct way_key key = key_of("left.example");
    struct way_override row;
    struct dense dense = {.last = 0};
    struct way_error err = {0};

    run_writers(f->store);
    assert_way_ok(way_store_read(f->session, &key, &row, &err), &err);
    assert_int_equal(strtol(row.comment, NULL, 10), WRITERS * ROUNDS);
    assert_int_equal(row.revision, WRITERS * ROUNDS);
    assert_way_ok(way_store_changes(f->session, 0, 10000, check_dense, &dense, &err), &err);
    assert_int_equal(dense.last, WRITERS * ROUNDS);
    assert_int_equal(dense.rows, 2 * WRITERS * ROUNDS);
}

static void every_load_shows_one_moment_while_a_writer_writes(void **state)
{
    struct fixture *f = *state;
    atomic_bool must_stop = false;
    struct writer writer = {.store = f->store, .must_stop = &must_stop};
    pthread_t thread;
    uint64_t last = 0;
    size_t loads = 0;

    assert_int_equal(pthread_create(&thread, NULL, write_rounds, &writer), 0);
    while (loads < LOADS || last < LOADS) { /* until it has seen some change */
        struct loaded loaded;
        const struct way_live *left;
        const struct way_live *right;

        load_all(f->session, &loaded);
        left = loaded_find(&loaded, "left.example");
        right = loaded_find(&loaded, "right.example");
        assert_int_equal(loaded.count, loaded.position.revision == 0 ? 0 : 2);
        if (loaded.count == 2) {
            assert_string_equal(left->target.host.text, right->target.host.text);
            assert_int_equal(left->revision, loaded.position.revision);
            assert_int_equal(right->revision, loaded.position.revision);
        }
        assert_true(loaded.position.revision >= last);
        last = loaded.position.revision;
        loads++;
        loaded_fini(&loaded);
    }
    atomic_store(&must_stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_way_ok(writer.status, &writer.err);
}

static void a_writer_waits_for_the_one_before_it(void **state)
{
    struct fixture *f = *state;
    struct way_session *other = fixture_new_session(f);
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    uint64_t started;
    struct way_error err = {0};

    way_random_bytes(tx, sizeof tx);
    assert_way_ok(way_store_begin(f->session, 1, tx, &first, &err), &err);
    started = way_clock_mono_ms();
    assert_way_status(way_store_begin(other, 1, tx, &first, &err), WAY_BUSY);
    assert_true(way_clock_mono_ms() - started < WAY_STORE_CALL_MAX_MS);
    way_store_rollback(f->session);
    assert_way_ok(way_store_begin(other, 1, tx, &first, &err), &err); /* the same session again */
    assert_int_equal(first, 1);
    way_session_close(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int run_race_cases(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(writers_lose_no_update_and_leave_no_hole),
        TEST(every_load_shows_one_moment_while_a_writer_writes),
        TEST(a_writer_waits_for_the_one_before_it),
    };

    return cmocka_run_group_tests_name("races", tests, NULL, NULL);
}
