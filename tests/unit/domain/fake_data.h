/* SPDX-License-Identifier: MIT */
/*
 * unit/domain/fake_data - what the database in memory of fake_store.h holds, and what a test does
 * to it: commits of other instances, holes, faults, gates.
 *
 * Owns     Every row there ever was, until the store is freed.
 * Threads  Any.
 */
#ifndef WAY_TESTS_UNIT_DOMAIN_FAKE_DATA_H
#define WAY_TESTS_UNIT_DOMAIN_FAKE_DATA_H

#include "store/driver.h"
#include "store/row.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum fake_call {
    FAKE_OPEN,
    FAKE_PREPARE,
    FAKE_POLL,
    FAKE_LOAD, /* the rows of it; the position was read before, in the same snapshot */
    FAKE_CHANGES,
    FAKE_READ,
    FAKE_LIST, /* likewise */
    FAKE_RESERVE,
    FAKE_FETCH,
    FAKE_UPSERT,
    FAKE_DELETE,
    FAKE_LOG,
    FAKE_COMMIT,
    FAKE_SETTLE, /* the first question; the one that holds the state row comes without */
    FAKE_EPOCH,
    FAKE_PRUNE,  /* its first question, for the marks */
    FAKE_REMOVE, /* of rows of the log */
    FAKE_CALL_COUNT
};

enum fake_moment {
    FAKE_BEFORE, /* a status here: nothing is done */
    FAKE_AFTER,  /* a status here: it is done, and reported as failed */
};

enum {
    FAKE_ROWS_MAX = 8192,
    FAKE_LINES_MAX = 8192,
    FAKE_OPS_MAX = 4096,
    FAKE_EVENTS_MAX = 16,
    FAKE_WAIT_S = 60, /* for anything that has to happen */
};

struct fake_store;

/* What is to happen at the calls `first` to `last` of a kind, counted from 1. */
struct fake_event {
    enum fake_call call;
    enum fake_moment moment;
    unsigned first, last;
    enum way_status status;
    void (*action)(struct fake_store *fake, void *owner); /* may be NULL */
    void *owner;
};

struct fake_row {
    struct way_override row;
    struct fake_row *older; /* in the list of all that were made */
};

struct fake_line {
    uint64_t revision;
    uint32_t seq;
    int64_t at_us; /* what others commit is as old as can be */
    uint8_t tx[WAY_TX_BYTES];
    char op;
    bool is_hidden;
    struct way_key key;
};

struct fake_view {
    uint64_t revision;
    uint64_t low;
    uint64_t history_low;
    uint8_t epoch[WAY_EPOCH_BYTES];
    size_t row_count;
    const struct way_override *rows[FAKE_ROWS_MAX]; /* by key */
};

struct fake_op {
    enum fake_call call; /* UPSERT, DELETE or LOG */
    struct fake_row *row;
    struct fake_line line;
};

struct fake_session {
    struct way_session session; /* first */
    bool has_snapshot;
    uint64_t reserved;
    bool has_epoch; /* a new one is to be committed */
    uint8_t epoch[WAY_EPOCH_BYTES];
    size_t op_count;
    struct fake_op ops[FAKE_OPS_MAX];
    struct fake_view snapshot;
};

struct fake_store {
    struct way_store store; /* first */
    struct way_driver driver;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* on the monotonic clock */
    /* guarded by lock */
    struct fake_view now;
    size_t line_count;
    struct fake_line lines[FAKE_LINES_MAX];
    struct fake_row *made;
    struct fake_session *writer;
    unsigned sessions;
    unsigned begun[FAKE_CALL_COUNT];
    unsigned ended[FAKE_CALL_COUNT];
    unsigned gate[FAKE_CALL_COUNT]; /* calls from this number on wait; 0: none */
    bool is_down;                   /* every call is refused */
    bool is_step_unknown;           /* the schema is newer: read-only */
    uint64_t rejected;              /* rows of a taken-over table */
    char detail[128];               /* of every fault */
    unsigned lineage;               /* of transactions that others commit */
    bool is_cluster;                /* sessions say that they may lag */
    unsigned caught_up;             /* times that a session was told to see all that is committed */
    size_t event_count;
    struct fake_event events[FAKE_EVENTS_MAX];
};

/* --- what tests do ---------------------------------------------------------------------------- */

static inline void fake_on(struct fake_store *fake, struct fake_event event)
{
    (void)pthread_mutex_lock(&fake->lock);
    WAY_ASSERT(fake->event_count < FAKE_EVENTS_MAX);
    fake->events[fake->event_count++] = event;
    (void)pthread_mutex_unlock(&fake->lock);
}

/* Nothing happens any more. */
static inline void fake_forget(struct fake_store *fake)
{
    (void)pthread_mutex_lock(&fake->lock);
    fake->event_count = 0;
    (void)pthread_mutex_unlock(&fake->lock);
}

static inline void fake_set_down(struct fake_store *fake, bool is_down)
{
    (void)pthread_mutex_lock(&fake->lock);
    fake->is_down = is_down;
    (void)pthread_mutex_unlock(&fake->lock);
}

/* Calls of a kind wait from number `first` on, counted from 1; 0 lets them all go. */
static inline void fake_set_gate(struct fake_store *fake, enum fake_call call, unsigned first)
{
    (void)pthread_mutex_lock(&fake->lock);
    fake->gate[call] = first;
    (void)pthread_cond_broadcast(&fake->moved);
    (void)pthread_mutex_unlock(&fake->lock);
}

static inline void fake_open_gates(struct fake_store *fake)
{
    for (unsigned call = 0; call < FAKE_CALL_COUNT; call++) {
        fake_set_gate(fake, (enum fake_call)call, 0);
    }
}

static inline unsigned fake_count(struct fake_store *fake, enum fake_call call)
{
    unsigned count;

    (void)pthread_mutex_lock(&fake->lock);
    count = fake->begun[call];
    (void)pthread_mutex_unlock(&fake->lock);
    return count;
}

/* Waits until `count` calls of a kind have begun (or ended). False: they never have. */
static inline bool fake_wait(struct fake_store *fake, const unsigned *counter, unsigned count)
{
    struct timespec until;
    int rc = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FAKE_WAIT_S;
    (void)pthread_mutex_lock(&fake->lock);
    while (*counter < count && rc == 0) {
        rc = pthread_cond_timedwait(&fake->moved, &fake->lock, &until);
    }
    (void)pthread_mutex_unlock(&fake->lock);
    return rc == 0;
}

static inline bool fake_wait_begun(struct fake_store *fake, enum fake_call call, unsigned count)
{
    return fake_wait(fake, &fake->begun[call], count);
}

/* Shuts the gate and waits until the next call of a kind stands before it; gives its number. 0:
 * none came. What is done now comes before that call; events may name it. */
static inline unsigned fake_hold(struct fake_store *fake, enum fake_call call)
{
    unsigned number;

    (void)pthread_mutex_lock(&fake->lock);
    number = fake->begun[call] + 1;
    fake->gate[call] = number;
    (void)pthread_mutex_unlock(&fake->lock);
    return fake_wait_begun(fake, call, number) ? number : 0;
}

/* Everything that had been polled before this was called is applied when it returns: two polls more
 * have begun, and the first of them saw whatever was there. */
static inline bool fake_wait_polls(struct fake_store *fake)
{
    return fake_wait_begun(fake, FAKE_POLL, fake_count(fake, FAKE_POLL) + 2);
}

/* --- data; under the lock --------------------------------------------------------------------- */

static inline struct fake_row *fake_make_row(struct fake_store *fake,
                                             const struct way_override *row)
{
    struct fake_row *made = malloc(sizeof *made);

    WAY_ASSERT(made != NULL);
    made->row = *row;
    made->older = fake->made;
    fake->made = made;
    return made;
}

/* Where `key` is among the rows, or belongs. */
static inline size_t fake_place(const struct fake_view *view, const struct way_key *key,
                                bool *is_there)
{
    size_t from = 0;
    size_t to = view->row_count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (strcmp(view->rows[middle]->lookup_key.text, key->text) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    *is_there = from < view->row_count && strcmp(view->rows[from]->lookup_key.text, key->text) == 0;
    return from;
}

static inline const struct way_override *fake_find(const struct fake_view *view,
                                                   const struct way_key *key)
{
    bool is_there;
    size_t at = fake_place(view, key, &is_there);

    return is_there ? view->rows[at] : NULL;
}

static inline void fake_store_row(struct fake_view *view, const struct way_override *row)
{
    bool is_there;
    size_t at = fake_place(view, &row->lookup_key, &is_there);

    if (!is_there) {
        WAY_ASSERT(view->row_count < FAKE_ROWS_MAX);
        memmove(view->rows + at + 1, view->rows + at,
                (view->row_count - at) * sizeof(view->rows[0]));
        view->row_count++;
    }
    view->rows[at] = row;
}

static inline void fake_drop_row(struct fake_view *view, const struct way_key *key)
{
    bool is_there;
    size_t at = fake_place(view, key, &is_there);

    if (is_there) {
        view->row_count--;
        memmove(view->rows + at, view->rows + at + 1,
                (view->row_count - at) * sizeof(view->rows[0]));
    }
}

static inline void fake_log(struct fake_store *fake, const struct fake_line *line)
{
    WAY_ASSERT(fake->line_count < FAKE_LINES_MAX);
    fake->lines[fake->line_count++] = *line;
}

/* --- what other instances do ------------------------------------------------------------------ */

static inline struct way_key fake_key(const char *text)
{
    struct way_key key;

    WAY_ASSERT(way_key_parse(text, strlen(text), &key, NULL) == WAY_OK);
    return key;
}

/* The bytes that name the transaction of a revision; another `lineage` is another history. */
static inline void fake_tx(uint64_t revision, unsigned lineage, uint8_t tx[static WAY_TX_BYTES])
{
    memset(tx, (int)(revision % 251) + 1, WAY_TX_BYTES);
    tx[0] = (uint8_t)lineage;
}

/* One more commit; returns its revision. `target` NULL: the key goes. */
static inline uint64_t fake_commit(struct fake_store *fake, const char *key, const char *target,
                                   bool is_enabled)
{
    struct fake_line line = {.op = target == NULL ? 'D' : 'U', .key = fake_key(key)};
    uint64_t revision;

    (void)pthread_mutex_lock(&fake->lock);
    revision = ++fake->now.revision;
    line.revision = revision;
    fake_tx(revision, fake->lineage, line.tx);
    if (target == NULL) {
        fake_drop_row(&fake->now, &line.key);
    } else {
        struct way_override row = {.lookup_key = line.key,
                                   .target.host = fake_key(target),
                                   .is_enabled = is_enabled,
                                   .revision = revision,
                                   .created_by = "-",
                                   .updated_by = "-"};

        fake_store_row(&fake->now, &fake_make_row(fake, &row)->row);
    }
    fake_log(fake, &line);
    (void)pthread_mutex_unlock(&fake->lock);
    return revision;
}

static inline uint64_t fake_put(struct fake_store *fake, const char *key, const char *target)
{
    return fake_commit(fake, key, target, true);
}

static inline uint64_t fake_remove(struct fake_store *fake, const char *key)
{
    return fake_commit(fake, key, NULL, false);
}

/* Whether the lines of a revision can be seen: InnoDB may show a commit before an earlier one. */
static inline void fake_hide(struct fake_store *fake, uint64_t revision, bool is_hidden)
{
    (void)pthread_mutex_lock(&fake->lock);
    for (size_t i = 0; i < fake->line_count; i++) {
        if (fake->lines[i].revision == revision) {
            fake->lines[i].is_hidden = is_hidden;
        }
    }
    (void)pthread_mutex_unlock(&fake->lock);
}

#endif
