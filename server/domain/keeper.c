/* SPDX-License-Identifier: MIT */
#include "domain/keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/worker.h"

#include <stdlib.h>
#include <string.h>

struct way_keeper {
    const char *path;
    struct way_sync *sync;
    struct way_index *index;
    struct way_worker *worker;
    /* worker's thread only */
    bool has_saved;
    bool has_failed; /* to log the first failure only */
    uint64_t saved_ms;
    struct way_position saved;
};

static bool is_same(const struct way_position *a, const struct way_position *b)
{
    return a->revision == b->revision && memcmp(a->epoch, b->epoch, sizeof a->epoch) == 0;
}

static bool is_due(const struct way_keeper *keeper, const struct way_snapshot_info *info,
                   bool is_last)
{
    uint64_t age_ms = way_clock_mono_ms() - keeper->saved_ms;

    if (!keeper->has_saved || is_last) {
        return true;
    }
    return age_ms >=
           (is_same(&keeper->saved, &info->position) ? WAY_KEEPER_SAME_MS : WAY_KEEPER_CHANGED_MS);
}

static uint64_t look(void *owner, bool is_last)
{
    struct way_keeper *keeper = owner;
    struct way_snapshot_info info;
    struct way_error err = {0};
    char detail[WAY_LOG_VALUE_MAX];

    if (!way_sync_snapshot_info(keeper->sync, &info) || !is_due(keeper, &info, is_last)) {
        return WAY_KEEPER_LOOK_MS;
    }
    if (way_snapshot_save(keeper->path, keeper->index, &info, &err) == WAY_OK) {
        keeper->has_saved = true;
        keeper->has_failed = false;
        keeper->saved_ms = way_clock_mono_ms();
        keeper->saved = info.position;
        return WAY_KEEPER_LOOK_MS;
    }
    if (!keeper->has_failed) {
        way_log(WAY_LOG_ERROR, "snapshot.failed", "detail=%s",
                way_log_quote(err.detail, strlen(err.detail), detail, sizeof detail));
    }
    keeper->has_failed = true;
    return WAY_KEEPER_LOOK_MS;
}

struct way_keeper *way_keeper_start(const char *path, struct way_sync *sync,
                                    struct way_index *index)
{
    struct way_keeper *keeper = calloc(1, sizeof *keeper);

    if (keeper == NULL) {
        return NULL;
    }
    keeper->path = path;
    keeper->sync = sync;
    keeper->index = index;
    keeper->worker = way_worker_start("keeper", WAY_KEEPER_LOOK_MS, look, keeper);
    if (keeper->worker == NULL) {
        free(keeper);
        return NULL;
    }
    return keeper;
}

void way_keeper_stop(struct way_keeper *keeper)
{
    if (keeper != NULL) {
        way_worker_stop(keeper->worker);
        free(keeper);
    }
}
