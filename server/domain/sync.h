/* SPDX-License-Identifier: MIT */
/*
 * domain/sync - keeps the index true to the database, and knows how true it is.
 *
 * Purpose  Brings the schema up, loads every override, then follows the change log,
 *          so that what other instances commit is answered here too. A database that
 *          is away delays this and ends nothing: lookups go on with what is there.
 * Owns     Its thread and session; it is the only writer of the index.
 * Threads  view, committed, ask: any thread.
 * Order    its own lock, then index->write or the waiters'.
 * Errors   None: faults are logged once, shown by way_sync_view() and tried again.
 *
 * Revisions are dense, so changes are applied strictly one after the other. A hole in
 * what a poll returns is waited for: InnoDB may show a commit before an earlier one.
 */
#ifndef WAY_DOMAIN_SYNC_H
#define WAY_DOMAIN_SYNC_H

#include "domain/health.h"
#include "domain/snapshot.h"
#include "domain/waiters.h"

enum {
    WAY_SYNC_POLL_MS = 100,   /* a shared database, unless the options say otherwise */
    WAY_SYNC_CHECK_MS = 1000, /* one that only we change: is it still there? does it take writes? */
    WAY_SYNC_BACKOFF_MIN_MS = 100,
    WAY_SYNC_BACKOFF_MAX_MS = 5000,
    WAY_SYNC_STALE_MS = 3000,    /* without an answer the data counts as stale */
    WAY_SYNC_HOLE_MAX_MS = 5000, /* a hole that is older makes us load all */
    WAY_SYNC_LAG_MAX_MS =
        10000,             /* a node that lags behind what we know for longer: it was set back */
    WAY_SYNC_AGAIN = 1024, /* revisions of the log that are read again on top of a load */
};

struct way_sync_view {
    bool has_data;            /* lookups can be answered */
    bool is_prepared;         /* the schema is there: reads and lists can be tried */
    bool is_schema_read_only; /* changes are refused without trying */
    enum way_store_state state;
    uint64_t stale_seconds; /* how long ago the index was known to be true; 0 while in touch */
    uint64_t rejected;      /* rows of a taken-over table that are not served */
    char detail[WAY_ERROR_DETAIL_MAX]; /* why the state is not WAY_STORE_OK */
};

struct way_sync;

struct way_sync_options {
    struct way_store *store;      /* borrowed */
    struct way_index *index;      /* borrowed */
    struct way_waiters *waiters;  /* borrowed: told how far the index is; NULL: nobody waits */
    const char *snapshot;         /* borrowed: the file to start from; NULL: none */
    uint64_t snapshot_max_age_ms; /* an older one is not served; 0: never start from one */
    uint64_t poll_ms;             /* of a shared database; 0: WAY_SYNC_POLL_MS */
};

/* Starts the thread. NULL: out of memory or threads. */
struct way_sync *way_sync_start(const struct way_sync_options *options);
/* Joins the thread within WAY_STORE_CALL_MAX_MS. NULL is fine. */
void way_sync_stop(struct way_sync *sync);

void way_sync_view(struct way_sync *sync, struct way_sync_view *view);
/* Cheap parts of the view, for each lookup: whether it can be answered, and how long before
 * `now_ms` (way_clock_mono_ms()) the content was known to be true (milliseconds; small while in
 * touch). */
bool way_sync_has_data(const struct way_sync *sync);
uint64_t way_sync_age_ms(const struct way_sync *sync, uint64_t now_ms);

/* What a snapshot file would say of the index now; false while the database does not confirm it. */
bool way_sync_snapshot_info(struct way_sync *sync, struct way_snapshot_info *info);

/* Shows the index what this instance has committed, so that its own writes are read at once. */
void way_sync_committed(struct way_sync *sync, const uint8_t tx[static WAY_TX_BYTES],
                        const struct way_change *changes, size_t count);
/* A change was refused for the database's sake. */
void way_sync_note_refused(struct way_sync *sync, const char *why);
/* A commit whose outcome is unknown: the index is loaded anew when the database answers. */
void way_sync_reload(struct way_sync *sync);

#endif
