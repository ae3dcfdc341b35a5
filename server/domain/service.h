/* SPDX-License-Identifier: MIT */
/*
 * domain/service - what operators do with overrides: read, list, write.
 *
 * Purpose  Takes a call from a loop, has a store thread do the SQL, and brings the
 *          result back to the same loop. A dead database costs its callers an answer
 *          within their deadline and nobody else anything.
 * Owns     The store's reader threads, their sessions and queue, and the writer. A call
 *          is its poster's, and must stay where it is until `done`.
 * Threads  way_service_post(): any loop's thread. `done` comes on call->home. `visit`
 *          runs on a store thread.
 * Errors   post(): WAY_BUSY (queue full), WAY_UNAVAILABLE (the database is known to be
 *          away): `done` does not come. Of a call: as store/store.h and model/change.h; of a
 *          read with min_revision also WAY_BEHIND.
 */
#ifndef WAY_DOMAIN_SERVICE_H
#define WAY_DOMAIN_SERVICE_H

#include "base/loop.h"
#include "domain/meter.h"
#include "domain/sync.h"
#include "store/history.h"
#include "store/writer.h"

enum {
    WAY_SERVICE_READERS = 2,        /* store threads for reads and lists */
    WAY_SERVICE_QUEUE_MAX = 1024,   /* reads and lists that may wait */
    WAY_SERVICE_DEADLINE_MS = 8000, /* a call that has not been answered by then is refused */
};

enum way_service_kind {
    WAY_SERVICE_READ,
    WAY_SERVICE_LIST,
    WAY_SERVICE_FEED,
    WAY_SERVICE_HISTORY,
    WAY_SERVICE_PAST,
    WAY_SERVICE_REVISION,
    WAY_SERVICE_WRITE,
};

struct way_service;

struct way_service_call {
    enum way_service_kind kind;
    struct way_loop *home;
    void (*done)(struct way_service_call *call);
    uint64_t latest_ms; /* refused by then in any case; 0: WAY_SERVICE_DEADLINE_MS alone counts */
    /* the result of all kinds */
    enum way_status status;
    struct way_error err;

    union {
        struct {
            struct way_key key;
            uint64_t min_revision;   /* the session's node must have reached it: WAY_BEHIND */
            struct way_override row; /* result */
        } read;

        struct {
            struct way_list_query query;
            way_row_visit_fn visit;
            void *owner;
            struct way_list_page page; /* result */
        } list;

        struct {
            struct way_feed_query query;
            way_entry_visit_fn visit;
            void *owner;
            struct way_feed_page page; /* result */
        } feed;

        struct {
            struct way_history_query query;
            way_entry_visit_fn visit;
            void *owner;
            bool has_more; /* result */
        } history;

        struct {
            struct way_key key;
            uint64_t revision;
            struct way_past past; /* result */
        } past;

        struct {
            uint64_t revision;
            way_revision_visit_fn visit;
            void *owner;
        } revision;
        struct way_write write; /* wish in, verdict and row out */
    } of;
    /* the service's */
    struct way_service *service;
    struct way_job job;
    uint64_t deadline_ms;
};

/* All are borrowed. NULL: out of memory or threads. */
struct way_service *way_service_start(struct way_store *store, struct way_sync *sync,
                                      struct way_meter *meter);
/* Finishes what is queued (or refuses it) and ends its threads. Loops must still run; post() may
 * still be called, and refuses. */
void way_service_stop(struct way_service *service);
/* After stop, when the loops have ended. NULL is fine. */
void way_service_free(struct way_service *service);

WAY_MUST_CHECK enum way_status
way_service_post(struct way_service *service, struct way_service_call *call, struct way_error *err);

#endif
