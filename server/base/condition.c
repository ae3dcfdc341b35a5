/* SPDX-License-Identifier: MIT */
#include "base/condition.h"

#include <errno.h>
#include <time.h>

enum way_status way_condition_init(struct way_condition *condition)
{
    pthread_condattr_t attributes;
    int rc;

    if (pthread_mutex_init(&condition->lock, NULL) != 0) {
        return WAY_NO_MEMORY;
    }
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    rc = pthread_cond_init(&condition->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (rc != 0) {
        (void)pthread_mutex_destroy(&condition->lock);
        return WAY_NO_MEMORY;
    }
    return WAY_OK;
}

void way_condition_fini(struct way_condition *condition)
{
    (void)pthread_cond_destroy(&condition->wake);
    (void)pthread_mutex_destroy(&condition->lock);
}

void way_condition_lock(struct way_condition *condition)
{
    (void)pthread_mutex_lock(&condition->lock);
}

void way_condition_unlock(struct way_condition *condition)
{
    (void)pthread_mutex_unlock(&condition->lock);
}

void way_condition_signal(struct way_condition *condition)
{
    (void)pthread_cond_signal(&condition->wake);
}

bool way_condition_wait(struct way_condition *condition, uint64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000L};

    return pthread_cond_timedwait(&condition->wake, &condition->lock, &until) != ETIMEDOUT;
}
