/* SPDX-License-Identifier: MIT */
/*
 * base/loop - one thread's events: descriptors, timers, and jobs from other threads.
 *
 * Purpose  The only place that knows the event library (libuv). A loop and all
 *          that hangs on it belong to one thread.
 * Owns     Its watches and timers until they are closed; a job stays its poster's.
 * Threads  Everything from the loop's own thread, except way_loop_post() and
 *          way_loop_stop(), which any thread may call.
 * Errors   WAY_NO_MEMORY, WAY_INTERNAL (the system refused).
 */
#ifndef WAY_BASE_LOOP_H
#define WAY_BASE_LOOP_H

#include "base/job.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct way_loop;
struct way_watch;
struct way_timer;

enum way_event {
    WAY_EVENT_READ = 1,
    WAY_EVENT_WRITE = 2,
    WAY_EVENT_HANGUP = 4, /* the peer closed its side; ask for it by itself */
};

/* `events`: what is ready, or'd. A broken descriptor is told as READ|WRITE. */
typedef void (*way_watch_fn)(void *owner, unsigned events);
typedef void (*way_timer_fn)(void *owner);

/* NULL: out of memory or descriptors. */
struct way_loop *way_loop_new(void);
/* After run() has returned; closes every watch and timer that is left. */
void way_loop_free(struct way_loop *loop);

/* Runs until way_loop_stop(). */
void way_loop_run(struct way_loop *loop);
/* Any thread. run() returns after the events in hand. */
void way_loop_stop(struct way_loop *loop);
/* Any thread. The loop calls job->run(job) in its own thread, in the order of posting. The job's
 * memory must live until then. Never fails. */
void way_loop_post(struct way_loop *loop, struct way_job *job);

/* When this turn of the loop began, by way_clock_mono_ms()'s clock: for what need not be exact, at
 * no cost. */
uint64_t way_loop_now_ms(const struct way_loop *loop);

/* Watches a descriptor; level-triggered. The descriptor stays the caller's. NULL: refused. */
struct way_watch *way_watch_open(struct way_loop *loop, int descriptor, way_watch_fn ready,
                                 void *owner);
/* Which events to be told from now on, or'd; 0 pauses. */
void way_watch_set(struct way_watch *watch, unsigned events);
/* Call before the descriptor is closed. NULL is fine. No call comes afterwards. */
void way_watch_close(struct way_watch *watch);

/* A timer that is not running yet. NULL: out of memory. */
struct way_timer *way_timer_open(struct way_loop *loop, way_timer_fn expired, void *owner);
/* (Re)starts: once after `delay_ms`, then every `repeat_ms` unless that is 0. */
void way_timer_start(struct way_timer *timer, uint64_t delay_ms, uint64_t repeat_ms);
void way_timer_stop(struct way_timer *timer);
/* NULL is fine. No call comes afterwards. */
void way_timer_close(struct way_timer *timer);

#endif
