/* SPDX-License-Identifier: MIT */
#include "domain/sync.h"

#include "sync_fixture.h"

/* --- the first load --------------------------------------------------------------------------- */

static void everything_is_loaded_at_the_start(void **state)
{
    struct fixture *fixture = *state;
    struct way_sync_view view;

    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    (void)fake_put(fixture->fake, "b.example", "10.0.0.2");
    (void)fake_commit(fixture->fake, "off.example", "10.0.0.3", false);
    (void)fake_remove(fixture->fake, "b.example");
    fixture->fake->rejected = 5;
    start_and_load(fixture);
    assert_target(fixture, "a.example", "10.0.0.1");
    assert_target(fixture, "b.example", NULL);
    assert_target(fixture, "off.example", NULL);
    assert_int_equal(way_index_revision(fixture->index), 4);
    assert_int_equal(way_index_count(fixture->index), 1);
    view = view_of(fixture);
    assert_true(view.has_data);
    assert_true(view.is_prepared);
    assert_int_equal(view.state, WAY_STORE_OK);
    assert_int_equal(view.stale_seconds, 0);
    assert_int_equal(view.rejected, 5);
    assert_string_equal(view.detail, "");
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
}

static void an_empty_database_is_data_too(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_equal(way_index_count(fixture->index), 0);
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
    assert_int_equal(fake_count(fixture->fake, FAKE_CHANGES), 0);
}

static void a_database_that_is_away_at_the_start_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct way_sync_view view;

    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    fake_set_down(fixture->fake, true);
    start(fixture);
    assert_true(fake_wait_begun(fixture->fake, FAKE_OPEN, 2));
    assert_false(way_sync_has_data(fixture->sync));
    view = view_of(fixture);
    assert_false(view.has_data);
    assert_false(view.is_prepared);
    assert_int_equal(view.state, WAY_STORE_DOWN);
    assert_string_equal(view.detail, fixture->fake->detail);
    fake_set_down(fixture->fake, false);
    assert_true(fake_wait_begun(fixture->fake, FAKE_POLL, 2));
    assert_true(way_sync_has_data(fixture->sync));
    assert_target(fixture, "a.example", "10.0.0.1");
    assert_int_equal(view_of(fixture).state, WAY_STORE_OK);
}

static void each_step_of_the_start_may_fail_once(void **state)
{
    static const struct {
        const char *label;
        enum fake_call call;
        enum way_status status;
    } cases[] = {
        {"connecting", FAKE_OPEN, WAY_UNAVAILABLE},
        {"preparing", FAKE_PREPARE, WAY_UNAVAILABLE},
        {"preparing, while another instance does", FAKE_PREPARE, WAY_BUSY},
        {"polling", FAKE_POLL, WAY_UNAVAILABLE},
        {"loading", FAKE_LOAD, WAY_UNAVAILABLE},
        {"loading, with a defect", FAKE_LOAD, WAY_INTERNAL},
        {"loading, without memory", FAKE_LOAD, WAY_NO_MEMORY},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
        fake_on(fixture->fake,
                (struct fake_event){
                    .call = cases[i].call, .first = 1, .last = 1, .status = cases[i].status});
        start(fixture);
        assert_true(fake_wait_begun(fixture->fake, cases[i].call, 2));
        assert_true(fake_wait_begun(fixture->fake, FAKE_LOAD, 1));
        assert_true(fake_wait_polls(fixture->fake));
        assert_true(way_sync_has_data(fixture->sync));
        assert_target(fixture, "a.example", "10.0.0.1");
        assert_int_equal(view_of(fixture).state, WAY_STORE_OK);
        assert_int_equal(tear_down(state), 0);
    }
}

static void a_schema_from_the_future_is_followed_read_only(void **state)
{
    struct fixture *fixture = *state;
    struct way_sync_view view;

    fixture->fake->is_step_unknown = true;
    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    start_and_load(fixture);
    view = view_of(fixture);
    assert_int_equal(view.state, WAY_STORE_READ_ONLY);
    assert_non_null(strstr(view.detail, "0009_later"));
    assert_true(view.has_data);
    (void)fake_put(fixture->fake, "b.example", "10.0.0.2");
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "b.example", "10.0.0.2");
    assert_non_null(strstr(view_of(fixture).detail, "0009_later"));
}

/* --- following -------------------------------------------------------------------------------- */

static void what_other_instances_commit_is_followed(void **state)
{
    struct fixture *fixture = *state;

    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    start_and_load(fixture);
    (void)fake_put(fixture->fake, "b.example", "10.0.0.2");
    (void)fake_put(fixture->fake, "a.example", "10.0.0.3");
    (void)fake_put(fixture->fake, "c.example", "10.0.0.4");
    (void)fake_remove(fixture->fake, "c.example");
    (void)fake_commit(fixture->fake, "d.example", "10.0.0.5", true);
    (void)fake_commit(fixture->fake, "d.example", "10.0.0.5", false);
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "a.example", "10.0.0.3");
    assert_target(fixture, "b.example", "10.0.0.2");
    assert_target(fixture, "c.example", NULL);
    assert_target(fixture, "d.example", NULL);
    assert_int_equal(way_index_revision(fixture->index), 7);
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
}

static void a_database_that_goes_away_leaves_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct way_sync_view view;
    unsigned tries;

    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    start_and_load(fixture);
    fake_set_down(fixture->fake, true);
    tries = fake_count(fixture->fake, FAKE_OPEN);
    assert_true(fake_wait_begun(fixture->fake, FAKE_OPEN, tries + 2));
    view = view_of(fixture);
    assert_int_equal(view.state, WAY_STORE_DOWN);
    assert_true(view.has_data);
    assert_true(view.is_prepared);
    assert_string_equal(view.detail, fixture->fake->detail);
    assert_target(fixture, "a.example", "10.0.0.1");
    (void)fake_put(fixture->fake, "b.example", "10.0.0.2"); /* somebody else still reaches it */
    fake_set_down(fixture->fake, false);
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "b.example", "10.0.0.2");
    assert_int_equal(view_of(fixture).state, WAY_STORE_OK);
    assert_string_equal(view_of(fixture).detail, "");
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1); /* the log was enough */
}

static void a_poll_that_fails_changes_nothing_and_is_made_again(void **state)
{
    static const struct {
        const char *label;
        enum fake_call call;
        enum fake_moment moment;
        enum way_status status;
    } cases[] = {
        {"the poll", FAKE_POLL, FAKE_BEFORE, WAY_UNAVAILABLE},
        {"the change log", FAKE_CHANGES, FAKE_BEFORE, WAY_UNAVAILABLE},
        {"the change log, after its rows", FAKE_CHANGES, FAKE_AFTER, WAY_UNAVAILABLE},
        {"the change log, busy", FAKE_CHANGES, FAKE_AFTER, WAY_BUSY},
        {"a defect", FAKE_CHANGES, FAKE_BEFORE, WAY_INTERNAL},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        unsigned made;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        start_and_load(fixture);
        made = fake_hold(fixture->fake, FAKE_POLL);
        assert_int_not_equal(made, 0);
        made = cases[i].call == FAKE_POLL ? made : 1;
        fake_on(fixture->fake, (struct fake_event){.call = cases[i].call,
                                                   .moment = cases[i].moment,
                                                   .first = made,
                                                   .last = made,
                                                   .status = cases[i].status});
        (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
        fake_set_gate(fixture->fake, FAKE_POLL, 0);
        assert_true(fake_wait_begun(fixture->fake, cases[i].call, made + 1));
        assert_true(fake_wait_polls(fixture->fake));
        assert_target(fixture, "a.example", "10.0.0.1");
        assert_int_equal(view_of(fixture).state, WAY_STORE_OK);
        assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
        assert_int_equal(tear_down(state), 0);
    }
}

static void another_epoch_is_another_database(void **state)
{
    static const struct {
        const char *label;
        bool is_epoch_other;
        uint64_t revision; /* that the restored one has */
        uint64_t low;
    } cases[] = {
        {"a backup with a new epoch", true, 1, 0},
        {"a new epoch at the same revision", true, 3, 0},
        {"a new epoch at a later revision", true, 9, 0},
        {"a backup whose epoch nobody changed", false, 1, 0},
        {"a log that is pruned past us", false, 9, 5},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        struct fake_store *fake;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        fake = fixture->fake;
        (void)fake_put(fake, "a.example", "10.0.0.1");
        (void)fake_put(fake, "b.example", "10.0.0.2");
        (void)fake_put(fake, "c.example", "10.0.0.3");
        start_and_load(fixture);
        (void)pthread_mutex_lock(&fake->lock);
        fake->now.rows[0] = fake->now.rows[2]; /* only c is left */
        fake->now.row_count = 1;
        fake->line_count = 0;
        fake->now.revision = cases[i].revision;
        fake->now.low = cases[i].low;
        fake->now.epoch[3] = cases[i].is_epoch_other ? 9 : fake->now.epoch[3];
        (void)pthread_mutex_unlock(&fake->lock);
        assert_true(fake_wait_begun(fake, FAKE_LOAD, 2));
        assert_true(fake_wait_polls(fake));
        assert_target(fixture, "a.example", NULL);
        assert_target(fixture, "c.example", "10.0.0.3");
        assert_int_equal(way_index_count(fixture->index), 1);
        assert_int_equal(way_index_revision(fixture->index), cases[i].revision);
        assert_int_equal(fake_count(fake, FAKE_LOAD), 2);
        assert_int_equal(tear_down(state), 0);
    }
}

static void a_line_that_says_everything_changed_loads_everything(void **state)
{
    struct fixture *fixture = *state;
    struct fake_store *fake = fixture->fake;
    struct fake_line line = {.op = 'R'};

    start_and_load(fixture);
    (void)pthread_mutex_lock(&fake->lock);
    line.revision = ++fake->now.revision;
    fake_log(fake, &line);
    (void)pthread_mutex_unlock(&fake->lock);
    assert_true(fake_wait_begun(fake, FAKE_LOAD, 2));
    assert_true(fake_wait_polls(fake));
    assert_int_equal(way_index_revision(fixture->index), 1);
    assert_int_equal(fake_count(fake, FAKE_LOAD), 2);
}

/* --- reload and stop -------------------------------------------------------------------------- */

static void a_reload_that_is_asked_for_is_made_once(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    way_sync_reload(fixture->sync);
    assert_true(fake_wait_begun(fixture->fake, FAKE_LOAD, 2));
    assert_true(fake_wait_polls(fixture->fake));
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 2);
}

static void a_reload_that_fails_is_made_again(void **state)
{
    static const struct {
        const char *label;
        enum way_status status;
    } cases[] = {
        {"the database went away", WAY_UNAVAILABLE},
        {"it was busy", WAY_BUSY},
        {"memory was short", WAY_NO_MEMORY},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        start_and_load(fixture);
        fake_on(fixture->fake,
                (struct fake_event){
                    .call = FAKE_LOAD, .first = 2, .last = 2, .status = cases[i].status});
        way_sync_reload(fixture->sync);
        assert_true(fake_wait_begun(fixture->fake, FAKE_LOAD, 2));
        assert_true(fake_wait_polls(fixture->fake));
        assert_true(fake_wait_polls(fixture->fake));
        assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 3);
        assert_int_equal(tear_down(state), 0);
    }
}

static void it_stops_at_once_whatever_the_database_does(void **state)
{
    static const struct {
        const char *label;
        bool is_down, is_shared;
    } cases[] = {
        {"in touch", false, true},
        {"in touch with one of our own", false, false},
        {"down", true, true},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        uint64_t began;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        fixture->fake->driver.is_shared = cases[i].is_shared;
        fake_set_down(fixture->fake, cases[i].is_down);
        start(fixture);
        /* five attempts in, the next one is seconds away */
        assert_true(fake_wait_begun(fixture->fake, cases[i].is_down ? FAKE_OPEN : FAKE_LOAD,
                                    cases[i].is_down ? 5 : 1));
        began = way_clock_mono_ms();
        way_sync_stop(fixture->sync);
        fixture->sync = NULL;
        assert_true(way_clock_mono_ms() - began < 1000);
        assert_int_equal(fixture->fake->sessions, 0);
        assert_int_equal(tear_down(state), 0);
    }
    way_sync_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_is_loaded_at_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_database_is_data_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_that_is_away_at_the_start_is_waited_for, set_up,
                                        tear_down),
        cmocka_unit_test(each_step_of_the_start_may_fail_once),
        cmocka_unit_test_setup_teardown(a_schema_from_the_future_is_followed_read_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_other_instances_commit_is_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_that_goes_away_leaves_what_is_there, set_up,
                                        tear_down),
        cmocka_unit_test(a_poll_that_fails_changes_nothing_and_is_made_again),
        cmocka_unit_test(another_epoch_is_another_database),
        cmocka_unit_test_setup_teardown(a_line_that_says_everything_changed_loads_everything,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reload_that_is_asked_for_is_made_once, set_up, tear_down),
        cmocka_unit_test(a_reload_that_fails_is_made_again),
        cmocka_unit_test(it_stops_at_once_whatever_the_database_does),
    };

    return cmocka_run_group_tests_name("domain/sync", tests, quiet, NULL);
}
