/* SPDX-License-Identifier: MIT */
/*
 * The worker and the sync's view are this test's own, which the linker finds first: so a round is
 * made when the test says so, and not once a minute.
 */
#include "domain/janitor.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/worker.h"
#include "fake_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

enum { FOREVER = 1000000, STEPS_MAX = 20, DAY_MS = 86400000 };

/* --- what stands in --------------------------------------------------------------------------- */

static struct {
    way_work_fn work;
    void *owner;
    uint64_t first_ms;
    bool has_no_threads;
} worker;

static struct way_sync_view seen;

struct way_worker *way_worker_start(const char *name, uint64_t first_ms, way_work_fn work,
                                    void *owner)
{
    assert_string_equal(name, "janitor");
    worker.work = work;
    worker.owner = owner;
    worker.first_ms = first_ms;
    return worker.has_no_threads ? NULL : (struct way_worker *)(void *)&worker;
}

void way_worker_stop(struct way_worker *stopped)
{
    assert_ptr_equal(stopped, &worker);
    (void)worker.work(worker.owner, true);
}

void way_sync_view(struct way_sync *sync, struct way_sync_view *view)
{
    assert_null(sync);
    *view = seen;
}

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct fake_store *fake;
    struct way_janitor *janitor;
    uint64_t revisions;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    const struct way_retention retention = {.log_us = DAY_MS * INT64_C(1000),
                                            .history_us = DAY_MS * INT64_C(1000)};

    fixture = (struct fixture){.fake = fake_store_new(true)};
    seen = (struct way_sync_view){.has_data = true, .is_prepared = true, .state = WAY_STORE_OK};
    worker.has_no_threads = false;
    fixture.janitor = way_janitor_start(&fixture.fake->store, NULL, &retention);
    assert_non_null(fixture.janitor);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    way_janitor_stop(fixture->janitor);
    assert_int_equal(fixture->fake->sessions, 0);
    way_store_free(&fixture->fake->store);
    return 0;
}

/* Changes as old as can be, by others. */
static void fill(struct fixture *fixture, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fixture->revisions =
            fake_put(fixture->fake, "a.example", i % 2 == 0 ? "10.0.0.1" : "10.0.0.2");
    }
}

static uint64_t step(void)
{
    return worker.work(worker.owner, false);
}

static bool is_round_over(uint64_t pause_ms)
{
    if (pause_ms == WAY_JANITOR_STEP_MS) {
        return false;
    }
    assert_in_range(pause_ms, WAY_JANITOR_ROUND_MS, WAY_JANITOR_ROUND_MS * 5 / 4);
    return true;
}

/* How many steps it took. */
static unsigned make_round(struct fixture *fixture)
{
    unsigned steps = 1;

    while (!is_round_over(step())) {
        assert_int_equal(fixture->fake->sessions, 1); /* one for all of the round */
        assert_in_range(steps++, 1, STEPS_MAX);
    }
    assert_int_equal(fixture->fake->sessions, 0);
    return steps;
}

static void assert_forgotten(struct fixture *fixture)
{
    assert_int_equal(fixture->fake->line_count, 1);
    assert_int_equal(fixture->fake->now.low, fixture->revisions - 1);
    assert_int_equal(fixture->fake->now.history_low, fixture->revisions - 1);
}

static void assert_untouched(struct fixture *fixture)
{
    assert_int_equal(fixture->fake->line_count, fixture->revisions);
    assert_int_equal(fixture->fake->now.low, 0);
    assert_int_equal(fixture->fake->now.history_low, 0);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void a_round_forgets_step_by_step_what_is_old(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(worker.first_ms, WAY_JANITOR_FIRST_MS);
    fill(fixture, 3 * WAY_PRUNE_ROWS_MAX + 1);
    assert_in_range(make_round(fixture), 4, 5);
    assert_forgotten(fixture);
    assert_int_equal(fake_count(fixture->fake, FAKE_OPEN), 1);
    assert_int_equal(make_round(fixture), 1); /* nothing is left */
    assert_forgotten(fixture);
    fill(fixture, 5);
    assert_int_equal(make_round(fixture), 1);
    assert_forgotten(fixture);
}

static void what_is_young_is_kept(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture, 10);
    for (size_t i = 0; i < fixture->fake->line_count; i++) {
        fixture->fake->lines[i].at_us = way_clock_wall_us();
    }
    assert_int_equal(make_round(fixture), 1);
    assert_untouched(fixture);
}

static void rounds_of_several_instances_drift_apart(void **state)
{
    struct fixture *fixture = *state;
    uint64_t first = step();
    bool is_other = false;

    (void)fixture;
    for (unsigned i = 0; i < 100; i++) {
        is_other = is_other || step() != first;
    }
    assert_true(is_other);
}

static void a_store_that_is_not_well_is_left_alone(void **state)
{
    static const struct {
        const char *label;
        struct way_sync_view view;
    } cases[] = {
        {"not prepared", {.state = WAY_STORE_OK}},
        {"down", {.is_prepared = true, .state = WAY_STORE_DOWN}},
        {"read-only", {.is_prepared = true, .state = WAY_STORE_READ_ONLY}},
    };
    struct fixture *fixture = *state;

    fill(fixture, 10);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    %s\n", cases[i].label);
        seen = cases[i].view;
        assert_int_equal(make_round(fixture), 1);
        assert_int_equal(fake_count(fixture->fake, FAKE_OPEN), 0);
        assert_untouched(fixture);
    }
    seen = (struct way_sync_view){.is_prepared = true, .state = WAY_STORE_OK};
    (void)make_round(fixture);
    assert_forgotten(fixture);
}

/* The store is lost between two steps: the round ends, and its session with it. */
static void a_round_ends_when_the_store_is_not_well_any_more(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture, 3 * WAY_PRUNE_ROWS_MAX);
    assert_false(is_round_over(step()));
    assert_int_equal(fixture->fake->sessions, 1);
    seen.state = WAY_STORE_DOWN;
    assert_true(is_round_over(step()));
    assert_int_equal(fixture->fake->sessions, 0);
    seen.state = WAY_STORE_OK;
    (void)make_round(fixture);
    assert_forgotten(fixture);
}

static void a_newer_schema_that_nobody_has_seen_yet_is_left_alone(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture, 10);
    fixture->fake->is_step_unknown = true;
    assert_int_equal(make_round(fixture), 1);
    assert_untouched(fixture);
}

static void a_failure_ends_the_round_and_the_next_one_goes_on(void **state)
{
    static const struct {
        const char *label;
        enum fake_call call;
        enum way_status status;
    } cases[] = {
        {"no connection", FAKE_OPEN, WAY_UNAVAILABLE},
        {"lost at the marks", FAKE_PRUNE, WAY_UNAVAILABLE},
        {"lost at the removal", FAKE_REMOVE, WAY_UNAVAILABLE},
        {"somebody else is at it", FAKE_REMOVE, WAY_BUSY},
        {"the moving of the marks is in doubt", FAKE_COMMIT, WAY_UNSETTLED},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        fill(fixture, WAY_PRUNE_ROWS_MAX / 2);
        fake_on(fixture->fake,
                (struct fake_event){
                    .call = cases[i].call, .first = 1, .last = 1, .status = cases[i].status});
        assert_int_equal(make_round(fixture), 1);
        assert_true(fixture->fake->line_count > 1);
        (void)make_round(fixture);
        assert_forgotten(fixture);
        assert_int_equal(tear_down(state), 0);
    }
}

/* How many lines of the log hold the words, among those that the rounds write. */
static unsigned lines_of_rounds(struct fixture *fixture, unsigned rounds, const char *words)
{
    char out[16384] = "";
    FILE *caught = tmpfile();
    int saved = dup(STDERR_FILENO);
    unsigned count = 0;

    assert_non_null(caught);
    assert_int_equal(dup2(fileno(caught), STDERR_FILENO), STDERR_FILENO);
    way_log_set_level(WAY_LOG_NOTICE);
    for (unsigned i = 0; i < rounds; i++) {
        (void)make_round(fixture);
    }
    way_log_set_level(WAY_LOG_ERROR);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    (void)close(saved);
    rewind(caught);
    (void)fread(out, 1, sizeof out - 1, caught);
    (void)fclose(caught);
    for (const char *at = out; (at = strstr(at, words)) != NULL; at++) {
        count++;
    }
    return count;
}

static void a_failure_is_told_once_until_it_is_over(void **state)
{
    struct fixture *fixture = *state;

    (void)snprintf(fixture->fake->detail, sizeof fixture->fake->detail,
                   "no \"room\"\nevent=janitor.failed");
    fake_set_down(fixture->fake, true);
    /* What the database says stays inside of its line, where it is no event. */
    assert_int_equal(lines_of_rounds(fixture, 3, " event=janitor.failed"), 1);
    fake_set_down(fixture->fake, false);
    assert_int_equal(lines_of_rounds(fixture, 2, "janitor"), 0);
    fake_set_down(fixture->fake, true);
    assert_int_equal(lines_of_rounds(fixture, 2, " event=janitor.failed"), 1);
    fake_set_down(fixture->fake, false);
    fake_on(
        fixture->fake,
        (struct fake_event){.call = FAKE_PRUNE, .first = 1, .last = FOREVER, .status = WAY_BUSY});
    assert_int_equal(lines_of_rounds(fixture, 2, "janitor"), 0); /* no failure at all */
}

static void a_stop_in_the_middle_of_a_round_closes_the_session(void **state)
{
    struct fixture *fixture = *state;
    size_t lines;

    fill(fixture, 3 * WAY_PRUNE_ROWS_MAX);
    assert_false(is_round_over(step()));
    assert_int_equal(fixture->fake->sessions, 1);
    lines = fixture->fake->line_count;
    way_janitor_stop(fixture->janitor);
    fixture->janitor = NULL;
    assert_int_equal(fixture->fake->sessions, 0);
    assert_int_equal(fixture->fake->line_count, lines); /* not one row more */
}

static void what_cannot_be_started_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    const struct way_retention retention = {.log_us = 1, .history_us = 1};

    way_janitor_stop(fixture->janitor);
    worker.has_no_threads = true;
    fixture->janitor = way_janitor_start(&fixture->fake->store, NULL, &retention);
    assert_null(fixture->janitor);
    way_janitor_stop(NULL);
}

static int quiet(void **state)
{
    (void)state;
    way_log_set_level(WAY_LOG_ERROR);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_round_forgets_step_by_step_what_is_old),
        TEST(what_is_young_is_kept),
        TEST(rounds_of_several_instances_drift_apart),
        TEST(a_store_that_is_not_well_is_left_alone),
        TEST(a_round_ends_when_the_store_is_not_well_any_more),
        TEST(a_newer_schema_that_nobody_has_seen_yet_is_left_alone),
        cmocka_unit_test(a_failure_ends_the_round_and_the_next_one_goes_on),
        TEST(a_failure_is_told_once_until_it_is_over),
        TEST(a_stop_in_the_middle_of_a_round_closes_the_session),
        TEST(what_cannot_be_started_is_not_there),
    };

    return cmocka_run_group_tests_name("domain/janitor", tests, quiet, NULL);
}
