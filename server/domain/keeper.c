/* SPDX-License-Identifier: MIT */
#include "domain/keeper.h"

#include "base/clock.h"
#include "base/condition.h"
#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct way_keeper {
    const char *path;
    struct way_sync *sync;
    struct way_index *index;
    pthread_t thread;
    struct way_condition condition;
    bool is_stopping; /* guarded by it */
    /* keeper's thread only */
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

static void look(struct way_keeper *keeper, bool is_last)
{
    struct way_snapshot_info info;
    struct way_error err = {0};
    char detail[WAY_LOG_VALUE_MAX];

    if (!way_sync_snapshot_info(keeper->sync, &info) || !is_due(keeper, &info, is_last)) {
        return;
    }
    if (way_snapshot_save(keeper->path, keeper->index, &info, &err) == WAY_OK) {
        keeper->has_saved = true;
        keeper->has_failed = false;
        keeper->saved_ms = way_clock_mono_ms();
        keeper->saved = info.position;
        return;
    }
    if (!keeper->has_failed) {
        way_log(WAY_LOG_ERROR, "snapshot.failed", "detail=%s",
                way_log_quote(err.detail, strlen(err.detail), detail, sizeof detail));
    }
    keeper->has_failed = true;
}

/* False when the keeper is to stop. */
static bool rest(struct way_keeper *keeper)
{
    uint64_t until_ms = way_clock_mono_ms() + WAY_KEEPER_LOOK_MS;
    bool goes_on;

    way_condition_lock(&keeper->condition);
    while (!keeper->is_stopping && way_condition_wait(&keeper->condition, until_ms)) {
    }
    goes_on = !keeper->is_stopping;
    way_condition_unlock(&keeper->condition);
    return goes_on;
}

static void *run(void *argument)
{
    struct way_keeper *keeper = argument;

    while (rest(keeper)) {
        look(keeper, false);
    }
    look(keeper, true);
    return NULL;
}

struct way_keeper *way_keeper_start(const char *path, struct way_sync *sync,
                                    struct way_index *index)
{
    struct way_keeper *keeper = calloc(1, sizeof *keeper);

    if (keeper == NULL || way_condition_init(&keeper->condition) != WAY_OK) {
        free(keeper);
        return NULL;
    }
    keeper->path = path;
    keeper->sync = sync;
    keeper->index = index;
    if (pthread_create(&keeper->thread, NULL, run, keeper) != 0) {
        way_condition_fini(&keeper->condition);
        free(keeper);
        return NULL;
    }
    (void)pthread_setname_np(keeper->thread, "keeper");
    return keeper;
}

void way_keeper_stop(struct way_keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    way_condition_lock(&keeper->condition);
    keeper->is_stopping = true;
    way_condition_signal(&keeper->condition);
    way_condition_unlock(&keeper->condition);
    (void)pthread_join(keeper->thread, NULL);
    way_condition_fini(&keeper->condition);
    free(keeper);
}
