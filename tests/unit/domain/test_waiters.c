/* SPDX-License-Identifier: MIT */
/*
 * Waiters on one loop, which runs until what the test waits for has happened; a guard fails it when
 * it never does. In the races two loops wait while another thread announces.
 */
#include "domain/waiters.h"

#include "base/clock.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h> /* wants the others first */

enum {
    GUARD_MS = 60000,
    SHORT_MS = 50,
    PROBES_MAX = WAY_WAITERS_MAX + 1,
    NONE_YET = -1,
};

struct fixture;

struct probe {
    struct way_waiter waiter;
    struct fixture *fixture;
    int outcome;    /* NONE_YET, or enum way_wait_outcome */
    unsigned place; /* counted from 1: the how-manieth to end */
};

struct fixture {
    struct way_waiters *waiters;
    struct way_loop *loop;
    struct way_timer *guard;
    bool is_late;
    pthread_t thread;
    unsigned ended;
    unsigned wanted; /* the loop stops when as many have ended */
    struct probe probes[PROBES_MAX];
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
    fixture->waiters = way_waiters_new();
    fixture->loop = way_loop_new();
    assert_non_null(fixture->waiters);
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
    way_waiters_free(fixture->waiters);
    free(fixture);
    return 0;
}

static void on_done(struct way_waiter *waiter, enum way_wait_outcome outcome)
{
    struct probe *probe = WAY_OWNER_OF(waiter, struct probe, waiter);
    struct fixture *fixture = probe->fixture;

    assert_int_equal(probe->outcome, NONE_YET);
    assert_true(pthread_equal(pthread_self(), fixture->thread) != 0);
    probe->outcome = (int)outcome;
    probe->place = ++fixture->ended;
    if (fixture->ended == fixture->wanted) {
        way_loop_stop(fixture->loop);
    }
}

static struct probe *prepare(struct fixture *fixture, unsigned number, uint64_t revision,
                             uint64_t wait_ms)
{
    struct probe *probe = &fixture->probes[number];

    *probe = (struct probe){
        .waiter = {.home = fixture->loop,
                   .revision = revision,
                   .deadline_ms = way_clock_mono_ms() + wait_ms,
                   .done = on_done},
        .fixture = fixture,
        .outcome = NONE_YET,
    };
    return probe;
}

static void start(struct fixture *fixture, struct probe *probe)
{
    assert_int_equal(way_waiters_start(fixture->waiters, &probe->waiter, NULL), WAY_OK);
    assert_int_equal(probe->outcome, NONE_YET); /* never from inside */
}

static struct probe *wait_for(struct fixture *fixture, unsigned number, uint64_t revision)
{
    struct probe *probe = prepare(fixture, number, revision, GUARD_MS);

    start(fixture, probe);
    return probe;
}

/* As a long-poll does, which has looked when `wakes_seen` was true. */
static struct probe *wait_with_all(struct fixture *fixture, unsigned number, uint64_t revision,
                                   uint64_t wakes_seen)
{
    struct probe *probe = prepare(fixture, number, revision, GUARD_MS);

    probe->waiter.is_woken_with_all = true;
    probe->waiter.wakes_seen = wakes_seen;
    start(fixture, probe);
    return probe;
}

/* Runs until `count` have ended, over all runs, and no more than those. */
static void run(struct fixture *fixture, unsigned count)
{
    fixture->wanted = count;
    way_loop_run(fixture->loop);
    assert_false(fixture->is_late);
    assert_int_equal(fixture->ended, count);
}

static void cancel_rest(struct fixture *fixture, unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        way_waiters_cancel(&fixture->probes[first + i].waiter);
    }
    run(fixture, fixture->ended + count);
}

/* --- revisions -------------------------------------------------------------------------------- */

static void a_wait_ends_when_its_revision_is_reached(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe = wait_for(fixture, 0, 5);

    way_waiters_announce(fixture->waiters, 4);
    way_waiters_announce(fixture->waiters, 5);
    assert_int_equal(probe->outcome, NONE_YET); /* on its loop only */
    run(fixture, 1);
    assert_int_equal(probe->outcome, WAY_WAIT_REACHED);
}

static void a_revision_that_was_skipped_is_reached(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe = wait_for(fixture, 0, 5);

    way_waiters_announce(fixture->waiters, 900);
    run(fixture, 1);
    assert_int_equal(probe->outcome, WAY_WAIT_REACHED);
}

static void those_that_are_due_end_and_the_others_stay(void **state)
{
    static const uint64_t wanted[] = {7, 3, UINT64_MAX, 5, 3, 6, 1};
    struct fixture *fixture = *state;

    for (unsigned i = 0; i < WAY_COUNT_OF(wanted); i++) {
        (void)wait_for(fixture, i, wanted[i]);
    }
    way_waiters_announce(fixture->waiters, 5);
    run(fixture, 4);
    for (unsigned i = 0; i < WAY_COUNT_OF(wanted); i++) {
        assert_int_equal(fixture->probes[i].outcome, wanted[i] <= 5 ? WAY_WAIT_REACHED : NONE_YET);
    }
    /* The lowest first, and of equals the oldest. */
    assert_int_equal(fixture->probes[6].place, 1);
    assert_int_equal(fixture->probes[1].place, 2);
    assert_int_equal(fixture->probes[4].place, 3);
    assert_int_equal(fixture->probes[3].place, 4);
    way_waiters_announce(fixture->waiters, 7);
    run(fixture, 6);
    assert_int_equal(fixture->probes[2].outcome, NONE_YET);
    cancel_rest(fixture, 2, 1);
}

/* The index moved between the caller's look and its wait. */
static void a_revision_announced_before_ends_the_wait(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe;

    way_waiters_announce(fixture->waiters, 5);
    probe = wait_for(fixture, 0, 5);
    run(fixture, 1);
    assert_int_equal(probe->outcome, WAY_WAIT_REACHED);
}

/* A backup was restored: what was reached before is to be reached once more. */
static void a_lower_revision_takes_the_earlier_one_back(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe;

    way_waiters_announce(fixture->waiters, 9);
    way_waiters_announce(fixture->waiters, 3);
    probe = wait_for(fixture, 0, 5);
    (void)wait_for(fixture, 1, 3);
    run(fixture, 1);
    assert_int_equal(probe->outcome, NONE_YET);
    way_waiters_announce(fixture->waiters, 5);
    run(fixture, 2);
    assert_int_equal(probe->outcome, WAY_WAIT_REACHED);
}

static void a_waiter_can_be_used_again(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned i = 1; i <= 3; i++) {
        struct probe *probe = wait_for(fixture, 0, i);

        way_waiters_announce(fixture->waiters, i);
        run(fixture, i);
        assert_int_equal(probe->outcome, WAY_WAIT_REACHED);
    }
}

/* --- deadlines -------------------------------------------------------------------------------- */

static void a_wait_ends_at_its_deadline_and_not_before(void **state)
{
    struct fixture *fixture = *state;
    uint64_t began_us = way_clock_mono_us();
    struct probe *probe = prepare(fixture, 0, 5, SHORT_MS);

    start(fixture, probe);
    way_waiters_announce(fixture->waiters, 4);
    run(fixture, 1);
    assert_int_equal(probe->outcome, WAY_WAIT_TIMED_OUT);
    assert_true(way_clock_mono_us() - began_us >= (uint64_t)(SHORT_MS - 1) * 1000);
    assert_true(way_clock_mono_ms() >= probe->waiter.deadline_ms);
    way_waiters_announce(fixture->waiters, 5); /* it is forgotten */
    (void)wait_for(fixture, 1, 5);
    run(fixture, 2);
}

static void a_deadline_that_has_passed_ends_the_wait_on_the_loop(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe = prepare(fixture, 0, 5, 0);

    probe->waiter.deadline_ms = 0;
    start(fixture, probe);
    run(fixture, 1);
    assert_int_equal(probe->outcome, WAY_WAIT_TIMED_OUT);
}

/* Both have happened before the loop gets to either. */
static void a_deadline_after_the_announcement_is_no_second_end(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe = prepare(fixture, 0, 5, 0);

    start(fixture, probe);
    way_waiters_announce(fixture->waiters, 5);
    while (way_clock_mono_ms() <= probe->waiter.deadline_ms + 1) {
        (void)sched_yield();
    }
    (void)prepare(fixture, 1, 6, SHORT_MS);
    start(fixture, &fixture->probes[1]);
    run(fixture, 2);
    assert_int_equal(probe->outcome, WAY_WAIT_REACHED);
    assert_int_equal(fixture->probes[1].outcome, WAY_WAIT_TIMED_OUT);
}

/* --- cancelling ------------------------------------------------------------------------------- */

static void a_cancelled_wait_ends_once(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe = wait_for(fixture, 0, 5);

    way_waiters_cancel(&probe->waiter);
    way_waiters_cancel(&probe->waiter);
    way_waiters_announce(fixture->waiters, 5);
    assert_int_equal(probe->outcome, NONE_YET);
    run(fixture, 1);
    assert_int_equal(probe->outcome, WAY_WAIT_CANCELLED);
    (void)wait_for(fixture, 1, 5);
    run(fixture, 2); /* and `probe` a second time would have failed */
}

static void cancelling_comes_too_late_for_what_is_on_its_way(void **state)
{
    struct fixture *fixture = *state;
    struct probe *probe = wait_for(fixture, 0, 5);

    way_waiters_announce(fixture->waiters, 5);
    way_waiters_cancel(&probe->waiter);
    run(fixture, 1);
    assert_int_equal(probe->outcome, WAY_WAIT_REACHED);
}

static void there_is_room_for_so_many_and_a_cancelled_one_makes_room(void **state)
{
    struct fixture *fixture = *state;
    struct way_error err = {0};
    struct probe *last;

    for (unsigned i = 0; i < WAY_WAITERS_MAX; i++) {
        (void)wait_for(fixture, i, 5 + i % 7);
    }
    last = prepare(fixture, WAY_WAITERS_MAX, 5, GUARD_MS);
    assert_int_equal(way_waiters_start(fixture->waiters, &last->waiter, &err), WAY_BUSY);
    assert_string_equal(err.detail, "too many requests wait for a revision");
    way_waiters_cancel(&fixture->probes[3].waiter);
    start(fixture, last);
    way_waiters_announce(fixture->waiters, 11);
    run(fixture, WAY_WAITERS_MAX + 1);
    assert_int_equal(fixture->probes[3].outcome, WAY_WAIT_CANCELLED);
    assert_int_equal(last->outcome, WAY_WAIT_REACHED);
}

static void long_waits_leave_room_for_short_ones(void **state)
{
    struct fixture *fixture = *state;
    struct way_error err = {0};
    struct probe *last;

    for (unsigned i = 0; i < WAY_WAITERS_LONG_MAX; i++) {
        (void)wait_with_all(fixture, i, 5, 0);
    }
    last = prepare(fixture, WAY_WAITERS_LONG_MAX, 5, GUARD_MS);
    last->waiter.is_woken_with_all = true;
    assert_int_equal(way_waiters_start(fixture->waiters, &last->waiter, &err), WAY_BUSY);
    last->waiter.is_woken_with_all = false;
    start(fixture, last);
    way_waiters_announce(fixture->waiters, 5);
    run(fixture, WAY_WAITERS_LONG_MAX + 1);
}

/* --- everybody who asked for it --------------------------------------------------------------- */

static void waking_all_ends_the_waits_of_those_who_asked(void **state)
{
    struct fixture *fixture = *state;
    struct probe *plain = wait_for(fixture, 0, 5);
    struct probe *first = wait_with_all(fixture, 1, 6, 0);
    struct probe *second = wait_with_all(fixture, 2, 4, 0);

    way_waiters_wake_all(fixture->waiters);
    run(fixture, 2);
    assert_int_equal(first->outcome, WAY_WAIT_WOKEN);
    assert_int_equal(second->outcome, WAY_WAIT_WOKEN);
    assert_int_equal(plain->outcome, NONE_YET);
    cancel_rest(fixture, 0, 1);
}

static void a_waking_between_look_and_wait_is_not_missed(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seen = way_waiters_wakes(fixture->waiters);
    struct probe *probe;

    way_waiters_wake_all(fixture->waiters);
    probe = wait_with_all(fixture, 0, 5, seen);
    run(fixture, 1);
    assert_int_equal(probe->outcome, WAY_WAIT_WOKEN);
    probe = wait_with_all(fixture, 0, 5, way_waiters_wakes(fixture->waiters));
    (void)wait_for(fixture, 1, 0);
    run(fixture, 2);
    assert_int_equal(probe->outcome, NONE_YET);
    cancel_rest(fixture, 0, 1);
}

static void after_closing_those_who_asked_do_not_wait(void **state)
{
    struct fixture *fixture = *state;
    struct probe *early = wait_with_all(fixture, 0, 5, 0);
    struct probe *plain = wait_for(fixture, 1, 5);
    struct probe *late;

    way_waiters_close(fixture->waiters);
    late = wait_with_all(fixture, 2, 5, way_waiters_wakes(fixture->waiters));
    run(fixture, 2);
    assert_int_equal(early->outcome, WAY_WAIT_WOKEN);
    assert_int_equal(late->outcome, WAY_WAIT_WOKEN);
    way_waiters_announce(fixture->waiters, 5);
    run(fixture, 3);
    assert_int_equal(plain->outcome, WAY_WAIT_REACHED);
}

/* --- races ------------------------------------------------------------------------------------ */

enum { RACERS = 2, ROUNDS = 30000, STEPS = 97, STEP_LOOKS = 16 };

struct race;

/* A loop of its own that waits for one revision after the other. */
struct racer {
    struct way_waiter waiter;
    struct way_job job;
    struct race *race;
    struct way_loop *loop;
    pthread_t thread;
    _Atomic uint64_t wanted;
    bool cancels; /* its first wait for each revision, at once: that races too */
    bool has_cancelled;
    unsigned reached;
    unsigned cancelled;
    unsigned wrong;
};

/* The announcer waits until every racer wants the next revision, so that a wake-up that is lost is
 * not made good by the next one. Then it lets a little more or less time pass from round to round:
 * so announcements fall into every part of start(). */
struct race {
    struct way_waiters *waiters;
    _Atomic uint64_t index; /* stands for the index's revision */
    atomic_uint running;
    struct racer racers[RACERS];
};

static void give_up(struct racer *racer)
{
    atomic_store(&racer->wanted, UINT64_MAX);
    (void)atomic_fetch_sub(&racer->race->running, 1);
    way_loop_stop(racer->loop);
}

static void wait_for_wanted(struct racer *racer)
{
    struct race *race = racer->race;

    if (atomic_load(&race->index) >= racer->waiter.revision) {
        way_loop_post(racer->loop, &racer->job); /* no need to wait */
        return;
    }
    racer->waiter.deadline_ms = way_clock_mono_ms() + GUARD_MS;
    if (way_waiters_start(race->waiters, &racer->waiter, NULL) != WAY_OK) {
        racer->wrong++;
        give_up(racer);
    } else if (racer->cancels && !racer->has_cancelled) {
        racer->has_cancelled = true;
        way_waiters_cancel(&racer->waiter);
    }
}

static void want_next(struct racer *racer)
{
    racer->waiter.revision++;
    racer->has_cancelled = false;
    if (racer->waiter.revision > ROUNDS || racer->wrong > 0) {
        give_up(racer);
        return;
    }
    atomic_store(&racer->wanted, racer->waiter.revision);
    wait_for_wanted(racer);
}

static void on_race_over(struct way_waiter *waiter, enum way_wait_outcome outcome)
{
    struct racer *racer = WAY_OWNER_OF(waiter, struct racer, waiter);

    if (outcome == WAY_WAIT_CANCELLED) {
        racer->cancelled++;
        wait_for_wanted(racer);
        return;
    }
    racer->reached++;
    racer->wrong +=
        outcome != WAY_WAIT_REACHED || atomic_load(&racer->race->index) < waiter->revision;
    want_next(racer);
}

static void on_racer_job(struct way_job *job)
{
    want_next(WAY_OWNER_OF(job, struct racer, job));
}

static void *run_racer(void *argument)
{
    struct racer *racer = argument;

    way_loop_run(racer->loop);
    return NULL;
}

static bool all_want(struct race *race, uint64_t revision)
{
    for (size_t i = 0; i < RACERS; i++) {
        if (atomic_load(&race->racers[i].wanted) < revision) {
            return false;
        }
    }
    return true;
}

static void announce_what_is_wanted(struct race *race)
{
    uint64_t revision = 0;
    uint64_t looks = 0;

    while (atomic_load(&race->running) > 0) {
        if (all_want(race, revision + 1) && looks++ >= revision % STEPS * STEP_LOOKS) {
            looks = 0;
            revision++;
            atomic_store(&race->index, revision);
            way_waiters_announce(race->waiters, revision);
        }
    }
}

static void no_wake_up_is_lost_between_threads(void **state)
{
    struct fixture *fixture = *state;
    struct race race = {.waiters = fixture->waiters};

    atomic_store(&race.running, RACERS);
    for (size_t i = 0; i < RACERS; i++) {
        struct racer *racer = &race.racers[i];

        racer->race = &race;
        racer->cancels = i > 0;
        racer->loop = way_loop_new();
        assert_non_null(racer->loop);
        racer->waiter.home = racer->loop;
        racer->waiter.done = on_race_over;
        racer->job.run = on_racer_job;
        way_loop_post(racer->loop, &racer->job);
        assert_int_equal(pthread_create(&racer->thread, NULL, run_racer, racer), 0);
    }
    announce_what_is_wanted(&race);
    for (size_t i = 0; i < RACERS; i++) {
        (void)pthread_join(race.racers[i].thread, NULL);
        way_loop_free(race.racers[i].loop);
        assert_int_equal(race.racers[i].wrong, 0);
    }
    assert_int_not_equal(race.racers[0].reached, 0); /* it did have to wait */
    assert_int_not_equal(race.racers[1].cancelled, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_wait_ends_when_its_revision_is_reached, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_revision_that_was_skipped_is_reached, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_that_are_due_end_and_the_others_stay, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_revision_announced_before_ends_the_wait, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_lower_revision_takes_the_earlier_one_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_waiter_can_be_used_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wait_ends_at_its_deadline_and_not_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_deadline_that_has_passed_ends_the_wait_on_the_loop,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deadline_after_the_announcement_is_no_second_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_wait_ends_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelling_comes_too_late_for_what_is_on_its_way, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(there_is_room_for_so_many_and_a_cancelled_one_makes_room,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_waits_leave_room_for_short_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waking_all_ends_the_waits_of_those_who_asked, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_waking_between_look_and_wait_is_not_missed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(after_closing_those_who_asked_do_not_wait, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(no_wake_up_is_lost_between_threads, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
