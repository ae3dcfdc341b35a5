/* SPDX-License-Identifier: MIT */
/*
 * How  A list in the order of wanted revisions: an announcement takes from its front as
 *      many as are due, and looks at one more at most. `least` repeats what the first
 *      one wants, so that most announcements need no lock.
 *
 *      No wake-up is lost: a waiter writes `least` and then reads `reached`, an
 *      announcement writes `reached` and then reads `least`. All four are sequentially
 *      consistent, so at least one of the two sees what the other has written.
 */
#include "domain/waiters.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct way_waiters {
    /* atomic */
    _Atomic uint64_t reached; /* as announced last */
    _Atomic uint64_t least;   /* what the first in the list wants; UINT64_MAX: it is empty */
    _Atomic uint64_t wakes;   /* of all; written under the lock */
    pthread_mutex_t lock;
    /* guarded by lock */
    struct way_node list; /* of way_waiter.node, by revision, then by age */
    size_t count;
    size_t long_count; /* of these, such as are woken with all */
    bool is_closed;
};

static struct way_waiter *waiter_of(struct way_node *node)
{
    return WAY_OWNER_OF(node, struct way_waiter, node);
}

struct way_waiters *way_waiters_new(void)
{
    struct way_waiters *waiters = calloc(1, sizeof *waiters);

    if (waiters == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&waiters->lock, NULL) != 0) {
        free(waiters);
        return NULL;
    }
    way_list_init(&waiters->list);
    atomic_store(&waiters->least, UINT64_MAX);
    return waiters;
}

void way_waiters_free(struct way_waiters *waiters)
{
    if (waiters == NULL) {
        return;
    }
    WAY_ASSERT(way_list_is_empty(&waiters->list));
    (void)pthread_mutex_destroy(&waiters->lock);
    free(waiters);
}

/* --- under the lock --------------------------------------------------------------------------- */

static void note_least(struct way_waiters *waiters)
{
    atomic_store(&waiters->least, way_list_is_empty(&waiters->list)
                                      ? UINT64_MAX
                                      : waiter_of(waiters->list.next)->revision);
}

/* New ones mostly want the newest revision, so the place is looked for from the end. */
static void enlist(struct way_waiters *waiters, struct way_waiter *waiter)
{
    struct way_node *after = &waiters->list;

    while (after->prev != &waiters->list && waiter_of(after->prev)->revision > waiter->revision) {
        after = after->prev;
    }
    way_list_put(after, &waiter->node); /* before `after` */
    waiter->is_listed = true;
    waiters->count++;
    waiters->long_count += waiter->is_woken_with_all;
    note_least(waiters);
}

static void strike(struct way_waiters *waiters, struct way_waiter *waiter)
{
    way_list_del(&waiter->node);
    waiter->is_listed = false;
    waiters->count--;
    waiters->long_count -= waiter->is_woken_with_all;
    note_least(waiters);
}

/* The waiter is its loop's from here on. */
static void send_home(struct way_waiters *waiters, struct way_waiter *waiter,
                      enum way_wait_outcome outcome)
{
    strike(waiters, waiter);
    waiter->outcome = outcome;
    way_loop_post(waiter->home, &waiter->job);
}

static void wake_askers(struct way_waiters *waiters)
{
    struct way_node *next;

    for (struct way_node *node = waiters->list.next; node != &waiters->list; node = next) {
        next = node->next;
        if (waiter_of(node)->is_woken_with_all) {
            send_home(waiters, waiter_of(node), WAY_WAIT_WOKEN);
        }
    }
}

/* What has happened since the caller looked, and will not be told again. */
static void look_again(struct way_waiters *waiters, struct way_waiter *waiter)
{
    if (atomic_load(&waiters->reached) >= waiter->revision) {
        send_home(waiters, waiter, WAY_WAIT_REACHED);
    } else if (waiter->is_woken_with_all &&
               (waiters->is_closed || waiter->wakes_seen != atomic_load(&waiters->wakes))) {
        send_home(waiters, waiter, WAY_WAIT_WOKEN);
    }
}

/* --- on a waiter's loop ----------------------------------------------------------------------- */

static void finish(struct way_waiter *waiter, enum way_wait_outcome outcome)
{
    way_timer_close(waiter->timer);
    waiter->timer = NULL;
    waiter->done(waiter, outcome);
}

static void on_home(struct way_job *job)
{
    struct way_waiter *waiter = WAY_OWNER_OF(job, struct way_waiter, job);

    finish(waiter, waiter->outcome);
}

static void on_deadline(void *owner)
{
    struct way_waiter *waiter = owner;
    struct way_waiters *waiters = waiter->waiters;
    bool was_listed;

    (void)pthread_mutex_lock(&waiters->lock);
    was_listed = waiter->is_listed;
    if (was_listed) {
        strike(waiters, waiter);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    if (was_listed) {
        finish(waiter, WAY_WAIT_TIMED_OUT);
    }
}

enum way_status way_waiters_start(struct way_waiters *waiters, struct way_waiter *waiter,
                                  struct way_error *err)
{
    uint64_t now_ms = way_clock_mono_ms();
    bool has_room;

    waiter->waiters = waiters;
    waiter->job.run = on_home;
    waiter->timer = way_timer_open(waiter->home, on_deadline, waiter);
    if (waiter->timer == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory to wait for a revision");
    }
    /* Before others can end the wait. Clocks are cut to whole milliseconds: never end early. */
    way_timer_start(waiter->timer,
                    waiter->deadline_ms > now_ms ? waiter->deadline_ms - now_ms + 1 : 0, 0);
    (void)pthread_mutex_lock(&waiters->lock);
    has_room = waiters->count < WAY_WAITERS_MAX &&
               (!waiter->is_woken_with_all || waiters->long_count < WAY_WAITERS_LONG_MAX);
    if (has_room) {
        enlist(waiters, waiter);
        look_again(waiters, waiter);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
    if (!has_room) {
        way_timer_close(waiter->timer);
        waiter->timer = NULL;
        return way_fail(err, WAY_BUSY, "", "too many requests wait for a %s",
                        waiter->is_woken_with_all ? "change" : "revision");
    }
    return WAY_OK;
}

void way_waiters_cancel(struct way_waiter *waiter)
{
    struct way_waiters *waiters = waiter->waiters;

    (void)pthread_mutex_lock(&waiters->lock);
    if (waiter->is_listed) {
        send_home(waiters, waiter, WAY_WAIT_CANCELLED);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
}

/* --- on any thread ---------------------------------------------------------------------------- */

void way_waiters_announce(struct way_waiters *waiters, uint64_t revision)
{
    atomic_store(&waiters->reached, revision);
    if (revision < atomic_load(&waiters->least)) {
        return;
    }
    (void)pthread_mutex_lock(&waiters->lock);
    while (!way_list_is_empty(&waiters->list) &&
           waiter_of(waiters->list.next)->revision <= revision) {
        send_home(waiters, waiter_of(waiters->list.next), WAY_WAIT_REACHED);
    }
    (void)pthread_mutex_unlock(&waiters->lock);
}

void way_waiters_wake_all(struct way_waiters *waiters)
{
    (void)pthread_mutex_lock(&waiters->lock);
    (void)atomic_fetch_add(&waiters->wakes, 1);
    wake_askers(waiters);
    (void)pthread_mutex_unlock(&waiters->lock);
}

uint64_t way_waiters_wakes(const struct way_waiters *waiters)
{
    return atomic_load(&waiters->wakes);
}

size_t way_waiters_count(struct way_waiters *waiters)
{
    size_t count;

    (void)pthread_mutex_lock(&waiters->lock);
    count = waiters->count;
    (void)pthread_mutex_unlock(&waiters->lock);
    return count;
}

void way_waiters_close(struct way_waiters *waiters)
{
    (void)pthread_mutex_lock(&waiters->lock);
    waiters->is_closed = true;
    wake_askers(waiters);
    (void)pthread_mutex_unlock(&waiters->lock);
}
