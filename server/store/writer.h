/* SPDX-License-Identifier: MIT */
/*
 * store/writer - the one thread of an instance that changes the database.
 *
 * Purpose  Group commit: take every wish that is waiting, judge and apply them in one
 *          transaction, answer each by itself. A wish that is answered WAY_OK is
 *          durable and has been shown to `committed`, in commit order.
 * Owns     Its thread, session and queue. A struct way_write is its poster's and must
 *          stay where it is until `done`.
 * Threads  way_writer_put(): any thread. `committed` and `done` are called on the
 *          writer's thread.
 * Errors   of put(): WAY_BUSY, the queue is full or closed. Of a wish: what
 *          way_wish_judge() says; WAY_UNAVAILABLE: nothing was done; WAY_UNSETTLED:
 *          the connection broke at COMMIT and the outcome could not be asked in time.
 */
#ifndef WAY_STORE_WRITER_H
#define WAY_STORE_WRITER_H

#include "base/job.h"
#include "store/store.h"

enum {
    WAY_WRITER_BATCH_MAX = 128,    /* wishes in one transaction */
    WAY_WRITER_QUEUE_MAX = 4096,   /* wishes that may wait; more are refused */
    WAY_WRITER_TRIES_MAX = 8,      /* of a transaction that lost a race */
    WAY_WRITER_LAST_TRY_MS = 4000, /* no try begins later than this before the deadline */
};

struct way_write {
    struct way_job job; /* first: the queue's link */
    void (*done)(struct way_write *write);
    uint64_t deadline_ms; /* a wish that is still waiting then is refused, unwritten */
    struct way_wish wish;
    /* set before `done` */
    enum way_status status;
    struct way_error err;
    enum way_verdict verdict;
    struct way_override row; /* on WAY_OK: as it is now; deleted: as it was */
};

/* What was committed, oldest first; `first` is the first revision of the transaction. Returns
 * nothing: a change that is committed cannot be refused. */
typedef void (*way_committed_fn)(void *owner, const struct way_change *changes, size_t count);
/* How long a transaction took and how it ended, for metrics. */
typedef void (*way_writer_observe_fn)(void *owner, enum way_status status, size_t wishes,
                                      uint64_t micros);

struct way_writer_options {
    struct way_store *store; /* borrowed */
    way_committed_fn committed;
    way_writer_observe_fn observe;
    void *owner;
};

struct way_writer;

/* Starts the thread. NULL: out of memory or threads. */
struct way_writer *way_writer_start(const struct way_writer_options *options);
/* Refuses new wishes, writes what waits (or refuses it when the database is away), and ends the
 * thread. put() may still be called, and refuses. */
void way_writer_stop(struct way_writer *writer);
/* After stop, when nobody calls put() any more. NULL is fine. */
void way_writer_free(struct way_writer *writer);

WAY_MUST_CHECK enum way_status way_writer_put(struct way_writer *writer, struct way_write *write);

#endif
