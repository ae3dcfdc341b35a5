/* SPDX-License-Identifier: MIT */
/*
 * base/job - work that one thread hands to another, and the bounded queue in between.
 *
 * Purpose  A job is embedded in the caller's object, so handing it over needs no
 *          memory and cannot fail half-way.
 * Owns     Nothing: a queued job stays its poster's until it is taken.
 * Threads  The queue is safe from any thread.
 * Errors   WAY_BUSY when the queue is full or closed.
 */
#ifndef WAY_BASE_JOB_H
#define WAY_BASE_JOB_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct way_job {
    struct way_job *next; /* the queue's, while it is queued */
    void (*run)(struct way_job *job);
};

/* The object that a job (or any member) is embedded in. */
#define WAY_OWNER_OF(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct way_queue;

/* `max`: jobs that may wait. NULL: out of memory. */
struct way_queue *way_queue_new(size_t max);
/* The queue must be empty. */
void way_queue_free(struct way_queue *queue);

WAY_MUST_CHECK enum way_status way_queue_put(struct way_queue *queue, struct way_job *job);
/* Waits for work. Returns one job, or NULL once the queue is closed and empty. */
struct way_job *way_queue_take(struct way_queue *queue);
/* Waits for work. Returns up to `max` jobs linked by next, oldest first, or NULL as above. */
struct way_job *way_queue_take_all(struct way_queue *queue, size_t max);
/* No more puts; takers get what is left, then NULL. */
void way_queue_close(struct way_queue *queue);
size_t way_queue_length(struct way_queue *queue);

#endif
