/* SPDX-License-Identifier: MIT */
/*
 * The service and its sync on a database in memory. A test posts calls and runs its loop until they
 * are done; a guard fails it when they never are.
 */
#include "domain/service.h"

#include "base/clock.h"
#include "base/log.h"
#include "fake_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h> /* wants the others first */

enum { GUARD_MS = 60000, CALLS_MAX = WAY_SERVICE_QUEUE_MAX + 64 };

struct fixture;

/* One call, and what became of it. */
struct probe {
    struct way_service_call call; /* first */
    struct fixture *fixture;
    int calls;
    unsigned rows; /* of a list */
    char keys[256];
};

struct fixture {
    struct fake_store *fake;
    struct way_index *index;
    struct way_index_reader *reader;
    struct way_sync *sync;
    struct way_meter *meter;
    struct way_service *service;
    struct way_loop *loop;
    struct way_timer *guard;
    pthread_t thread; /* the loop's */
    bool is_late;
    bool is_stopped;
    size_t open;
    size_t count;
    struct probe *probes[CALLS_MAX];
};

static void on_guard(void *owner)
{
    struct fixture *fixture = owner;

    fixture->is_late = true;
    way_loop_stop(fixture->loop);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->fake = fake_store_new(true);
    fixture->index = way_index_new();
    assert_non_null(fixture->index);
    fixture->reader = way_index_reader_open(fixture->index);
    fixture->meter = way_meter_new();
    fixture->thread = pthread_self();
    *state = fixture;
    return 0;
}

/* `fake` is as the test wants it. */
static void start(struct fixture *fixture)
{
    fixture->loop = way_loop_new();
    assert_non_null(fixture->loop);
    fixture->guard = way_timer_open(fixture->loop, on_guard, fixture);
    assert_non_null(fixture->guard);
    fixture->sync = way_sync_start(
        &(struct way_sync_options){.store = &fixture->fake->store, .index = fixture->index});
    assert_non_null(fixture->sync);
    fixture->service = way_service_start(&fixture->fake->store, fixture->sync, fixture->meter);
    assert_non_null(fixture->service);
}

static void start_and_load(struct fixture *fixture)
{
    start(fixture);
    assert_true(fake_wait_polls(fixture->fake));
    assert_true(way_sync_has_data(fixture->sync));
}

static void stop(struct fixture *fixture)
{
    way_service_stop(fixture->service);
    fixture->is_stopped = true;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    fake_open_gates(fixture->fake);
    if (fixture->service != NULL && !fixture->is_stopped) {
        way_service_stop(fixture->service);
    }
    way_sync_stop(fixture->sync);
    way_loop_free(fixture->loop);
    way_service_free(fixture->service);
    way_meter_free(fixture->meter);
    way_index_reader_close(fixture->reader);
    way_index_free(fixture->index);
    way_store_free(&fixture->fake->store);
    for (size_t i = 0; i < fixture->count; i++) {
        free(fixture->probes[i]);
    }
    free(fixture);
    return 0;
}

static void on_done(struct way_service_call *call)
{
    struct probe *probe = (struct probe *)(void *)call;
    struct fixture *fixture = probe->fixture;

    assert_true(pthread_equal(pthread_self(), fixture->thread) != 0);
    probe->calls++;
    if (--fixture->open == 0) {
        way_loop_stop(fixture->loop);
    }
}

/* On a store thread. */
static bool on_row(void *owner, const struct way_override *row)
{
    struct probe *probe = owner;
    size_t len = strlen(probe->keys);

    probe->rows++;
    (void)snprintf(probe->keys + len, sizeof probe->keys - len, "%s ", row->lookup_key.text);
    return true;
}

static struct probe *probe_new(struct fixture *fixture, enum way_service_kind kind)
{
    struct probe *probe = calloc(1, sizeof *probe);

    assert_non_null(probe);
    assert_in_range(fixture->count, 0, CALLS_MAX - 1);
    fixture->probes[fixture->count++] = probe;
    probe->fixture = fixture;
    probe->call.kind = kind;
    probe->call.home = fixture->loop;
    probe->call.done = on_done;
    return probe;
}

static struct probe *probe_read(struct fixture *fixture, const char *key)
{
    struct probe *probe = probe_new(fixture, WAY_SERVICE_READ);

    probe->call.of.read.key = fake_key(key);
    return probe;
}

static struct probe *probe_list(struct fixture *fixture, size_t limit)
{
    struct probe *probe = probe_new(fixture, WAY_SERVICE_LIST);

    probe->call.of.list.query.limit = limit;
    probe->call.of.list.visit = on_row;
    probe->call.of.list.owner = probe;
    return probe;
}

/* `target` NULL: a deletion. */
static struct probe *probe_write(struct fixture *fixture, const char *key, const char *target)
{
    struct probe *probe = probe_new(fixture, WAY_SERVICE_WRITE);
    struct way_wish *wish = &probe->call.of.write.wish;

    wish->kind = target == NULL ? WAY_WISH_DELETE : WAY_WISH_PUT;
    wish->key = fake_key(key);
    (void)snprintf(wish->actor, sizeof wish->actor, "-");
    if (target != NULL) {
        wish->has_target = true;
        wish->target.host = fake_key(target);
    }
    return probe;
}

static enum way_status post(struct probe *probe, struct way_error *err)
{
    struct fixture *fixture = probe->fixture;
    enum way_status status = way_service_post(fixture->service, &probe->call, err);

    fixture->open += status == WAY_OK;
    return status;
}

static void run_loop(struct fixture *fixture)
{
    way_timer_start(fixture->guard, GUARD_MS, 0);
    way_loop_run(fixture->loop);
    way_timer_stop(fixture->guard);
    assert_false(fixture->is_late);
    assert_int_equal(fixture->open, 0);
}

/* Posts, waits, and gives how the call ended. Once a loop: one that was stopped stays so. */
static enum way_status perform(struct probe *probe)
{
    struct way_error err;

    assert_int_equal(post(probe, &err), WAY_OK);
    run_loop(probe->fixture);
    assert_int_equal(probe->calls, 1);
    if (probe->call.status != WAY_OK) {
        assert_int_equal(probe->call.err.status, probe->call.status);
        assert_int_not_equal(probe->call.err.detail[0], '\0');
    }
    return probe->call.status;
}

static bool is_overridden(struct fixture *fixture, const char *key)
{
    struct way_key wanted = fake_key(key);
    struct way_match match;

    return way_index_find(fixture->reader, &wanted, &match);
}

/* --- reads and lists -------------------------------------------------------------------------- */

static void a_row_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe;

    (void)fake_commit(fixture->fake, "a.example", "10.0.0.1", false);
    start_and_load(fixture);
    probe = probe_read(fixture, "a.example");
    assert_int_equal(perform(probe), WAY_OK);
    assert_string_equal(probe->call.of.read.row.lookup_key.text, "a.example");
    assert_string_equal(probe->call.of.read.row.target.host.text, "10.0.0.1");
    assert_false(probe->call.of.read.row.is_enabled);
    assert_int_equal(probe->call.of.read.row.revision, 1);
}

static void a_row_that_is_not_there_is_not_found(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_equal(perform(probe_read(fixture, "a.example")), WAY_NOT_FOUND);
}

static void a_row_is_read_as_of_a_revision_that_the_database_has(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe;

    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    start_and_load(fixture);
    probe = probe_read(fixture, "a.example");
    probe->call.of.read.min_revision = fake_put(fixture->fake, "a.example", "10.0.0.2");
    assert_int_equal(perform(probe), WAY_OK);
    assert_string_equal(probe->call.of.read.row.target.host.text, "10.0.0.2");
}

/* Its node of the cluster lags behind the one that the index follows. */
static void a_row_is_not_read_from_a_database_that_is_behind(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe;

    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    start_and_load(fixture);
    probe = probe_read(fixture, "a.example");
    probe->call.of.read.min_revision = 2;
    assert_int_equal(perform(probe), WAY_BEHIND);
    assert_int_equal(fake_count(fixture->fake, FAKE_READ), 0);
}

static void rows_are_listed(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe;

    (void)fake_put(fixture->fake, "b.example", "10.0.0.1");
    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    (void)fake_put(fixture->fake, "c.example", "10.0.0.1");
    start_and_load(fixture);
    probe = probe_list(fixture, 2);
    assert_int_equal(perform(probe), WAY_OK);
    assert_string_equal(probe->keys, "a.example b.example ");
    assert_int_equal(probe->call.of.list.page.total, 3);
    assert_true(probe->call.of.list.page.has_more);
    assert_int_equal(probe->call.of.list.page.position.revision, 3);
}

/* --- writes ----------------------------------------------------------------------------------- */

static void a_write_is_seen_by_lookups_when_it_is_answered(void **state)
{
    static const struct {
        const char *label, *target;
        enum way_verdict want;
        bool is_there;
    } cases[] = {
        {"created", "10.0.0.1", WAY_VERDICT_CREATED, true},
        {"the same again", "10.0.0.1", WAY_VERDICT_NONE, true},
        {"changed", "10.0.0.2", WAY_VERDICT_CHANGED, true},
        {"deleted", NULL, WAY_VERDICT_DELETED, false},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        struct probe *probe;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        if (i > 0) {
            (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
        }
        start_and_load(fixture);
        assert_int_not_equal(fake_hold(fixture->fake, FAKE_POLL), 0); /* not by polling */
        probe = probe_write(fixture, "a.example", cases[i].target);
        assert_int_equal(perform(probe), WAY_OK);
        assert_int_equal(probe->call.of.write.verdict, cases[i].want);
        assert_int_equal(is_overridden(fixture, "a.example"), cases[i].is_there);
        assert_int_equal(way_index_revision(fixture->index),
                         cases[i].want == WAY_VERDICT_NONE || i == 0 ? 1 : 2);
        assert_int_equal(tear_down(state), 0);
    }
}

static void a_wish_that_is_refused_changes_nothing(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    assert_int_equal(perform(probe_write(fixture, "a.example", NULL)), WAY_NOT_FOUND);
    assert_int_equal(fixture->fake->now.revision, 0);
    assert_int_equal(way_index_revision(fixture->index), 0);
}

static void a_commit_of_unknown_outcome_makes_the_index_load_anew(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe;

    start_and_load(fixture);
    fake_on(fixture->fake, (struct fake_event){.call = FAKE_COMMIT,
                                               .moment = FAKE_AFTER,
                                               .first = 1,
                                               .last = 1,
                                               .status = WAY_UNSETTLED});
    fake_on(fixture->fake, (struct fake_event){.call = FAKE_SETTLE,
                                               .moment = FAKE_BEFORE,
                                               .first = 1,
                                               .last = 1000000,
                                               .status = WAY_UNAVAILABLE});
    probe = probe_write(fixture, "a.example", "10.0.0.1");
    assert_int_equal(perform(probe), WAY_UNSETTLED);
    assert_true(fake_wait_begun(fixture->fake, FAKE_LOAD, 2));
    assert_true(fake_wait_polls(fixture->fake));
    assert_true(is_overridden(fixture, "a.example"));
}

/* --- faults ----------------------------------------------------------------------------------- */

static void a_database_that_is_known_to_be_away_is_not_asked(void **state)
{
    static const enum way_service_kind kinds[] = {WAY_SERVICE_READ, WAY_SERVICE_LIST,
                                                  WAY_SERVICE_WRITE};
    struct fixture *fixture = *state;

    fake_set_down(fixture->fake, true);
    start(fixture);
    assert_true(fake_wait_begun(fixture->fake, FAKE_OPEN, 2));
    for (size_t i = 0; i < WAY_COUNT_OF(kinds); i++) {
        struct probe *probe = kinds[i] == WAY_SERVICE_WRITE
                                  ? probe_write(fixture, "a.example", NULL)
                              : kinds[i] == WAY_SERVICE_READ ? probe_read(fixture, "a.example")
                                                             : probe_list(fixture, 1);
        struct way_error err;

        assert_int_equal(post(probe, &err), WAY_UNAVAILABLE);
        assert_int_equal(err.status, WAY_UNAVAILABLE);
        assert_non_null(strstr(err.detail, fixture->fake->detail));
        assert_int_equal(probe->calls, 0);
    }
    assert_int_equal(fake_count(fixture->fake, FAKE_READ), 0);
    assert_int_equal(fake_count(fixture->fake, FAKE_RESERVE), 0);
}

static void a_read_only_database_is_read_and_listed(void **state)
{
    struct fixture *fixture = *state;
    struct way_error err;

    fixture->fake->is_step_unknown = true;
    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    start_and_load(fixture);
    assert_int_equal(post(probe_write(fixture, "a.example", "10.0.0.2"), &err), WAY_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "0009_later"));
    assert_int_equal(perform(probe_read(fixture, "a.example")), WAY_OK);
    assert_int_equal(fake_count(fixture->fake, FAKE_RESERVE), 0);
}

static void a_session_that_died_idle_is_replaced_once(void **state)
{
    static const struct {
        const char *label;
        enum fake_call call;
        unsigned last;        /* the calls from the second to this one fail */
        enum way_status want; /* of the second call */
        unsigned want_calls;
    } cases[] = {
        {"a read on a dead session", FAKE_READ, 2, WAY_OK, 3},
        {"a read that fails on the new session too", FAKE_READ, 3, WAY_UNAVAILABLE, 3},
        {"a list on a dead session", FAKE_LIST, 2, WAY_OK, 3},
        {"a list that fails on the new session too", FAKE_LIST, 3, WAY_UNAVAILABLE, 3},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        struct probe *probe;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
        start_and_load(fixture);
        /* Both readers get a session: they stand at the gate together. */
        fake_set_gate(fixture->fake, cases[i].call, 1);
        for (size_t reader = 0; reader < WAY_SERVICE_READERS; reader++) {
            struct way_error err;

            probe = cases[i].call == FAKE_READ ? probe_read(fixture, "a.example")
                                               : probe_list(fixture, 1);
            assert_int_equal(post(probe, &err), WAY_OK);
        }
        assert_true(fake_wait_begun(fixture->fake, cases[i].call, WAY_SERVICE_READERS));
        fake_set_gate(fixture->fake, cases[i].call, 0);
        run_loop(fixture);
        way_loop_free(fixture->loop); /* with its guard; it has been stopped for good */
        fixture->loop = way_loop_new();
        assert_non_null(fixture->loop);
        fixture->guard = way_timer_open(fixture->loop, on_guard, fixture);
        assert_non_null(fixture->guard);

        fake_on(fixture->fake, (struct fake_event){.call = cases[i].call,
                                                   .moment = FAKE_BEFORE,
                                                   .first = WAY_SERVICE_READERS + 1,
                                                   .last = WAY_SERVICE_READERS - 1 + cases[i].last,
                                                   .status = WAY_UNAVAILABLE});
        probe =
            cases[i].call == FAKE_READ ? probe_read(fixture, "a.example") : probe_list(fixture, 1);
        assert_int_equal(perform(probe), cases[i].want);
        assert_int_equal(fake_count(fixture->fake, cases[i].call),
                         WAY_SERVICE_READERS - 1 + cases[i].want_calls);
        assert_int_equal(tear_down(state), 0);
    }
}

static void a_fault_on_a_new_session_is_not_tried_again(void **state)
{
    struct fixture *fixture = *state;

    start_and_load(fixture);
    fake_on(
        fixture->fake,
        (struct fake_event){.call = FAKE_READ, .first = 1, .last = 1, .status = WAY_UNAVAILABLE});
    assert_int_equal(perform(probe_read(fixture, "a.example")), WAY_UNAVAILABLE);
    assert_int_equal(fake_count(fixture->fake, FAKE_READ), 1);
}

static void a_list_that_has_given_rows_does_not_begin_again(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probes[WAY_SERVICE_READERS];
    struct way_error err;

    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    (void)fake_put(fixture->fake, "b.example", "10.0.0.1");
    start_and_load(fixture);
    fake_on(fixture->fake, (struct fake_event){.call = FAKE_LIST,
                                               .moment = FAKE_AFTER,
                                               .first = 1,
                                               .last = 1000000,
                                               .status = WAY_UNAVAILABLE});
    /* reads first, so that each reader has a session that could have been idle */
    fake_set_gate(fixture->fake, FAKE_READ, 1);
    for (size_t i = 0; i < WAY_SERVICE_READERS; i++) {
        assert_int_equal(post(probe_read(fixture, "a.example"), &err), WAY_OK);
    }
    assert_true(fake_wait_begun(fixture->fake, FAKE_READ, WAY_SERVICE_READERS));
    for (size_t i = 0; i < WAY_SERVICE_READERS; i++) {
        probes[i] = probe_list(fixture, 10);
        assert_int_equal(post(probes[i], &err), WAY_OK);
    }
    fake_set_gate(fixture->fake, FAKE_READ, 0);
    run_loop(fixture);
    for (size_t i = 0; i < WAY_SERVICE_READERS; i++) {
        assert_int_equal(probes[i]->call.status, WAY_UNAVAILABLE);
        assert_string_equal(probes[i]->keys, "a.example b.example ");
    }
}

/* --- how much may wait, and the end ----------------------------------------------------------- */

static void the_queue_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    struct way_error err;

    (void)fake_put(fixture->fake, "a.example", "10.0.0.1");
    start_and_load(fixture);
    fake_set_gate(fixture->fake, FAKE_READ, 1);
    for (size_t i = 0; i < WAY_SERVICE_READERS; i++) {
        assert_int_equal(post(probe_read(fixture, "a.example"), &err), WAY_OK);
    }
    assert_true(fake_wait_begun(fixture->fake, FAKE_READ, WAY_SERVICE_READERS));
    for (size_t i = 0; i < WAY_SERVICE_QUEUE_MAX; i++) {
        assert_int_equal(post(probe_read(fixture, "a.example"), &err), WAY_OK);
    }
    assert_int_equal(post(probe_read(fixture, "a.example"), &err), WAY_BUSY);
    assert_int_equal(err.status, WAY_BUSY);
    fake_set_gate(fixture->fake, FAKE_READ, 0);
    run_loop(fixture);
    for (size_t i = 0; i + 1 < fixture->count; i++) {
        assert_int_equal(fixture->probes[i]->calls, 1);
        assert_int_equal(fixture->probes[i]->call.status, WAY_OK);
    }
    assert_int_equal(fixture->probes[fixture->count - 1]->calls, 0);
}

static void a_stop_finishes_what_is_queued(void **state)
{
    struct fixture *fixture = *state;
    struct way_error err;

    start_and_load(fixture);
    for (size_t i = 0; i < 50; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "k%zu.example", i);
        assert_int_equal(post(probe_write(fixture, key, "10.0.0.1"), &err), WAY_OK);
        assert_int_equal(post(probe_read(fixture, key), &err), WAY_OK);
        assert_int_equal(post(probe_list(fixture, 1), &err), WAY_OK);
    }
    stop(fixture);
    run_loop(fixture);
    for (size_t i = 0; i < fixture->count; i++) {
        const struct way_service_call *call = &fixture->probes[i]->call;

        assert_int_equal(fixture->probes[i]->calls, 1);
        assert_true(call->status == WAY_OK ||
                    (call->kind == WAY_SERVICE_READ && call->status == WAY_NOT_FOUND));
    }
    assert_int_equal(way_index_count(fixture->index), 50);
    assert_int_equal(fixture->fake->now.revision, 50);
    way_service_free(NULL);
}

static void a_stop_beside_a_dead_database_is_quick(void **state)
{
    struct fixture *fixture = *state;
    struct way_error err;
    uint64_t began = way_clock_mono_ms();

    start_and_load(fixture);
    fake_set_gate(fixture->fake, FAKE_READ, 1);
    fake_set_gate(fixture->fake, FAKE_RESERVE, 1);
    assert_int_equal(post(probe_read(fixture, "a.example"), &err), WAY_OK);
    assert_int_equal(post(probe_write(fixture, "a.example", "10.0.0.1"), &err), WAY_OK);
    assert_true(fake_wait_begun(fixture->fake, FAKE_READ, 1));
    assert_true(fake_wait_begun(fixture->fake, FAKE_RESERVE, 1));
    assert_int_equal(post(probe_write(fixture, "b.example", "10.0.0.1"), &err), WAY_OK);
    fake_set_down(fixture->fake, true);
    fake_open_gates(fixture->fake);
    stop(fixture);
    run_loop(fixture);
    for (size_t i = 0; i < fixture->count; i++) {
        assert_int_equal(fixture->probes[i]->calls, 1);
        assert_int_equal(fixture->probes[i]->call.status, WAY_UNAVAILABLE);
    }
    assert_true(way_clock_mono_ms() - began < 5000);
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
        cmocka_unit_test_setup_teardown(a_row_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_that_is_not_there_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_is_read_as_of_a_revision_that_the_database_has,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_is_not_read_from_a_database_that_is_behind, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(rows_are_listed, set_up, tear_down),
        cmocka_unit_test(a_write_is_seen_by_lookups_when_it_is_answered),
        cmocka_unit_test_setup_teardown(a_wish_that_is_refused_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_commit_of_unknown_outcome_makes_the_index_load_anew,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_that_is_known_to_be_away_is_not_asked, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_read_only_database_is_read_and_listed, set_up, tear_down),
        cmocka_unit_test(a_session_that_died_idle_is_replaced_once),
        cmocka_unit_test_setup_teardown(a_fault_on_a_new_session_is_not_tried_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_list_that_has_given_rows_does_not_begin_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_queue_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_finishes_what_is_queued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_beside_a_dead_database_is_quick, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("domain/service", tests, quiet, NULL);
}
