/* SPDX-License-Identifier: MIT */
#include "base/job.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h> /* wants the others first */

struct numbered {
    unsigned producer;
    unsigned number;
    struct way_job job; /* not first: owners are found all the same */
};

static struct numbered *owner_of(struct way_job *job)
{
    return WAY_OWNER_OF(job, struct numbered, job);
}

static void jobs_come_out_in_the_order_they_went_in(void **state)
{
    struct way_queue *queue = way_queue_new(10);
    struct numbered jobs[10];

    (void)state;
    assert_non_null(queue);
    for (unsigned i = 0; i < WAY_COUNT_OF(jobs); i++) {
        jobs[i].number = i;
        assert_int_equal(way_queue_put(queue, &jobs[i].job), WAY_OK);
        assert_int_equal(way_queue_length(queue), i + 1);
    }
    for (unsigned i = 0; i < WAY_COUNT_OF(jobs); i++) {
        assert_int_equal(owner_of(way_queue_take(queue))->number, i);
    }
    assert_int_equal(way_queue_length(queue), 0);
    assert_int_equal(way_queue_put(queue, &jobs[3].job), WAY_OK); /* a job may be used again */
    assert_int_equal(owner_of(way_queue_take(queue))->number, 3);
    way_queue_free(queue);
    way_queue_free(NULL);
}

static void several_are_taken_at_once_oldest_first(void **state)
{
    static const struct {
        size_t max, want;
    } cases[] = {{3, 3}, {1, 1}, {100, 6}};

    struct way_queue *queue = way_queue_new(10);
    struct numbered jobs[10];
    unsigned next = 0;

    (void)state;
    assert_non_null(queue);
    for (unsigned i = 0; i < WAY_COUNT_OF(jobs); i++) {
        jobs[i].number = i;
        assert_int_equal(way_queue_put(queue, &jobs[i].job), WAY_OK);
    }
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_job *job = way_queue_take_all(queue, cases[i].max);
        size_t count = 0;

        for (; job != NULL; job = job->next, count++) {
            assert_int_equal(owner_of(job)->number, next++);
        }
        assert_int_equal(count, cases[i].want);
        assert_int_equal(way_queue_length(queue), WAY_COUNT_OF(jobs) - next);
    }
    assert_int_equal(way_queue_put(queue, &jobs[0].job), WAY_OK); /* behind an end that was cut */
    assert_ptr_equal(way_queue_take_all(queue, 5), &jobs[0].job);
    way_queue_free(queue);
}

static void a_queue_is_bounded(void **state)
{
    struct way_queue *queue = way_queue_new(2);
    struct numbered jobs[3];

    (void)state;
    assert_non_null(queue);
    assert_int_equal(way_queue_put(queue, &jobs[0].job), WAY_OK);
    assert_int_equal(way_queue_put(queue, &jobs[1].job), WAY_OK);
    assert_int_equal(way_queue_put(queue, &jobs[2].job), WAY_BUSY);
    assert_int_equal(way_queue_length(queue), 2);
    assert_ptr_equal(way_queue_take(queue), &jobs[0].job);
    assert_int_equal(way_queue_put(queue, &jobs[2].job), WAY_OK);
    assert_ptr_equal(way_queue_take(queue), &jobs[1].job);
    assert_ptr_equal(way_queue_take(queue), &jobs[2].job);
    way_queue_free(queue);
}

static void a_closed_queue_gives_what_is_left_and_then_nothing(void **state)
{
    struct way_queue *queue = way_queue_new(5);
    struct numbered jobs[3];

    (void)state;
    assert_non_null(queue);
    assert_int_equal(way_queue_put(queue, &jobs[0].job), WAY_OK);
    assert_int_equal(way_queue_put(queue, &jobs[1].job), WAY_OK);
    way_queue_close(queue);
    way_queue_close(queue);
    assert_int_equal(way_queue_put(queue, &jobs[2].job), WAY_BUSY);
    assert_ptr_equal(way_queue_take(queue), &jobs[0].job);
    assert_ptr_equal(way_queue_take_all(queue, 9), &jobs[1].job);
    assert_null(way_queue_take(queue));
    assert_null(way_queue_take_all(queue, 9));
    way_queue_free(queue);
}

static void *take_one(void *argument)
{
    return way_queue_take(argument);
}

static void closing_wakes_everybody_who_waits(void **state)
{
    struct way_queue *queue = way_queue_new(5);
    pthread_t threads[4];

    (void)state;
    assert_non_null(queue);
    for (size_t i = 0; i < WAY_COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_one, queue), 0);
    }
    way_queue_close(queue);
    for (size_t i = 0; i < WAY_COUNT_OF(threads); i++) {
        void *job;

        (void)pthread_join(threads[i], &job);
        assert_null(job);
    }
    way_queue_free(queue);
}

static void a_job_wakes_one_who_waits(void **state)
{
    struct way_queue *queue = way_queue_new(5);
    struct numbered numbered;
    pthread_t thread;
    void *job;

    (void)state;
    assert_non_null(queue);
    assert_int_equal(pthread_create(&thread, NULL, take_one, queue), 0);
    assert_int_equal(way_queue_put(queue, &numbered.job), WAY_OK);
    (void)pthread_join(thread, &job);
    assert_ptr_equal(job, &numbered.job);
    way_queue_free(queue);
}

/* --- many threads ----------------------------------------------------------------------------- */

enum { PRODUCERS = 6, CONSUMERS = 3, EACH = 5000, ROOM = 64 };

struct crowd {
    struct way_queue *queue;
    struct numbered jobs[PRODUCERS][EACH];
    _Atomic unsigned refused;
};

struct producer {
    struct crowd *crowd;
    unsigned number;
};

struct consumer {
    struct crowd *crowd;
    unsigned seen[PRODUCERS]; /* how many of each */
    unsigned out_of_order;
};

static void *produce(void *argument)
{
    const struct producer *producer = argument;
    struct crowd *crowd = producer->crowd;

    for (unsigned i = 0; i < EACH; i++) {
        struct numbered *numbered = &crowd->jobs[producer->number][i];

        numbered->producer = producer->number;
        numbered->number = i;
        while (way_queue_put(crowd->queue, &numbered->job) != WAY_OK) {
            atomic_fetch_add(&crowd->refused, 1);
            (void)sched_yield();
        }
    }
    return NULL;
}

static void *consume(void *argument)
{
    struct consumer *consumer = argument;
    unsigned next[PRODUCERS] = {0};
    struct way_job *job;

    while ((job = way_queue_take_all(consumer->crowd->queue, 7)) != NULL) {
        while (job != NULL) {
            const struct numbered *numbered = owner_of(job);

            job = job->next;
            consumer->out_of_order += numbered->number < next[numbered->producer];
            next[numbered->producer] = numbered->number + 1;
            consumer->seen[numbered->producer]++;
        }
    }
    return NULL;
}

static void many_producers_and_consumers_lose_nothing(void **state)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    pthread_t threads[PRODUCERS + CONSUMERS];
    struct producer producers[PRODUCERS];
    struct consumer consumers[CONSUMERS] = {0};

    (void)state;
    assert_non_null(crowd);
    crowd->queue = way_queue_new(ROOM);
    assert_non_null(crowd->queue);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        consumers[i].crowd = crowd;
        assert_int_equal(pthread_create(&threads[PRODUCERS + i], NULL, consume, &consumers[i]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){crowd, i};
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    way_queue_close(crowd->queue);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        (void)pthread_join(threads[PRODUCERS + i], NULL);
        assert_int_equal(consumers[i].out_of_order, 0);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        unsigned seen = 0;

        for (unsigned j = 0; j < CONSUMERS; j++) {
            seen += consumers[j].seen[i];
        }
        assert_int_equal(seen, EACH);
    }
    way_queue_free(crowd->queue);
    free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_come_out_in_the_order_they_went_in),
        cmocka_unit_test(several_are_taken_at_once_oldest_first),
        cmocka_unit_test(a_queue_is_bounded),
        cmocka_unit_test(a_closed_queue_gives_what_is_left_and_then_nothing),
        cmocka_unit_test(closing_wakes_everybody_who_waits),
        cmocka_unit_test(a_job_wakes_one_who_waits),
        cmocka_unit_test(many_producers_and_consumers_lose_nothing),
    };

    return cmocka_run_group_tests_name("base/job", tests, NULL, NULL);
}
