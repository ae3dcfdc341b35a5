/* SPDX-License-Identifier: MIT */
/*
 * store/seed_time - the times that the predecessor's table holds.
 *
 * Purpose  It was written through several drivers, so a time is a proper column type, a
 *          text in one of several forms, a number in one of several units, or nothing.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   false: no time, or none between the years 1000 and 9999.
 *
 * Understood: "2024-01-02", "2024-01-02 03:04:05.999999999+02:00", "2024-01-02T03:04:05Z",
 * "2024-01-02 03:04:05 +0000 UTC m=+0.01"; whole numbers since 1970 in seconds, milli-, micro- or
 * nanoseconds (told apart by their size), as number or text. A time without zone is UTC.
 */
#ifndef WAY_STORE_SEED_TIME_H
#define WAY_STORE_SEED_TIME_H

#include "store/driver.h"

bool way_seed_time_parse(const struct way_value *value, int64_t *wall_us);

#endif
