/* SPDX-License-Identifier: MIT */
/*
 * What sync makes of a database that shows less than it knows, or the same revision with another
 * content. tests/integration/test_follower.py does the same to a real one.
 */
#include "sync_fixture.h"

static void commit_own(struct fixture *fixture, const char *key, const char *target,
                       uint64_t revision)
{
    struct way_change change = {.revision = revision};
    uint8_t tx[WAY_TX_BYTES];

    change.row.lookup_key = fake_key(key);
    change.row.target.host = fake_key(target);
    change.row.is_enabled = true;
    change.row.revision = revision;
    fake_tx(revision, 0, tx);
    way_sync_committed(fixture->sync, tx, &change, 1);
}

/* The server forgets its newest revision. */
static void lose_newest(struct fake_store *fake, const char *key)
{
    struct way_key lost = fake_key(key);

    (void)pthread_mutex_lock(&fake->lock);
    fake->now.revision--;
    fake->line_count--;
    fake_drop_row(&fake->now, &lost);
    (void)pthread_mutex_unlock(&fake->lock);
}

static void a_revision_of_another_transaction_is_other_data(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;

    (void)fake_put(fake, "kept.example", "10.0.0.1");
    (void)fake_put(fake, "lost.example", "10.0.0.2");
    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fake, FAKE_POLL), 0);
    lose_newest(fake, "lost.example");
    fake->lineage = 1;
    (void)fake_put(fake, "other.example", "10.0.0.3"); /* the same revision */
    fake_set_gate(fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fake, FAKE_LOAD, 2));
    assert_true(fake_wait_polls(fake));
    assert_target(fixture, "lost.example", NULL);
    assert_target(fixture, "other.example", "10.0.0.3");
    assert_int_equal(fake_count(fake, FAKE_LOAD), 2);
}

static void it_is_found_behind_later_revisions_too(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;

    (void)fake_put(fake, "lost.example", "10.0.0.2");
    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fake, FAKE_POLL), 0);
    lose_newest(fake, "lost.example");
    fake->lineage = 1;
    (void)fake_put(fake, "other.example", "10.0.0.3");
    (void)fake_put(fake, "later.example", "10.0.0.4");
    fake_set_gate(fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fake, FAKE_LOAD, 2));
    assert_true(fake_wait_polls(fake));
    assert_target(fixture, "lost.example", NULL);
    assert_target(fixture, "later.example", "10.0.0.4");
}

/* One server alone never lags behind itself. */
static void a_server_that_shows_less_was_set_back(void **state)
{
    struct fixture *fixture = *state;

    (void)fake_put(fixture->fake, "kept.example", "10.0.0.1");
    (void)fake_put(fixture->fake, "lost.example", "10.0.0.2");
    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    lose_newest(fixture->fake, "lost.example");
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fixture->fake, FAKE_LOAD, 2));
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "lost.example", NULL);
    assert_int_equal(way_index_revision(fixture->index), 1);
}

/* The follower reads one node, the writer has committed on another. */
static void a_node_of_a_cluster_that_shows_less_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;

    fake->is_cluster = true;
    (void)fake_put(fake, "a.example", "10.0.0.1");
    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fake, FAKE_POLL), 0);
    commit_own(fixture, "own.example", "10.0.0.2", 2); /* the node does not have it yet */
    fake_set_gate(fake, FAKE_POLL, 0);
    assert_true(fake_wait_polls(fake));
    assert_target(fixture, "own.example", "10.0.0.2");
    assert_int_equal(way_index_revision(fixture->index), 2);
    assert_int_equal(fake_count(fake, FAKE_LOAD), 1);
    assert_true(fake_wait(fake, &fake->caught_up, 2)); /* of the load, and asked for anew */
    assert_int_equal(fake_put(fake, "own.example", "10.0.0.2"), 2);
    (void)fake_put(fake, "b.example", "10.0.0.3");
    assert_true(fake_wait_polls(fake));
    assert_target(fixture, "b.example", "10.0.0.3");
    assert_int_equal(fake_count(fake, FAKE_LOAD), 1);
}

static void poll_and_commit(struct fake_store *fake, void *owner)
{
    struct fixture *fixture = owner;

    (void)pthread_mutex_lock(&fake->lock);
    fake->event_count = 0; /* once */
    (void)pthread_mutex_unlock(&fake->lock);
    commit_own(fixture, "own.example", "10.0.0.2", fake_put(fake, "own.example", "10.0.0.2"));
}

/* A poll that was taken before our own commit shows less than we know when it comes back. */
static void a_commit_that_overtakes_a_poll_needs_no_load(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    fake_on(fixture->fake, (struct fake_event){.call = FAKE_POLL,
                                               .moment = FAKE_AFTER,
                                               .first = 1,
                                               .last = FOREVER,
                                               .action = poll_and_commit,
                                               .owner = fixture});
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "own.example", "10.0.0.2");
    assert_int_equal(way_index_revision(fixture->index), 1);
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
}

/* A load that, against all rules, shows a commit and not the one before it. */
static void what_a_load_has_missed_is_found_in_the_log(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;
    struct way_key missed = fake_key("missed.example");
    const struct way_override *row;

    (void)fake_put(fake, "missed.example", "10.0.0.1");
    (void)fake_put(fake, "seen.example", "10.0.0.2");
    row = fake_find(&fake->now, &missed);
    WAY_ASSERT(row != NULL);
    fake_drop_row(&fake->now, &missed);
    fake_set_gate(fake, FAKE_CHANGES, 1);
    start(fixture);
    assert_true(fake_wait_begun(fake, FAKE_CHANGES, 1));
    assert_target(fixture, "missed.example", NULL);
    (void)pthread_mutex_lock(&fake->lock);
    fake_store_row(&fake->now, row);
    (void)pthread_mutex_unlock(&fake->lock);
    fake_set_gate(fake, FAKE_CHANGES, 0);
    assert_true(fake_wait_polls(fake));
    assert_target(fixture, "missed.example", "10.0.0.1");
    assert_int_equal(way_index_revision(fixture->index), 2);
    assert_int_equal(fake_count(fake, FAKE_LOAD), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_revision_of_another_transaction_is_other_data, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_is_found_behind_later_revisions_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_shows_less_was_set_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_node_of_a_cluster_that_shows_less_is_waited_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_commit_that_overtakes_a_poll_needs_no_load, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_load_has_missed_is_found_in_the_log, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("domain/sync lineage", tests, quiet, NULL);
}
