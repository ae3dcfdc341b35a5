/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

enum { US_PER_SECOND = 1000000, SECONDS_PER_DAY = 86400 };

uint64_t way_clock_mono_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock and a valid place */
    return (uint64_t)now.tv_sec * US_PER_SECOND + (uint64_t)now.tv_nsec / 1000;
}

uint64_t way_clock_mono_ms(void)
{
    return way_clock_mono_us() / 1000;
}

void way_clock_pause_ms(unsigned ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};

    (void)nanosleep(&time, NULL);
}

int64_t way_clock_wall_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

/* How: years are counted from 1 March, so that the odd day comes last, in eras of 400 years, which
 * all have 146,097 days. */
int64_t way_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t shifted = month <= 2 ? year - 1 : year;
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t month_from_march = month > 2 ? (int64_t)month - 3 : (int64_t)month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468; /* days from 0000-03-01 to 1970-01-01 */
}

/* NOLINTNEXTLINE(readability-function-size): a civil time has seven parts */
int64_t way_time_from_civil(int64_t year, unsigned month, unsigned day, unsigned hour,
                            unsigned minute, unsigned second, unsigned microsecond)
{
    int64_t seconds = way_days_from_civil(year, month, day) * SECONDS_PER_DAY +
                      (int64_t)hour * 3600 + (int64_t)minute * 60 + (int64_t)second;

    return seconds * US_PER_SECOND + (int64_t)microsecond;
}

void way_time_format(int64_t wall_us, char out[static WAY_TIME_TEXT_MAX])
{
    int64_t least = way_time_from_civil(0, 1, 1, 0, 0, 0, 0);
    int64_t most = way_time_from_civil(9999, 12, 31, 23, 59, 59, 999999);
    struct tm civil;
    time_t seconds;
    int64_t micros;

    wall_us = wall_us < least ? least : wall_us;
    wall_us = wall_us > most ? most : wall_us;
    micros = wall_us % US_PER_SECOND;
    micros = micros < 0 ? micros + US_PER_SECOND : micros;
    seconds = (time_t)((wall_us - micros) / US_PER_SECOND);
    (void)gmtime_r(&seconds, &civil); /* years 0-9999 always fit */
    /* The remainders say no more than the clamp above did; they let the compiler see it too. */
    (void)snprintf(out, WAY_TIME_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
                   (unsigned)(civil.tm_year + 1900) % 10000, (unsigned)(civil.tm_mon + 1) % 100,
                   (unsigned)civil.tm_mday % 100, (unsigned)civil.tm_hour % 100,
                   (unsigned)civil.tm_min % 100, (unsigned)civil.tm_sec % 100,
                   (unsigned)micros % US_PER_SECOND);
}
