/* SPDX-License-Identifier: MIT */
/*
 * domain/waiters - requests that wait until the index has reached a revision.
 *
 * Purpose  A request names a revision it wants to see; one that polls for changes waits
 *          for the next revision. Sync says how far the index is, and those whose time
 *          has come are called back, each on its own loop.
 * Owns     Nothing but its list. A waiter is embedded in the caller's object, like a
 *          service call, and must stay where it is until `done`.
 * Threads  start, cancel: the waiter's home loop. announce, wake_all, close: any thread.
 * Order    its own lock, then way_loop.lock; sync's lock may be held above it.
 * Errors   start(): WAY_BUSY, WAY_NO_MEMORY; `done` does not come.
 *
 * `done` comes exactly once for each start that succeeded, never from inside start() or
 * cancel(), always on the home loop. So the object has one place where it is freed, or from
 * where it is started again.
 */
#ifndef WAY_DOMAIN_WAITERS_H
#define WAY_DOMAIN_WAITERS_H

#include "base/job.h"
#include "base/loop.h"
#include "dns/list.h"

enum {
    WAY_WAITERS_MAX = 1024,     /* requests that wait for a revision, over all loops */
    WAY_WAITERS_LONG_MAX = 768, /* of these, such as are woken with all, and may wait for long */
};

enum way_wait_outcome {
    WAY_WAIT_REACHED,
    WAY_WAIT_TIMED_OUT,
    WAY_WAIT_WOKEN,     /* wake_all() or close(): look again at everything */
    WAY_WAIT_CANCELLED, /* by the caller, who wants to hear nothing else */
};

struct way_waiters;

struct way_waiter {
    /* the caller's, constant from start() to done() */
    struct way_loop *home;
    uint64_t revision;    /* wait until the index has reached it */
    uint64_t deadline_ms; /* way_clock_mono_ms() */
    void (*done)(struct way_waiter *waiter, enum way_wait_outcome outcome);
    bool is_woken_with_all; /* wake_all() and close() end this wait */
    uint64_t wakes_seen;    /* if so: way_waiters_wakes() before the caller looked */
    /* the waiters' */
    struct way_waiters *waiters;
    struct way_timer *timer; /* home's thread only */
    struct way_job job;
    /* guarded by lock, until the job is posted */
    struct way_node node;
    bool is_listed;
    enum way_wait_outcome outcome;
};

/* NULL: out of memory. The index counts as being at revision 0 until the first announcement. */
struct way_waiters *way_waiters_new(void);
/* Nobody may wait any more, and every loop on which somebody did must have ended. NULL is fine. */
void way_waiters_free(struct way_waiters *waiters);

/* Look at the index first: a revision that is there already needs no waiter. Whatever is announced
 * after that look, or before it, ends the wait: start() looks again once the waiter is listed. */
WAY_MUST_CHECK enum way_status way_waiters_start(struct way_waiters *waiters,
                                                 struct way_waiter *waiter, struct way_error *err);
/* Between start() and done() only. The place is free at once; `done` still comes, soon, and its
 * outcome may be the one that was on its way already. */
void way_waiters_cancel(struct way_waiter *waiter);

/* The index is true as of `revision`: call after every change of it. Calls must come one after the
 * other (sync makes them under its lock). Next to nothing while nobody is due. A lower revision
 * than before (a backup was restored) is announced as well. */
void way_waiters_announce(struct way_waiters *waiters, uint64_t revision);
/* Ends the waits of those who asked for it: the whole content was replaced. */
void way_waiters_wake_all(struct way_waiters *waiters);
/* How often that has happened. A caller that is woken with all takes this number, then looks at
 * the content, then starts to wait with it: a waking in between is not missed. */
uint64_t way_waiters_wakes(const struct way_waiters *waiters);
/* How many wait now. */
size_t way_waiters_count(struct way_waiters *waiters);
/* The service drains: as wake_all(), and from now on a start() of theirs ends at once. Others end
 * as before. */
void way_waiters_close(struct way_waiters *waiters);

#endif
