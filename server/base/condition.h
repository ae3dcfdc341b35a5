/* SPDX-License-Identifier: MIT */
/*
 * base/condition - a lock and a condition that keeps time by the monotonic clock.
 *
 * Purpose  Threads that rest until it is time or somebody wakes them, and that do not
 *          oversleep when the wall clock is set.
 * Owns     The two, once initialised.
 * Threads  Any.
 * Errors   init: WAY_NO_MEMORY.
 */
#ifndef WAY_BASE_CONDITION_H
#define WAY_BASE_CONDITION_H

#include "base/status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct way_condition {
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

WAY_MUST_CHECK enum way_status way_condition_init(struct way_condition *condition);
void way_condition_fini(struct way_condition *condition);

void way_condition_lock(struct way_condition *condition);
void way_condition_unlock(struct way_condition *condition);
/* Under the lock. */
void way_condition_signal(struct way_condition *condition);
/* Under the lock, which is open meanwhile. False: `until_ms` (way_clock_mono_ms) has come. Returns
 * early for no reason, too: test what you wait for. */
bool way_condition_wait(struct way_condition *condition, uint64_t until_ms);

#endif
