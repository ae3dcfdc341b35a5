/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { US_PER_SECOND = 1000000, SECONDS_PER_DAY = 86400, MINUTES_PER_DAY = 1440 };

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

/* What is left of a text that is being read. */
struct reader {
    const char *at;
    size_t len;
};

static bool is_digit(const struct reader *reader)
{
    return reader->len > 0 && *reader->at >= '0' && *reader->at <= '9';
}

/* Exactly `digits` digits, `min` to `max` as a number. */
static bool take_number(struct reader *reader, size_t digits, unsigned min, unsigned max,
                        unsigned *out)
{
    *out = 0;
    for (size_t i = 0; i < digits; i++) {
        if (!is_digit(reader)) {
            return false;
        }
        *out = *out * 10 + (unsigned)(*reader->at - '0');
        reader->at++;
        reader->len--;
    }
    return *out >= min && *out <= max;
}

/* One of the octets in `allowed`. */
static bool take_one(struct reader *reader, const char *allowed, char *out)
{
    if (reader->len == 0 || *reader->at == '\0' || strchr(allowed, *reader->at) == NULL) {
        return false;
    }
    *out = *reader->at;
    reader->at++;
    reader->len--;
    return true;
}

/* An optional point with at least one digit; gives microseconds, rounded up: up to a million. */
static bool take_fraction(struct reader *reader, unsigned *micros)
{
    unsigned worth = US_PER_SECOND / 10;
    bool has_rest = false;
    char point;

    *micros = 0;
    if (!take_one(reader, ".", &point)) {
        return true;
    }
    if (!is_digit(reader)) {
        return false;
    }
    for (; is_digit(reader); reader->at++, reader->len--) {
        unsigned digit = (unsigned)(*reader->at - '0');

        *micros += digit * worth;
        has_rest = has_rest || (worth == 0 && digit > 0);
        worth /= 10;
    }
    *micros += has_rest;
    return true;
}

/* Gives minutes east of UTC. */
static bool take_offset(struct reader *reader, int64_t *minutes)
{
    unsigned hour;
    unsigned minute;
    char colon;
    char sign;

    *minutes = 0;
    if (!take_one(reader, "Zz+-", &sign)) {
        return false;
    }
    if (sign == 'Z' || sign == 'z') {
        return true;
    }
    if (!take_number(reader, 2, 0, 23, &hour) || !take_one(reader, ":", &colon) ||
        !take_number(reader, 2, 0, 59, &minute)) {
        return false;
    }
    *minutes = (sign == '-' ? -1 : 1) * ((int64_t)hour * 60 + minute);
    return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    bool is_december = month == 12;

    return (unsigned)(way_days_from_civil(is_december ? year + 1 : year,
                                          is_december ? 1 : month + 1, 1) -
                      way_days_from_civil(year, month, 1));
}

/* Whether the whole minute `minute` since 1970 is the last of a month, where a leap second can be.
 */
static bool ends_month(int64_t minute)
{
    time_t next = (time_t)((minute + 1) * 60);
    struct tm civil;

    return (minute + 1) % MINUTES_PER_DAY == 0 && gmtime_r(&next, &civil) != NULL &&
           civil.tm_mday == 1;
}

/* Takes "YYYY-MM-DDTHH:MM", in minutes since 1970 as a clock at UTC would have it. */
static bool take_minute(struct reader *reader, int64_t *out)
{
    unsigned year;
    unsigned month;
    unsigned day;
    unsigned hour;
    unsigned minute;
    char mark;

    if (!take_number(reader, 4, 0, 9999, &year) || !take_one(reader, "-", &mark) ||
        !take_number(reader, 2, 1, 12, &month) || !take_one(reader, "-", &mark) ||
        !take_number(reader, 2, 1, days_in_month(year, month), &day) ||
        !take_one(reader, "Tt", &mark) || !take_number(reader, 2, 0, 23, &hour) ||
        !take_one(reader, ":", &mark) || !take_number(reader, 2, 0, 59, &minute)) {
        return false;
    }
    *out = way_days_from_civil(year, month, day) * MINUTES_PER_DAY + (int64_t)hour * 60 + minute;
    return true;
}

bool way_time_parse(const char *text, size_t len, int64_t *wall_us)
{
    struct reader reader = {text, len};
    int64_t minute;
    int64_t offset;
    unsigned second;
    unsigned micros;
    char mark;

    if (!take_minute(&reader, &minute) || !take_one(&reader, ":", &mark) ||
        !take_number(&reader, 2, 0, 60, &second) || !take_fraction(&reader, &micros) ||
        !take_offset(&reader, &offset) || reader.len > 0) {
        return false;
    }
    minute -= offset;
    if (second == 60 && !ends_month(minute)) {
        return false;
    }
    *wall_us = (minute * 60 + (int64_t)second) * US_PER_SECOND + (int64_t)micros;
    return true;
}
