/* SPDX-License-Identifier: MIT */
#include "domain/janitor.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/worker.h"

#include <stdlib.h>
#include <string.h>

struct way_janitor {
    struct way_store *store; /* borrowed */
    struct way_sync *sync;   /* borrowed */
    struct way_retention retention;
    struct way_worker *worker;
    /* worker's thread only */
    struct way_session *session; /* NULL between two rounds */
    bool has_failed;             /* to log the first failure only */
};

static enum way_status prune(struct way_janitor *janitor, bool *is_done, struct way_error *err)
{
    enum way_status status = WAY_OK;

    if (janitor->session == NULL) {
        status = way_session_open(janitor->store, &janitor->session, err);
    }
    if (status == WAY_OK) {
        status = way_store_prune(janitor->session, way_clock_wall_us(), &janitor->retention,
                                 is_done, err);
    }
    return status;
}

static void note_failure(struct way_janitor *janitor, const struct way_error *err)
{
    char detail[WAY_LOG_VALUE_MAX];

    if (!janitor->has_failed) {
        way_log(WAY_LOG_WARN, "janitor.failed", "detail=%s",
                way_log_quote(err->detail, strlen(err->detail), detail, sizeof detail));
    }
    janitor->has_failed = true;
}

static uint64_t step(void *owner, bool is_last)
{
    struct way_janitor *janitor = owner;
    struct way_sync_view view;
    struct way_error err = {0};
    enum way_status status = WAY_OK;
    bool is_done = true;

    way_sync_view(janitor->sync, &view);
    if (!is_last && view.is_prepared && view.state == WAY_STORE_OK) {
        status = prune(janitor, &is_done, &err);
        if (status != WAY_OK && status != WAY_BUSY) { /* busy: somebody else is at it */
            note_failure(janitor, &err);
        } else {
            janitor->has_failed = false;
        }
    }
    if (status == WAY_OK && !is_done) {
        return WAY_JANITOR_STEP_MS;
    }
    way_session_close(janitor->session);
    janitor->session = NULL;
    /* Not all instances at the same time. */
    return WAY_JANITOR_ROUND_MS + way_random_u64() % (WAY_JANITOR_ROUND_MS / 4);
}

struct way_janitor *way_janitor_start(struct way_store *store, struct way_sync *sync,
                                      const struct way_retention *retention)
{
    struct way_janitor *janitor = calloc(1, sizeof *janitor);

    if (janitor == NULL) {
        return NULL;
    }
    janitor->store = store;
    janitor->sync = sync;
    janitor->retention = *retention;
    janitor->worker = way_worker_start("janitor", WAY_JANITOR_FIRST_MS, step, janitor);
    if (janitor->worker == NULL) {
        free(janitor);
        return NULL;
    }
    return janitor;
}

void way_janitor_stop(struct way_janitor *janitor)
{
    if (janitor != NULL) {
        way_worker_stop(janitor->worker);
        free(janitor);
    }
}
