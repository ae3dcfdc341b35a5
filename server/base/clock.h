/* SPDX-License-Identifier: MIT */
/*
 * base/clock - monotonic time for deadlines, wall time for records.
 *
 * Purpose  Two clocks that cannot be mixed up, and RFC 3339 text.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   parse: false.
 */
#ifndef WAY_BASE_CLOCK_H
#define WAY_BASE_CLOCK_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WAY_TIME_TEXT_MAX = 28 }; /* "2026-01-02T03:04:05.678901Z" and NUL */

/* CLOCK_MONOTONIC; compare only with itself. */
uint64_t way_clock_mono_ms(void);
uint64_t way_clock_mono_us(void);

/* Stops the calling thread for so long; never on a loop. */
void way_clock_pause_ms(unsigned ms);
/* Microseconds since 1970-01-01T00:00:00Z. */
int64_t way_clock_wall_us(void);

/* RFC 3339, UTC, six decimals: text sorts as time does. Years 0000-9999, else clamped. */
void way_time_format(int64_t wall_us, char out[static WAY_TIME_TEXT_MAX]);
/* RFC 3339 with an offset. Finer than a microsecond is rounded up: whoever asks for "at or after"
 * or "before" it gets exactly that of times in whole microseconds. A leap second, at the end of a
 * month in UTC, is the first second of the next day. */
bool way_time_parse(const char *text, size_t len, int64_t *wall_us);

/* Days since 1970-01-01 in the proleptic Gregorian calendar; month 1-12, day 1-31. */
int64_t way_days_from_civil(int64_t year, unsigned month, unsigned day);
/* The wall time of a civil UTC date and time, microseconds since 1970. */
int64_t way_time_from_civil(int64_t year, unsigned month, unsigned day, unsigned hour,
                            unsigned minute, unsigned second, unsigned microsecond);

#endif
