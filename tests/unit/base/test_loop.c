/* SPDX-License-Identifier: MIT */
/*
 * Each test runs its loop until what it waits for has happened; a guard fails it when it never
 * does.
 */
#include "base/loop.h"

#include "base/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

enum { GUARD_MS = 60000 };

struct fixture {
    struct way_loop *loop;
    struct way_timer *guard;
    bool is_late;
    pthread_t thread;
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
    fixture->loop = way_loop_new();
    assert_non_null(fixture->loop);
    fixture->guard = way_timer_open(fixture->loop, on_guard, fixture);
    assert_non_null(fixture->guard);
    way_timer_start(fixture->guard, GUARD_MS, 0);
    fixture->thread = pthread_self();
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    way_loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void run(struct fixture *fixture)
{
    way_loop_run(fixture->loop);
    assert_false(fixture->is_late);
}

/* --- jobs ------------------------------------------------------------------------------------- */

enum { POSTERS = 4, EACH = 5000 };

struct posted {
    struct way_job job;
    struct board *board;
    unsigned poster;
    unsigned number;
};

struct board {
    struct fixture *fixture;
    struct posted jobs[POSTERS][EACH];
    unsigned next[POSTERS];
    unsigned left;
    unsigned wrong; /* in another order, or on another thread */
};

struct poster {
    struct board *board;
    unsigned number;
};

static void on_posted(struct way_job *job)
{
    struct posted *posted = WAY_OWNER_OF(job, struct posted, job);
    struct board *board = posted->board;

    board->wrong += posted->number != board->next[posted->poster]++;
    board->wrong += pthread_equal(pthread_self(), board->fixture->thread) == 0;
    if (--board->left == 0) {
        way_loop_stop(board->fixture->loop);
    }
}

static void *post_all(void *argument)
{
    const struct poster *poster = argument;
    struct board *board = poster->board;

    for (unsigned i = 0; i < EACH; i++) {
        struct posted *posted = &board->jobs[poster->number][i];

        posted->job.run = on_posted;
        posted->board = board;
        posted->poster = poster->number;
        posted->number = i;
        way_loop_post(board->fixture->loop, &posted->job);
    }
    return NULL;
}

static void jobs_of_other_threads_run_on_the_loops_thread_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct board *board = calloc(1, sizeof *board);
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];

    assert_non_null(board);
    board->fixture = fixture;
    board->left = POSTERS * EACH;
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){board, i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    run(fixture);
    for (unsigned i = 0; i < POSTERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_int_equal(board->left, 0);
    assert_int_equal(board->wrong, 0);
    free(board);
}

struct chain {
    struct way_job job;
    struct way_loop *loop;
    unsigned left;
};

static void post_again_or_stop(struct way_job *job)
{
    struct chain *chain = WAY_OWNER_OF(job, struct chain, job);

    if (chain->left-- > 0) {
        way_loop_post(chain->loop, job);
    } else {
        struct way_loop *loop = chain->loop;

        free(chain); /* a job may free itself */
        way_loop_stop(loop);
    }
}

static void a_job_may_be_posted_from_its_own_run(void **state)
{
    struct fixture *fixture = *state;
    struct chain *chain = calloc(1, sizeof *chain);

    assert_non_null(chain);
    chain->job.run = post_again_or_stop;
    chain->loop = fixture->loop;
    chain->left = 1000;
    way_loop_post(fixture->loop, &chain->job);
    run(fixture);
}

static void *stop_it(void *argument)
{
    way_loop_stop(argument);
    return NULL;
}

static void a_stop_of_another_thread_is_heard(void **state)
{
    struct fixture *fixture = *state;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, stop_it, fixture->loop), 0);
    run(fixture);
    (void)pthread_join(thread, NULL);
}

static void a_stop_before_the_run_is_not_lost(void **state)
{
    struct fixture *fixture = *state;

    way_loop_stop(fixture->loop);
    run(fixture);
}

/* --- timers ----------------------------------------------------------------------------------- */

struct ticker {
    struct way_loop *loop;
    struct way_timer *timer;
    unsigned ticks;
    unsigned stop_after; /* 0: never */
    uint64_t first_ms;   /* when it ticked first */
};

static void on_tick(void *owner)
{
    struct ticker *ticker = owner;

    ticker->first_ms = ticker->ticks == 0 ? way_clock_mono_ms() : ticker->first_ms;
    if (++ticker->ticks == ticker->stop_after) {
        way_loop_stop(ticker->loop);
    }
}

static void ticker_open(struct ticker *ticker, struct fixture *fixture, unsigned stop_after)
{
    *ticker = (struct ticker){.loop = fixture->loop, .stop_after = stop_after};
    ticker->timer = way_timer_open(fixture->loop, on_tick, ticker);
    assert_non_null(ticker->timer);
}

static void a_timer_expires_once_and_not_too_early(void **state)
{
    struct fixture *fixture = *state;
    struct ticker once;
    struct ticker later;
    uint64_t began;

    ticker_open(&once, fixture, 0);
    ticker_open(&later, fixture, 1);
    began = way_clock_mono_ms();
    way_timer_start(once.timer, 20, 0);
    way_timer_start(later.timer, 80, 0);
    run(fixture);
    assert_int_equal(once.ticks, 1);
    assert_true(once.first_ms - began >= 20);
    assert_true(later.first_ms - began >= 80);
}

static void a_timer_repeats_until_it_is_stopped(void **state)
{
    struct fixture *fixture = *state;
    struct ticker ticker;
    struct ticker stopped;

    ticker_open(&ticker, fixture, 5);
    ticker_open(&stopped, fixture, 0);
    way_timer_start(ticker.timer, 1, 2);
    way_timer_start(stopped.timer, 1, 1);
    way_timer_stop(stopped.timer);
    run(fixture);
    assert_int_equal(ticker.ticks, 5);
    assert_int_equal(stopped.ticks, 0);
}

static void starting_again_begins_anew(void **state)
{
    struct fixture *fixture = *state;
    struct ticker moved;
    struct ticker last;

    ticker_open(&moved, fixture, 0);
    ticker_open(&last, fixture, 1);
    way_timer_start(moved.timer, 1, 1);
    way_timer_start(moved.timer, GUARD_MS, 0);
    way_timer_start(last.timer, 30, 0);
    run(fixture);
    assert_int_equal(moved.ticks, 0);
}

static void on_tick_close(void *owner)
{
    struct ticker *ticker = owner;

    ticker->ticks++;
    way_timer_close(ticker->timer);
    ticker->timer = NULL;
}

static void a_timer_may_be_closed_from_its_own_tick(void **state)
{
    struct fixture *fixture = *state;
    struct ticker closed = {.loop = fixture->loop};
    struct ticker last;

    closed.timer = way_timer_open(fixture->loop, on_tick_close, &closed);
    assert_non_null(closed.timer);
    way_timer_start(closed.timer, 1, 1);
    ticker_open(&last, fixture, 1);
    way_timer_start(last.timer, 30, 0);
    run(fixture);
    assert_int_equal(closed.ticks, 1);
    way_timer_close(NULL);
}

/* Two timers of one moment: the first closes the second. */
struct rivals {
    struct way_timer *timers[2];
    unsigned ticks;
};

static void close_both(void *owner)
{
    struct rivals *rivals = owner;

    rivals->ticks++;
    way_timer_close(rivals->timers[0]);
    way_timer_close(rivals->timers[1]);
}

static void a_timer_that_was_closed_by_another_stays_silent(void **state)
{
    struct fixture *fixture = *state;
    struct rivals rivals = {.ticks = 0};
    struct ticker last;

    for (size_t i = 0; i < 2; i++) {
        rivals.timers[i] = way_timer_open(fixture->loop, close_both, &rivals);
        assert_non_null(rivals.timers[i]);
        way_timer_start(rivals.timers[i], 1, 0);
    }
    ticker_open(&last, fixture, 1);
    way_timer_start(last.timer, 30, 0);
    run(fixture);
    assert_int_equal(rivals.ticks, 1);
}

/* --- watches ---------------------------------------------------------------------------------- */

struct reader {
    struct way_loop *loop;
    struct way_watch *watch;
    int descriptor;
    unsigned calls;
    unsigned events;  /* all that came */
    unsigned stop_on; /* events */
    char got[64];
    size_t len;
};

static void on_ready(void *owner, unsigned events)
{
    struct reader *reader = owner;

    reader->calls++;
    reader->events |= events;
    if ((events & WAY_EVENT_READ) != 0) {
        ssize_t len = read(reader->descriptor, reader->got + reader->len, 1);

        reader->len += len > 0 ? (size_t)len : 0;
    }
    if ((events & reader->stop_on) != 0 &&
        (reader->len == 5 || reader->stop_on != WAY_EVENT_READ)) {
        way_loop_stop(reader->loop);
    }
}

static void open_pipe(int ends[static 2])
{
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
}

static void a_watch_tells_until_everything_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct reader reader = {.loop = fixture->loop, .stop_on = WAY_EVENT_READ};
    int ends[2];

    open_pipe(ends);
    reader.descriptor = ends[0];
    reader.watch = way_watch_open(fixture->loop, ends[0], on_ready, &reader);
    assert_non_null(reader.watch);
    way_watch_set(reader.watch, WAY_EVENT_READ);
    assert_int_equal(write(ends[1], "hello", 5), 5); /* one octet is read a call */
    run(fixture);
    assert_int_equal(reader.calls, 5);
    assert_memory_equal(reader.got, "hello", 5);
    assert_int_equal(reader.events, WAY_EVENT_READ);
    way_watch_close(reader.watch);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_paused_watch_is_silent(void **state)
{
    struct fixture *fixture = *state;
    struct reader reader = {.loop = fixture->loop};
    struct ticker last;
    int ends[2];

    open_pipe(ends);
    reader.descriptor = ends[0];
    reader.watch = way_watch_open(fixture->loop, ends[0], on_ready, &reader);
    assert_non_null(reader.watch);
    assert_int_equal(write(ends[1], "x", 1), 1);
    way_watch_set(reader.watch, WAY_EVENT_READ);
    way_watch_set(reader.watch, 0);
    ticker_open(&last, fixture, 1);
    way_timer_start(last.timer, 30, 0);
    run(fixture);
    assert_int_equal(reader.calls, 0);
    way_watch_close(reader.watch);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void only_what_is_asked_for_is_told(void **state)
{
    static const struct {
        const char *label;
        unsigned asked, want;
        bool is_closed; /* by the peer */
    } cases[] = {
        {"room to write", WAY_EVENT_WRITE, WAY_EVENT_WRITE, false},
        {"the peer is gone", WAY_EVENT_HANGUP, WAY_EVENT_HANGUP, true},
        {"end of file is to be read", WAY_EVENT_READ, WAY_EVENT_READ, true},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct fixture *fixture;
        struct reader reader = {.stop_on = cases[i].want | 128};
        int ends[2];

        print_message("    %s\n", cases[i].label);
        assert_int_equal(set_up(state), 0);
        fixture = *state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
                         0);
        reader.loop = fixture->loop;
        reader.descriptor = ends[0];
        reader.watch = way_watch_open(fixture->loop, ends[0], on_ready, &reader);
        assert_non_null(reader.watch);
        way_watch_set(reader.watch, cases[i].asked);
        if (cases[i].is_closed) {
            (void)close(ends[1]);
        }
        run(fixture);
        assert_int_equal(reader.events, cases[i].want);
        way_watch_close(reader.watch);
        (void)close(ends[0]);
        if (!cases[i].is_closed) {
            (void)close(ends[1]);
        }
        assert_int_equal(tear_down(state), 0);
    }
}

/* Two watches that are ready in one turn: whichever is told first closes both. */
struct pair {
    struct way_loop *loop;
    struct way_watch *watches[2];
    int ends[2][2];
    unsigned calls;
};

static void close_pair(void *owner, unsigned events)
{
    struct pair *pair = owner;

    (void)events;
    pair->calls++;
    for (size_t i = 0; i < 2; i++) {
        way_watch_close(pair->watches[i]);
        (void)close(pair->ends[i][0]); /* at once: the number may be given out again */
    }
}

static void a_watch_may_close_itself_and_others(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = {.loop = fixture->loop};
    struct ticker last;

    for (size_t i = 0; i < 2; i++) {
        open_pipe(pair.ends[i]);
        pair.watches[i] = way_watch_open(fixture->loop, pair.ends[i][0], close_pair, &pair);
        assert_non_null(pair.watches[i]);
        way_watch_set(pair.watches[i], WAY_EVENT_READ);
        assert_int_equal(write(pair.ends[i][1], "x", 1), 1);
    }
    ticker_open(&last, fixture, 1);
    way_timer_start(last.timer, 30, 0);
    run(fixture);
    assert_int_equal(pair.calls, 1);
    (void)close(pair.ends[0][1]);
    (void)close(pair.ends[1][1]);
    way_watch_close(NULL);
}

static void a_descriptor_that_is_none_is_refused(void **state)
{
    struct fixture *fixture = *state;

    assert_null(way_watch_open(fixture->loop, -1, on_ready, NULL));
}

static void what_is_left_open_goes_with_the_loop(void **state)
{
    struct fixture *fixture = *state;
    struct reader reader = {.loop = fixture->loop};
    int ends[2];

    open_pipe(ends);
    reader.watch = way_watch_open(fixture->loop, ends[0], on_ready, &reader);
    assert_non_null(reader.watch);
    way_watch_set(reader.watch, WAY_EVENT_READ);
    way_timer_start(way_timer_open(fixture->loop, on_guard, fixture), GUARD_MS, 0);
    way_timer_close(way_timer_open(fixture->loop, on_guard, fixture)); /* not closed yet, either */
    way_loop_free(fixture->loop);
    fixture->loop = NULL;
    way_loop_free(NULL);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_of_other_threads_run_on_the_loops_thread_in_order,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_job_may_be_posted_from_its_own_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_of_another_thread_is_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_before_the_run_is_not_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_timer_expires_once_and_not_too_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_timer_repeats_until_it_is_stopped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(starting_again_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_timer_may_be_closed_from_its_own_tick, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_timer_that_was_closed_by_another_stays_silent, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_watch_tells_until_everything_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_paused_watch_is_silent, set_up, tear_down),
        cmocka_unit_test(only_what_is_asked_for_is_told),
        cmocka_unit_test_setup_teardown(a_watch_may_close_itself_and_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_descriptor_that_is_none_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_open_goes_with_the_loop, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("base/loop", tests, NULL, NULL);
}
