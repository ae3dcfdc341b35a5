/* SPDX-License-Identifier: MIT */
/*
 * How  A uv_async wakes the loop for posted jobs and for stop. Watches and timers are
 *      libuv handles on the heap; closing hands them to libuv, which frees them through
 *      our callback on the next turn, so a descriptor may be closed at once afterwards.
 */
#include "base/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <uv.h>

struct way_loop {
    uv_loop_t uv;
    uv_async_t wake;
    pthread_mutex_t lock;
    /* guarded by lock */
    struct way_job *posted;
    struct way_job **posted_end;
    bool is_stopping;
};

struct way_watch {
    uv_poll_t poll;
    way_watch_fn ready;
    void *owner;
    unsigned events; /* what the owner asked for */
};

struct way_timer {
    uv_timer_t timer;
    way_timer_fn expired;
    void *owner;
};

static void free_handle(uv_handle_t *handle)
{
    free(handle->data);
}

static void run_posted(uv_async_t *wake)
{
    struct way_loop *loop = wake->data;
    struct way_job *job;
    bool is_stopping;

    (void)pthread_mutex_lock(&loop->lock);
    job = loop->posted;
    loop->posted = NULL;
    loop->posted_end = &loop->posted;
    is_stopping = loop->is_stopping;
    (void)pthread_mutex_unlock(&loop->lock);

    while (job != NULL) {
        struct way_job *next = job->next; /* run() may free the job */

        job->run(job);
        job = next;
    }
    if (is_stopping) {
        uv_stop(&loop->uv);
    }
}

struct way_loop *way_loop_new(void)
{
    struct way_loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL) {
        return NULL;
    }
    loop->posted_end = &loop->posted;
    if (pthread_mutex_init(&loop->lock, NULL) != 0) {
        free(loop);
        return NULL;
    }
    if (uv_loop_init(&loop->uv) != 0) {
        (void)pthread_mutex_destroy(&loop->lock);
        free(loop);
        return NULL;
    }
    if (uv_async_init(&loop->uv, &loop->wake, run_posted) != 0) {
        (void)uv_loop_close(&loop->uv);
        (void)pthread_mutex_destroy(&loop->lock);
        free(loop);
        return NULL;
    }
    loop->wake.data = loop;
    return loop;
}

static void close_leftover(uv_handle_t *handle, void *wake)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, handle == wake ? NULL : free_handle);
    }
}

void way_loop_free(struct way_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    uv_walk(&loop->uv, close_leftover, &loop->wake);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT); /* nothing is left but the close callbacks */
    (void)uv_loop_close(&loop->uv);
    (void)pthread_mutex_destroy(&loop->lock);
    free(loop);
}

void way_loop_run(struct way_loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void way_loop_stop(struct way_loop *loop)
{
    (void)pthread_mutex_lock(&loop->lock);
    loop->is_stopping = true;
    (void)pthread_mutex_unlock(&loop->lock);
    (void)uv_async_send(&loop->wake);
}

void way_loop_post(struct way_loop *loop, struct way_job *job)
{
    bool was_empty;

    job->next = NULL;
    (void)pthread_mutex_lock(&loop->lock);
    was_empty = loop->posted == NULL;
    *loop->posted_end = job;
    loop->posted_end = &job->next;
    (void)pthread_mutex_unlock(&loop->lock);
    if (was_empty) {
        (void)uv_async_send(&loop->wake);
    }
}

static void on_poll(uv_poll_t *poll, int status, int ready)
{
    struct way_watch *watch = poll->data;
    unsigned events = 0;

    if (status < 0) {
        /* libuv has stopped the handle. The owner will read or write and see the error; it is told
         * again on the next turn if it keeps the watch. */
        way_watch_fn tell = watch->ready;
        void *owner = watch->owner;

        way_watch_set(watch, watch->events);
        tell(owner, WAY_EVENT_READ | WAY_EVENT_WRITE);
        return;
    }
    events |= (ready & UV_READABLE) != 0 ? WAY_EVENT_READ : 0U;
    events |= (ready & UV_WRITABLE) != 0 ? WAY_EVENT_WRITE : 0U;
    events |= (ready & UV_DISCONNECT) != 0 ? WAY_EVENT_HANGUP : 0U;
    watch->ready(watch->owner, events);
}

uint64_t way_loop_now_ms(const struct way_loop *loop)
{
    return uv_now(&loop->uv);
}

struct way_watch *way_watch_open(struct way_loop *loop, int descriptor, way_watch_fn ready,
                                 void *owner)
{
    struct way_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL) {
        return NULL;
    }
    if (uv_poll_init(&loop->uv, &watch->poll, descriptor) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->ready = ready;
    watch->owner = owner;
    return watch;
}

void way_watch_set(struct way_watch *watch, unsigned events)
{
    int wanted = 0;

    watch->events = events;
    wanted |= (events & WAY_EVENT_READ) != 0 ? UV_READABLE : 0;
    wanted |= (events & WAY_EVENT_WRITE) != 0 ? UV_WRITABLE : 0;
    wanted |= (events & WAY_EVENT_HANGUP) != 0 ? UV_DISCONNECT : 0;
    if (wanted == 0) {
        (void)uv_poll_stop(&watch->poll);
    } else {
        (void)uv_poll_start(&watch->poll, wanted, on_poll);
    }
}

void way_watch_close(struct way_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    (void)uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, free_handle);
}

static void on_timer(uv_timer_t *uv)
{
    struct way_timer *timer = uv->data;

    timer->expired(timer->owner);
}

struct way_timer *way_timer_open(struct way_loop *loop, way_timer_fn expired, void *owner)
{
    struct way_timer *timer = calloc(1, sizeof *timer);

    if (timer == NULL) {
        return NULL;
    }
    (void)uv_timer_init(&loop->uv, &timer->timer); /* always 0 */
    timer->timer.data = timer;
    timer->expired = expired;
    timer->owner = owner;
    return timer;
}

void way_timer_start(struct way_timer *timer, uint64_t delay_ms, uint64_t repeat_ms)
{
    /* libuv counts from the start of this turn of the loop, which may be long ago. */
    uv_update_time(timer->timer.loop);
    (void)uv_timer_start(&timer->timer, on_timer, delay_ms, repeat_ms);
}

void way_timer_stop(struct way_timer *timer)
{
    (void)uv_timer_stop(&timer->timer);
}

void way_timer_close(struct way_timer *timer)
{
    if (timer == NULL) {
        return;
    }
    (void)uv_timer_stop(&timer->timer);
    uv_close((uv_handle_t *)&timer->timer, free_handle);
}
