/* SPDX-License-Identifier: MIT */
#include "base/worker.h"

#include "base/clock.h"
#include "base/condition.h"
#include "base/status.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

enum {
    WAIT_MS = 60000, /* for anything that has to happen */
    NEVER_MS = 3600000,
    SHORT_MS = 30,
    CALLS_MAX = 64,
};

struct bench {
    struct way_condition condition;
    /* guarded by it */
    uint64_t pause_ms; /* what the work returns */
    bool is_gate_shut; /* the work waits inside */
    unsigned inside;   /* at once */
    unsigned calls;
    unsigned last_calls; /* with is_last */
    bool was_last_the_last;
    uint64_t began_ms[CALLS_MAX];
    char name[16];
};

static uint64_t work(void *owner, bool is_last)
{
    struct bench *bench = owner;
    uint64_t until_ms = way_clock_mono_ms() + WAIT_MS;
    uint64_t pause_ms;

    way_condition_lock(&bench->condition);
    bench->began_ms[bench->calls++ % CALLS_MAX] = way_clock_mono_ms();
    bench->last_calls += is_last;
    bench->was_last_the_last = is_last;
    bench->inside++;
    (void)pthread_getname_np(pthread_self(), bench->name, sizeof bench->name);
    (void)pthread_cond_broadcast(&bench->condition.wake);
    while (bench->is_gate_shut && way_condition_wait(&bench->condition, until_ms)) {
    }
    bench->inside--;
    pause_ms = bench->pause_ms;
    way_condition_unlock(&bench->condition);
    return pause_ms;
}

static bool wait_for_calls(struct bench *bench, unsigned calls)
{
    uint64_t until_ms = way_clock_mono_ms() + WAIT_MS;
    bool is_there;

    way_condition_lock(&bench->condition);
    while (bench->calls < calls && way_condition_wait(&bench->condition, until_ms)) {
    }
    is_there = bench->calls >= calls;
    way_condition_unlock(&bench->condition);
    return is_there;
}

static void open_gate(struct bench *bench)
{
    way_condition_lock(&bench->condition);
    bench->is_gate_shut = false;
    (void)pthread_cond_broadcast(&bench->condition.wake);
    way_condition_unlock(&bench->condition);
}

static int set_up(void **state)
{
    static struct bench bench;

    bench = (struct bench){.pause_ms = 1};
    *state = &bench;
    return way_condition_init(&bench.condition) == WAY_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    way_condition_fini(&bench->condition);
    return 0;
}

static void the_work_is_done_again_and_again_and_once_more_at_the_end(void **state)
{
    struct bench *bench = *state;
    struct way_worker *worker = way_worker_start("a-worker", 1, work, bench);

    assert_non_null(worker);
    assert_true(wait_for_calls(bench, 5));
    way_worker_stop(worker);
    assert_true(bench->calls >= 6);
    assert_int_equal(bench->last_calls, 1);
    assert_true(bench->was_last_the_last);
    assert_int_equal(bench->inside, 0);
    assert_string_equal(bench->name, "a-worker");
}

static void pauses_are_as_long_as_was_asked_for(void **state)
{
    struct bench *bench = *state;
    uint64_t started_ms = way_clock_mono_ms();
    struct way_worker *worker;

    bench->pause_ms = SHORT_MS;
    worker = way_worker_start("worker", SHORT_MS, work, bench);
    assert_non_null(worker);
    assert_true(wait_for_calls(bench, 3));
    way_worker_stop(worker);
    assert_true(bench->began_ms[0] >= started_ms + SHORT_MS);
    assert_true(bench->began_ms[1] >= bench->began_ms[0] + SHORT_MS);
    assert_true(bench->began_ms[2] >= bench->began_ms[1] + SHORT_MS);
}

static void a_stop_ends_a_rest(void **state)
{
    static const struct {
        uint64_t first_ms;
        unsigned calls; /* that are waited for before the stop */
    } cases[] = {{NEVER_MS, 0}, {0, 1}};
    struct bench *bench = *state;

    bench->pause_ms = NEVER_MS;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        uint64_t started_ms = way_clock_mono_ms();
        struct way_worker *worker = way_worker_start("worker", cases[i].first_ms, work, bench);

        assert_non_null(worker);
        assert_true(wait_for_calls(bench, cases[i].calls));
        way_worker_stop(worker);
        assert_true(way_clock_mono_ms() - started_ms < WAIT_MS);
        assert_int_equal(bench->calls, cases[i].calls + 1);
        assert_int_equal(bench->last_calls, 1);
        bench->calls = 0;
        bench->last_calls = 0;
    }
}

static void *stop(void *argument)
{
    way_worker_stop(argument);
    return NULL;
}

static void a_stop_waits_for_the_work_in_hand(void **state)
{
    struct bench *bench = *state;
    struct way_worker *worker;
    pthread_t thread;

    bench->is_gate_shut = true;
    worker = way_worker_start("worker", 0, work, bench);
    assert_non_null(worker);
    assert_true(wait_for_calls(bench, 1));
    assert_int_equal(pthread_create(&thread, NULL, stop, worker), 0);
    open_gate(bench);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(bench->inside, 0);
    assert_int_equal(bench->last_calls, 1);
    assert_true(bench->was_last_the_last);
}

static void nothing_can_be_stopped(void **state)
{
    (void)state;
    way_worker_stop(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_work_is_done_again_and_again_and_once_more_at_the_end),
        TEST(pauses_are_as_long_as_was_asked_for),
        TEST(a_stop_ends_a_rest),
        TEST(a_stop_waits_for_the_work_in_hand),
        TEST(nothing_can_be_stopped),
    };

    return cmocka_run_group_tests_name("base/worker", tests, NULL, NULL);
}
