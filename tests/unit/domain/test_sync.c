/* SPDX-License-Identifier: MIT */
/*
 * Every test has a database in memory (fake_store.h) that other instances write too, and waits for
 * polls that were made, never for time.
 */
#include "domain/sync.h"

#include "base/clock.h"
#include "base/log.h"
#include "fake_store.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h> /* wants the others first */

enum { FOREVER = 1000000 };

struct fixture {
    struct fake_store *fake;
    struct way_index *index;
    struct way_index_reader *reader;
    struct way_sync *sync;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->fake = fake_store_new(true);
    fixture->index = way_index_new();
    assert_non_null(fixture->index);
    fixture->reader = way_index_reader_open(fixture->index);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    fake_open_gates(fixture->fake); /* a test that failed has left them shut */
    way_sync_stop(fixture->sync);
    way_index_reader_close(fixture->reader);
    way_index_free(fixture->index);
    way_store_free(&fixture->fake->store);
    free(fixture);
    return 0;
}

static void start(struct fixture *fixture)
{
    fixture->sync = way_sync_start(&fixture->fake->store, fixture->index);
    assert_non_null(fixture->sync);
}

static void start_and_load(struct fixture *fixture)
{
    start(fixture);
    assert_true(fake_wait_polls(fixture->fake));
    assert_true(way_sync_has_data(fixture->sync));
}

static void assert_target(struct fixture *fixture, const char *key, const char *target)
{
    struct way_key wanted = fake_key(key);
    struct way_match match;

    if (way_index_find(fixture->reader, &wanted, &match) != (target != NULL)) {
        fail_msg("%s is %sthere", key, target == NULL ? "" : "not ");
    }
    if (target != NULL) {
        assert_string_equal(match.target.host.text, target);
    }
}

static struct way_sync_view view_of(struct fixture *fixture)
{
    struct way_sync_view view;

    way_sync_view(fixture->sync, &view);
    return view;
}

/* --- the first load ----------------------------------------------------------------------------
 */

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

/* --- following ---------------------------------------------------------------------------------
 */

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

/* --- more changes than one page of the log -----------------------------------------------------
 */

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

/* --- our own commits ---------------------------------------------------------------------------
 */

/* What the writer does: commits, and then shows the index. */
static void show(struct way_sync *sync, const char *key, const char *target, uint64_t revision)
{
    struct way_change change = {.revision = revision, .is_delete = target == NULL};

    change.row.lookup_key = fake_key(key);
    change.row.is_enabled = true;
    change.row.revision = revision;
    if (target != NULL) {
        change.row.target.host = fake_key(target);
    }
    way_sync_committed(sync, &change, 1);
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

    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    start_and_load(fixture);
    assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0);
    (void)fake_commit(fixture->fake, "a.example", "10.0.0.1", false);
    change.row.lookup_key = fake_key("a.example");
    change.row.target.host = fake_key("10.0.0.1");
    way_sync_committed(fixture->sync, &change, 1);
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

/* --- reload and stop ---------------------------------------------------------------------------
 */

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

static int quiet(void **state)
{
    (void)state;
    way_log_set_level(WAY_LOG_ERROR);
    return 0;
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
        cmocka_unit_test_setup_teardown(a_hole_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hole_at_the_end_is_waited_for_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hole_that_stays_makes_us_load_all, set_up, tear_down),
        cmocka_unit_test(another_epoch_is_another_database),
        cmocka_unit_test_setup_teardown(a_line_that_says_everything_changed_loads_everything,
                                        set_up, tear_down),
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
        cmocka_unit_test_setup_teardown(a_reload_that_is_asked_for_is_made_once, set_up, tear_down),
        cmocka_unit_test(a_reload_that_fails_is_made_again),
        cmocka_unit_test(it_stops_at_once_whatever_the_database_does),
    };

    return cmocka_run_group_tests_name("domain/sync", tests, quiet, NULL);
}
