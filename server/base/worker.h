/* SPDX-License-Identifier: MIT */
/*
 * base/worker - a thread that does one thing again and again until it is stopped.
 *
 * Purpose  What has to be done every so often, and has no other place to wait.
 * Owns     Its thread.
 * Threads  start, stop: one thread. The work runs on the worker's own.
 * Errors   start: NULL, out of memory or threads.
 */
#ifndef WAY_BASE_WORKER_H
#define WAY_BASE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

/* Does the work and returns after how many milliseconds to do it again. `is_last`: the worker was
 * stopped, and this is the last time; what is returned then plays no part. */
typedef uint64_t (*way_work_fn)(void *owner, bool is_last);

struct way_worker;

/* `name`: of the thread, at most 15 bytes. The work begins `first_ms` from now. */
struct way_worker *way_worker_start(const char *name, uint64_t first_ms, way_work_fn work,
                                    void *owner);
/* Ends the rest, has the work done a last time, and joins. NULL is fine. */
void way_worker_stop(struct way_worker *worker);

#endif
