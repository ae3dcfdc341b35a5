/* SPDX-License-Identifier: MIT */
/*
 * Whatever changes the index, sync tells those who wait for it. Each test starts to wait, lets
 * something happen, and runs its loop until the wait has ended.
 */
#include "domain/sync.h"

#include "sync_fixture.h"

enum { GUARD_MS = 60000 };

struct wait {
    struct fixture *fixture;
    struct way_waiters *waiters;
    struct way_loop *loop;
    struct way_waiter waiter;
    uint64_t revision; /* of the index, when the wait ended */
    bool had_data;     /* likewise */
    enum way_wait_outcome outcome;
};

static void on_done(struct way_waiter *waiter, enum way_wait_outcome outcome)
{
    struct wait *wait = WAY_OWNER_OF(waiter, struct wait, waiter);

    wait->outcome = outcome;
    wait->revision = way_index_revision(wait->fixture->index);
    wait->had_data = way_sync_has_data(wait->fixture->sync);
    way_loop_stop(wait->loop);
}

static void set_up_wait(struct wait *wait, struct fixture *fixture)
{
    *wait = (struct wait){.fixture = fixture};
    wait->waiters = way_waiters_new();
    wait->loop = way_loop_new();
    assert_non_null(wait->waiters);
    assert_non_null(wait->loop);
    wait->waiter.home = wait->loop;
    wait->waiter.done = on_done;
}

static void start_sync(struct wait *wait)
{
    wait->fixture->sync =
        way_sync_start(&(struct way_sync_options){.store = &wait->fixture->fake->store,
                                                  .index = wait->fixture->index,
                                                  .waiters = wait->waiters});
    assert_non_null(wait->fixture->sync);
}

static void begin(struct wait *wait, uint64_t revision)
{
    wait->waiter.revision = revision;
    wait->waiter.deadline_ms = way_clock_mono_ms() + GUARD_MS;
    assert_int_equal(way_waiters_start(wait->waiters, &wait->waiter, NULL), WAY_OK);
}

/* Runs until the wait is over: once, as a loop that was stopped stays so. */
static void finish(struct wait *wait, enum way_wait_outcome want)
{
    way_loop_run(wait->loop);
    assert_int_equal(wait->outcome, want);
    assert_true(wait->had_data);
    assert_true(want != WAY_WAIT_REACHED || wait->revision >= wait->waiter.revision);
    fake_open_gates(wait->fixture->fake);
    way_sync_stop(wait->fixture->sync);
    wait->fixture->sync = NULL;
    way_loop_free(wait->loop);
    way_waiters_free(wait->waiters);
}

static void the_first_load_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct wait wait;

    set_up_wait(&wait, fixture);
    begin(&wait, fake_put(fixture->fake, "a.example", "10.0.0.1"));
    start_sync(&wait);
    finish(&wait, WAY_WAIT_REACHED);
}

static void what_others_commit_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct wait wait;

    set_up_wait(&wait, fixture);
    start_sync(&wait);
    assert_true(fake_wait_polls(fixture->fake));
    begin(&wait, 2);
    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    (void)fake_put(fixture->fake, "b.example", "10.0.0.2");
    finish(&wait, WAY_WAIT_REACHED);
}

/* No poll helps: it waits at its gate. */
static void what_we_commit_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct way_change change = {.revision = 1,
                                .row = {.lookup_key = fake_key("a.example"),
                                        .target.host = fake_key("10.0.0.1"),
                                        .is_enabled = true}};
    struct wait wait;
    uint8_t tx[WAY_TX_BYTES];

    fake_tx(1, 0, tx);
    set_up_wait(&wait, fixture);
    start_sync(&wait);
    assert_true(fake_wait_polls(fixture->fake));
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    begin(&wait, 1);
    way_sync_committed(fixture->sync, tx, &change, 1);
    finish(&wait, WAY_WAIT_REACHED);
}

static void a_new_content_wakes_those_who_asked(void **state)
{
    struct fixture *fixture = *state;
    struct wait wait;

    set_up_wait(&wait, fixture);
    start_sync(&wait);
    assert_true(fake_wait_polls(fixture->fake));
    wait.waiter.is_woken_with_all = true;
    wait.waiter.wakes_seen = way_waiters_wakes(wait.waiters);
    begin(&wait, 1000);
    way_sync_reload(fixture->sync);
    finish(&wait, WAY_WAIT_WOKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_load_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_others_commit_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_we_commit_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_content_wakes_those_who_asked, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, quiet, NULL);
}
