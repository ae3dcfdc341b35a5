/* SPDX-License-Identifier: MIT */
/*
 * In which order changes reach the index: holes and pages of the log, and our own commits beside
 * those of others.
 */
#include "domain/sync.h"

#include "sync_fixture.h"

/* --- holes ------------------------------------------------------------------------------------ */

static void a_hole_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    uint64_t hole;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    hole = fake_put(fixture->fake, "b.example", "10.0.0.2");
    (void)fake_put(fixture->fake, "c.example", "10.0.0.3");
    fake_hide(fixture->fake, hole, true);
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "a.example", "10.0.0.1");
    assert_target(fixture, "b.example", NULL);
    assert_target(fixture, "c.example", NULL); /* not before b */
    assert_int_equal(way_index_revision(fixture->index), hole - 1);
    fake_hide(fixture->fake, hole, false);
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "b.example", "10.0.0.2");
    assert_target(fixture, "c.example", "10.0.0.3");
    assert_int_equal(way_index_revision(fixture->index), hole + 1);
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
}

static void a_hole_at_the_end_is_waited_for_too(void **state)
{
    struct fixture *fixture = *state;
    uint64_t hole;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    hole = fake_put(fixture->fake, "a.example", "10.0.0.1");
    fake_hide(fixture->fake, hole, true);
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_polls(fixture->fake));
    assert_int_equal(way_index_revision(fixture->index), hole - 1);
    fake_hide(fixture->fake, hole, false);
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "a.example", "10.0.0.1");
    assert_int_equal(way_index_revision(fixture->index), hole);
}

static void a_hole_that_stays_makes_us_load_all(void **state)
{
    struct fixture *fixture = *state;
    uint64_t began = way_clock_mono_ms();
    uint64_t hole;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    hole = fake_put(fixture->fake, "a.example", "10.0.0.1");
    (void)fake_put(fixture->fake, "b.example", "10.0.0.2");
    fake_hide(fixture->fake, hole, true);
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fixture->fake, FAKE_LOAD, 2));
    assert_true(way_clock_mono_ms() - began >= WAY_SYNC_HOLE_MAX_MS);
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "a.example", "10.0.0.1");
    assert_target(fixture, "b.example", "10.0.0.2");
    assert_int_equal(way_index_revision(fixture->index), hole + 1);
}

/* --- more changes than one page of the log ---------------------------------------------------- */

enum { PAGE = 1024 };

static void put_many(struct fake_store *fake, const char *prefix, unsigned count)
{
    char key[64];

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(key, sizeof key, "%s%u.example", prefix, i);
        (void)fake_put(fake, key, "10.0.0.1");
    }
}

static void a_long_log_is_read_page_by_page(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    put_many(fixture->fake, "k", 3 * PAGE);
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fixture->fake, FAKE_CHANGES, 4));
    assert_true(fake_wait_polls(fixture->fake));
    assert_int_equal(way_index_count(fixture->index), 3 * PAGE);
    assert_int_equal(way_index_revision(fixture->index), 3 * PAGE);
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
}

/* Many lines of one revision, as a bulk change writes them. */
static void put_bulk(struct fake_store *fake, const char *prefix, unsigned count)
{
    uint64_t revision = 0;

    put_many(fake, prefix, count);
    (void)pthread_mutex_lock(&fake->lock);
    revision = fake->now.revision - count + 1;
    fake->now.revision = revision;
    for (size_t i = fake->line_count - count; i < fake->line_count; i++) {
        fake->lines[i].revision = revision;
        fake_tx(revision, fake->lineage, fake->lines[i].tx);
        fake->lines[i].seq = (uint32_t)(i - (fake->line_count - count));
    }
    for (size_t i = 0; i < fake->now.row_count; i++) {
        if (fake->now.rows[i]->revision > revision) {
            struct way_override row = *fake->now.rows[i];

            row.revision = revision;
            fake->now.rows[i] = &fake_make_row(fake, &row)->row;
        }
    }
    (void)pthread_mutex_unlock(&fake->lock);
}

static void a_revision_that_a_page_cuts_is_left_to_the_next_page(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    put_many(fixture->fake, "k", PAGE - 10);
    put_bulk(fixture->fake, "b", 20); /* ten lines on the first page, ten on the second */
    fake_set_gate(fixture->fake, FAKE_CHANGES, 2);
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fixture->fake, FAKE_CHANGES, 2));
    assert_int_equal(way_index_revision(fixture->index), PAGE - 10);
    assert_target(fixture, "b0.example", NULL); /* all of a revision, or nothing of it */
    fake_set_gate(fixture->fake, FAKE_CHANGES, 0);
    assert_true(fake_wait_polls(fixture->fake));
    assert_int_equal(way_index_revision(fixture->index), PAGE - 9);
    assert_int_equal(way_index_count(fixture->index), PAGE + 10);
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
}

static void a_revision_that_fills_more_than_a_page_loads_everything(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    put_bulk(fixture->fake, "b", PAGE + 1);
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fixture->fake, FAKE_LOAD, 2));
    assert_true(fake_wait_polls(fixture->fake));
    assert_int_equal(way_index_count(fixture->index), PAGE + 1);
    assert_int_equal(way_index_revision(fixture->index), 1);
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 2);
}

/* A line of the log comes with the row as it is now, which may be much newer than the line. The
 * content is true as of the revision it is said to be true as of, all the same. */
static void a_cut_page_keeps_rows_that_were_changed_again_later(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    put_many(fixture->fake, "k", PAGE - 2);
    (void)fake_put(fixture->fake, "again.example", "10.0.0.2");
    put_many(fixture->fake, "m", 10); /* the page ends at the first of them */
    (void)fake_put(fixture->fake, "again.example", "10.0.0.3");
    fake_set_gate(fixture->fake, FAKE_CHANGES, 2);
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fixture->fake, FAKE_CHANGES, 2));
    assert_int_equal(way_index_revision(fixture->index), PAGE - 1);
    assert_target(fixture, "again.example", "10.0.0.3");
    fake_set_gate(fixture->fake, FAKE_CHANGES, 0);
}

static void one_key_that_changes_all_the_time_needs_no_load(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    for (unsigned i = 0; i < PAGE + 100; i++) {
        (void)fake_put(fixture->fake, "busy.example", i % 2 == 0 ? "10.0.0.1" : "10.0.0.2");
    }
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_polls(fixture->fake));
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "busy.example", "10.0.0.2");
    assert_int_equal(way_index_revision(fixture->index), PAGE + 100);
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
}

/* --- our own commits -------------------------------------------------------------------------- */

/* What the writer does: commits, and then shows the index. */
static void show(struct way_sync *sync, const char *key, const char *target, uint64_t revision)
{
    struct way_change change = {.revision = revision, .is_delete = target == NULL};
    uint8_t tx[WAY_TX_BYTES];

    change.row.lookup_key = fake_key(key);
    change.row.is_enabled = true;
    change.row.revision = revision;
    if (target != NULL) {
        change.row.target.host = fake_key(target);
    }
    fake_tx(revision, 0, tx);
    way_sync_committed(sync, tx, &change, 1);
}

static void an_own_commit_is_seen_at_once(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    show(fixture->sync, "a.example", "10.0.0.1", fake_put(fixture->fake, "a.example", "10.0.0.1"));
    assert_target(fixture, "a.example", "10.0.0.1");
    assert_int_equal(way_index_revision(fixture->index), 1);
    show(fixture->sync, "a.example", NULL, fake_remove(fixture->fake, "a.example"));
    assert_target(fixture, "a.example", NULL);
    assert_int_equal(way_index_revision(fixture->index), 2);
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "a.example", NULL);
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
}

static void a_disabled_override_is_not_shown(void **state)
{
    struct fixture *fixture = *state;
    struct way_change change = {.revision = 2};
    uint8_t tx[WAY_TX_BYTES];

    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    (void)fake_commit(fixture->fake, "a.example", "10.0.0.1", false);
    change.row.lookup_key = fake_key("a.example");
    change.row.target.host = fake_key("10.0.0.1");
    fake_tx(2, 0, tx);
    way_sync_committed(fixture->sync, tx, &change, 1);
    assert_target(fixture, "a.example", NULL);
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
}

static void an_own_commit_beyond_others_does_not_claim_theirs(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    (void)fake_put(fixture->fake, "theirs.example", "10.0.0.1");
    show(fixture->sync, "ours.example", "10.0.0.2",
         fake_put(fixture->fake, "ours.example", "10.0.0.2"));
    assert_target(fixture, "ours.example", "10.0.0.2");
    assert_target(fixture, "theirs.example", NULL);
    assert_int_equal(way_index_revision(fixture->index), 0); /* true as of nothing later */
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "theirs.example", "10.0.0.1");
    assert_target(fixture, "ours.example", "10.0.0.2");
    assert_int_equal(way_index_revision(fixture->index), 2);
    assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
}

/* In the sync's thread, between the reading of the log and its being applied. */
static void remove_and_show(struct fake_store *fake, void *owner)
{
    struct fixture *fixture = owner;

    show(fixture->sync, "a.example", NULL, fake_remove(fake, "a.example"));
}

static void an_old_poll_does_not_bring_back_what_we_deleted(void **state)
{
    static const struct {
        const char *label;
        enum fake_call call;
        enum fake_moment moment;
    } cases[] = {
        {"deleted after the poll", FAKE_POLL, FAKE_AFTER},
        {"deleted before the log is read", FAKE_CHANGES, FAKE_BEFORE},
        {"deleted after the log is read", FAKE_CHANGES, FAKE_AFTER},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        unsigned number;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        start_and_load(fixture);
        number = fake_hold(fixture->fake, FAKE_POLL);
        assert_int_not_equal(number, 0);
        number = cases[i].call == FAKE_POLL ? number : 1;
        (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
        fake_on(fixture->fake, (struct fake_event){.call = cases[i].call,
                                                   .moment = cases[i].moment,
                                                   .first = number,
                                                   .last = number,
                                                   .action = remove_and_show,
                                                   .owner = fixture});
        fake_set_gate(fixture->fake, FAKE_POLL, 0);
        assert_true(fake_wait_begun(fixture->fake, cases[i].call, number));
        /* every state from here on is looked at, not only the last */
        for (unsigned poll = 0; poll < 3; poll++) {
            assert_true(fake_wait_polls(fixture->fake));
            assert_target(fixture, "a.example", NULL);
        }
        assert_int_equal(way_index_revision(fixture->index), 2);
        assert_int_equal(fake_count(fixture->fake, FAKE_LOAD), 1);
        assert_int_equal(tear_down(state), 0);
    }
}

/* A stale page that is applied would be put right by the next poll; so the moment in between
 * counts.
 */
static void assert_gone_at_the_next_poll(struct fake_store *fake, void *owner)
{
    struct fixture *fixture = owner;
    struct way_key key = fake_key("a.example");
    struct way_index_reader *reader = way_index_reader_open(fixture->index);
    struct way_match match;

    (void)fake;
    WAY_ASSERT(!way_index_find(reader, &key, &match));
    way_index_reader_close(reader);
}

static void a_stale_page_is_thrown_away_before_anybody_sees_it(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    fake_on(fixture->fake, (struct fake_event){.call = FAKE_CHANGES,
                                               .moment = FAKE_AFTER,
                                               .first = 1,
                                               .last = 1,
                                               .action = remove_and_show,
                                               .owner = fixture});
    fake_on(fixture->fake, (struct fake_event){.call = FAKE_CHANGES,
                                               .moment = FAKE_BEFORE,
                                               .first = 2,
                                               .last = FOREVER,
                                               .action = assert_gone_at_the_next_poll,
                                               .owner = fixture});
    fake_set_gate(fixture->fake, FAKE_POLL, 0);
    assert_true(fake_wait_begun(fixture->fake, FAKE_CHANGES, 2));
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "a.example", NULL);
    assert_int_equal(way_index_revision(fixture->index), 2);
}

static void a_commit_that_the_follower_saw_first_is_not_applied_again(void **state)
{
    struct fixture *fixture = *state;
    uint64_t ours;

    start_and_load(fixture);
    ours = fake_put(fixture->fake, "a.example", "10.0.0.1");
    (void)fake_remove(fixture->fake, "a.example"); /* another instance, at once */
    assert_true(fake_wait_polls(fixture->fake));
    assert_target(fixture, "a.example", NULL);
    show(fixture->sync, "a.example", "10.0.0.1", ours); /* our writer was slow to say so */
    assert_target(fixture, "a.example", NULL);
    assert_int_equal(way_index_revision(fixture->index), 2);
}

static void a_commit_that_overtakes_a_load_is_not_lost(void **state)
{
    static const struct {
        const char *label;
        enum fake_moment moment;
    } cases[] = {
        {"before the rows of the load", FAKE_BEFORE},
        {"behind the rows of the load", FAKE_AFTER},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
        start_and_load(fixture);
        fake_on(fixture->fake, (struct fake_event){.call = FAKE_LOAD,
                                                   .moment = cases[i].moment,
                                                   .first = 2,
                                                   .last = 2,
                                                   .action = remove_and_show,
                                                   .owner = fixture});
        way_sync_reload(fixture->sync);
        assert_true(fake_wait_begun(fixture->fake, FAKE_LOAD, 2));
        for (unsigned poll = 0; poll < 3; poll++) {
            assert_true(fake_wait_polls(fixture->fake));
            assert_target(fixture, "a.example", NULL);
        }
        assert_int_equal(way_index_revision(fixture->index), 2);
        assert_int_equal(view_of(fixture).state, WAY_STORE_OK);
        assert_int_equal(tear_down(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_hole_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hole_at_the_end_is_waited_for_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hole_that_stays_makes_us_load_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_log_is_read_page_by_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_revision_that_a_page_cuts_is_left_to_the_next_page,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_revision_that_fills_more_than_a_page_loads_everything,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_page_keeps_rows_that_were_changed_again_later, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_key_that_changes_all_the_time_needs_no_load, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_own_commit_is_seen_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disabled_override_is_not_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_own_commit_beyond_others_does_not_claim_theirs, set_up,
                                        tear_down),
        cmocka_unit_test(an_old_poll_does_not_bring_back_what_we_deleted),
        cmocka_unit_test_setup_teardown(a_stale_page_is_thrown_away_before_anybody_sees_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_commit_that_the_follower_saw_first_is_not_applied_again,
                                        set_up, tear_down),
        cmocka_unit_test(a_commit_that_overtakes_a_load_is_not_lost),
    };

    return cmocka_run_group_tests_name("domain/sync, order of changes", tests, quiet, NULL);
}
