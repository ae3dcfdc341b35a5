/* SPDX-License-Identifier: MIT */
/*
 * store/writer - the one thread of an instance that changes the database.
 *
 * Purpose  Group commit: take every wish that is waiting, judge and apply them in one
 *          transaction, answer each by itself. A write that is answered WAY_OK is
 *          durable, and its changes have been shown to `committed`, in commit order.
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
    WAY_WRITER_BATCH_MAX = 128,  /* wishes in one transaction */
    WAY_WRITER_GROUP_MAX = 1000, /* wishes of one group */
    WAY_WRITER_QUEUE_MAX = 4096, /* wishes that may wait; more are refused */
    WAY_WRITER_TRIES_MAX = 8,    /* of a transaction that lost a race; or as many as fit into: */
    WAY_WRITER_RETRY_MS = 2000,
    WAY_WRITER_LAST_TRY_MS = 4000, /* what is due sooner than this gets no further try */
};

enum way_write_kind {
    WAY_WRITE_WISH,
    WAY_WRITE_GROUP,  /* several wishes for different keys: all or none, one revision */
    WAY_WRITE_RELOAD, /* rows were changed by other hands: everybody reads all again */
};

struct way_write {
    struct way_job job; /* first: the queue's link */
    void (*done)(struct way_write *write);
    uint64_t deadline_ms; /* a write that is still waiting then is refused, unwritten */
    enum way_write_kind kind;
    struct way_wish wish;         /* RELOAD: its actor and reason */
    const struct way_wish *group; /* GROUP: borrowed until `done` */
    size_t group_count;           /* 1..WAY_WRITER_GROUP_MAX */
    /* set before `done` */
    enum way_status status;
    struct way_error err;
    enum way_verdict verdict;
    struct way_override row; /* WISH, on WAY_OK: as it is now; deleted: as it was */
    uint64_t revision;       /* GROUP, RELOAD: the new one; 0: nothing was to be changed */
    size_t failed; /* GROUP, refused: which wish; group_count: none, it was the database */
    uint8_t epoch[WAY_EPOCH_BYTES]; /* RELOAD: the new one */
};

/* What the transaction `tx` has committed, oldest first. Returns nothing: a change that is
 * committed cannot be refused. */
typedef void (*way_committed_fn)(void *owner, const uint8_t tx[static WAY_TX_BYTES],
                                 const struct way_change *changes, size_t count);
/* How long a transaction took and how it ended, for metrics. */
typedef void (*way_writer_observe_fn)(void *owner, enum way_status status, size_t writes,
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
