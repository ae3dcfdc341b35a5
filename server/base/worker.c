/* SPDX-License-Identifier: MIT */
#include "base/worker.h"

#include "base/clock.h"
#include "base/condition.h"

#include <pthread.h>
#include <stdlib.h>

struct way_worker {
    way_work_fn work;
    void *owner;
    uint64_t first_ms;
    pthread_t thread;
    struct way_condition condition;
    bool is_stopping; /* guarded by it */
};

/* False: the worker is to stop. */
static bool rest(struct way_worker *worker, uint64_t ms)
{
    uint64_t until_ms = way_clock_mono_ms() + ms;
    bool goes_on;

    way_condition_lock(&worker->condition);
    while (!worker->is_stopping && way_condition_wait(&worker->condition, until_ms)) {
    }
    goes_on = !worker->is_stopping;
    way_condition_unlock(&worker->condition);
    return goes_on;
}

static void *run(void *argument)
{
    struct way_worker *worker = argument;
    uint64_t ms = worker->first_ms;

    while (rest(worker, ms)) {
        ms = worker->work(worker->owner, false);
    }
    (void)worker->work(worker->owner, true);
    return NULL;
}

struct way_worker *way_worker_start(const char *name, uint64_t first_ms, way_work_fn work,
                                    void *owner)
{
    struct way_worker *worker = calloc(1, sizeof *worker);

    if (worker == NULL || way_condition_init(&worker->condition) != WAY_OK) {
        free(worker);
        return NULL;
    }
    worker->work = work;
    worker->owner = owner;
    worker->first_ms = first_ms;
    if (pthread_create(&worker->thread, NULL, run, worker) != 0) {
        way_condition_fini(&worker->condition);
        free(worker);
        return NULL;
    }
    (void)pthread_setname_np(worker->thread, name);
    return worker;
}

void way_worker_stop(struct way_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    way_condition_lock(&worker->condition);
    worker->is_stopping = true;
    way_condition_signal(&worker->condition);
    way_condition_unlock(&worker->condition);
    (void)pthread_join(worker->thread, NULL);
    way_condition_fini(&worker->condition);
    free(worker);
}
