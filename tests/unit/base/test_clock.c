/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h> /* wants the others first */

#define US_PER_DAY INT64_C(86400000000)

static void every_day_of_ten_thousand_years_is_the_c_librarys_day(void **state)
{
    int64_t first = way_days_from_civil(0, 1, 1);
    int64_t last = way_days_from_civil(9999, 12, 31);

    (void)state;
    assert_int_equal(first, -719528);
    assert_int_equal(last, 2932896);
    for (int64_t day = first; day <= last; day++) {
        time_t seconds = (time_t)(day * 86400);
        struct tm civil;
        int64_t got;

        assert_non_null(gmtime_r(&seconds, &civil));
        got = way_days_from_civil((int64_t)civil.tm_year + 1900, (unsigned)civil.tm_mon + 1,
                                  (unsigned)civil.tm_mday);
        if (got != day) {
            fail_msg("day %" PRId64 " became %" PRId64, day, got);
        }
    }
}

static void days_are_counted_before_year_zero_too(void **state)
{
    static const struct {
        const char *label;
        int64_t year;
        unsigned month, day;
        int64_t want;
    } cases[] = {
        {"the epoch", 1970, 1, 1, 0},
        {"the day before", 1969, 12, 31, -1},
        {"a leap day", 2000, 2, 29, 11016},
        {"the day behind it", 2000, 3, 1, 11017},
        {"a century that is no leap year", 1900, 3, 1, -25508},
        {"the last day of February then", 1900, 2, 28, -25509},
        {"year zero is a leap year", 0, 2, 29, -719469},
        {"the day before year zero", -1, 12, 31, -719529},
        {"an era before", -400, 1, 1, -719528 - 146097},
        {"far away", -4713, 11, 24, -2440588}, /* Julian day 0, in this calendar */
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    %s\n", cases[i].label);
        assert_int_equal(way_days_from_civil(cases[i].year, cases[i].month, cases[i].day),
                         cases[i].want);
    }
}

static void a_time_is_written_as_rfc_3339(void **state)
{
    static const struct {
        const char *label;
        int64_t wall_us;
        const char *want;
    } cases[] = {
        {"the epoch", 0, "1970-01-01T00:00:00.000000Z"},
        {"a microsecond before", -1, "1969-12-31T23:59:59.999999Z"},
        {"a second before", -1000000, "1969-12-31T23:59:59.000000Z"},
        {"a second and a half before", -1500000, "1969-12-31T23:59:58.500000Z"},
        {"microseconds", 1767323045678901, "2026-01-02T03:04:05.678901Z"},
        {"a leap day", 951782400000000, "2000-02-29T00:00:00.000000Z"},
        {"the first", -62167219200000000, "0000-01-01T00:00:00.000000Z"},
        {"before the first", -62167219200000001, "0000-01-01T00:00:00.000000Z"},
        {"the last", 253402300799999999, "9999-12-31T23:59:59.999999Z"},
        {"behind the last", 253402300800000000, "9999-12-31T23:59:59.999999Z"},
        {"the least of all", INT64_MIN, "0000-01-01T00:00:00.000000Z"},
        {"the most of all", INT64_MAX, "9999-12-31T23:59:59.999999Z"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        char text[WAY_TIME_TEXT_MAX];

        print_message("    %s\n", cases[i].label);
        memset(text, 'x', sizeof text);
        way_time_format(cases[i].wall_us, text);
        assert_string_equal(text, cases[i].want);
    }
}

static void texts_sort_as_times_do(void **state)
{
    char before[WAY_TIME_TEXT_MAX] = "";
    char text[WAY_TIME_TEXT_MAX];

    (void)state;
    for (int64_t day = -719528; day <= 2932896; day += 97) {
        way_time_format(day * US_PER_DAY + day % 86400 * 1000003, text);
        assert_int_equal(strlen(text), WAY_TIME_TEXT_MAX - 1);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof text);
    }
}

static void what_is_written_is_what_was_put_together(void **state)
{
    (void)state;
    for (int64_t year = 1; year < 10000; year += 13) {
        unsigned odd = (unsigned)(year % 59);
        char want[64];
        char text[WAY_TIME_TEXT_MAX];

        way_time_format(way_time_from_civil(year, odd % 12 + 1, odd % 28 + 1, odd % 24, odd,
                                            59 - odd, odd * 16949),
                        text);
        (void)snprintf(want, sizeof want, "%04d-%02u-%02uT%02u:%02u:%02u.%06uZ", (int)year,
                       odd % 12 + 1, odd % 28 + 1, odd % 24, odd, 59 - odd, odd * 16949);
        assert_string_equal(text, want);
    }
}

static void a_time_is_read_as_rfc_3339(void **state)
{
    static const struct {
        const char *label, *text;
        int64_t want;
    } cases[] = {
        {"the epoch", "1970-01-01T00:00:00Z", 0},
        {"small letters", "1970-01-01t00:00:00z", 0},
        {"a second before", "1969-12-31T23:59:59Z", -1000000},
        {"microseconds", "2026-01-02T03:04:05.678901Z", 1767323045678901},
        {"one decimal", "2026-01-02T03:04:05.6Z", 1767323045600000},
        {"zeros behind the microseconds", "2026-01-02T03:04:05.678901000Z", 1767323045678901},
        {"finer than a microsecond", "2026-01-02T03:04:05.6789010001Z", 1767323045678902},
        {"rounded up into the next second", "1970-01-01T00:00:00.9999999Z", 1000000},
        {"rounded up before the epoch", "1969-12-31T23:59:59.9999991Z", 0},
        {"east", "2026-01-02T05:34:05+02:30", 1767323045000000},
        {"west", "2026-01-01T19:04:05-08:00", 1767323045000000},
        {"no offset that is known", "2026-01-02T03:04:05-00:00", 1767323045000000},
        {"the largest offset", "1970-01-01T23:59:00+23:59", 0},
        {"the largest the other way", "1969-12-31T00:01:00-23:59", 0},
        {"a leap day", "2000-02-29T00:00:00Z", 951782400000000},
        {"year zero", "0000-01-01T00:00:00Z", -62167219200000000},
        {"before year zero in UTC", "0000-01-01T00:00:00+00:01", -62167219260000000},
        {"the last", "9999-12-31T23:59:59.999999Z", 253402300799999999},
        {"behind the last in UTC", "9999-12-31T23:59:59.999999-00:01", 253402300859999999},
        {"a leap second is the next second", "2016-12-31T23:59:60Z", 1483228800000000},
        {"its fraction", "2016-12-31T23:59:60.5Z", 1483228800500000},
        {"a leap second in the east", "2017-01-01T09:29:60+09:30", 1483228800000000},
        {"in the west", "1990-12-31T15:59:60-08:00", 662688000000000},
        {"at the end of June", "2015-06-30T23:59:60Z", 1435708800000000},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        int64_t got = INT64_MIN;

        print_message("    %s\n", cases[i].label);
        assert_true(way_time_parse(cases[i].text, strlen(cases[i].text), &got));
        assert_int_equal(got, cases[i].want);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "now",
        "0",
        "1767323045",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04Z",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05 Z",
        " 2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z ",
        "2026-01-02T03:04:05ZZ",
        "2026-01-02T03:04:05UTC",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05,5Z",
        "2026-01-02T03:04:05+0200",
        "2026-01-02T03:04:05+2:00",
        "2026-01-02T03:04:05+02",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+02:60",
        "26-01-02T03:04:05Z",
        "+2026-01-02T03:04:05Z",
        "-026-01-02T03:04:05Z",
        "12026-01-02T03:04:05Z",
        "2026-1-02T03:04:05Z",
        "2026-00-02T03:04:05Z",
        "2026-13-02T03:04:05Z",
        "2026-01-00T03:04:05Z",
        "2026-01-32T03:04:05Z",
        "2026-04-31T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "1900-02-29T03:04:05Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:60Z",
        "2026-01-02T23:59:60Z",
        "2016-12-31T23:59:60+01:00",
        "2017-01-01T23:59:60-08:00",
        "2026-W01-1T03:04:05Z",
        "20260102T030405Z",
        "0x26-01-02T03:04:05Z",
    };
    int64_t got;

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    \"%s\"\n", cases[i]);
        assert_false(way_time_parse(cases[i], strlen(cases[i]), &got));
    }
    assert_false(way_time_parse("2026-01-02T03:04:05\0Z", 21, &got));
    assert_false(way_time_parse("2026-01-02\0T03:04:05Z", 21, &got));
    /* it ends where it is said to end */
    assert_false(way_time_parse("2026-01-02T03:04:05Z", 19, &got));
    assert_true(way_time_parse("1970-01-01T00:00:00Zulu", 20, &got));
    assert_int_equal(got, 0);
}

static void what_is_written_is_read_again(void **state)
{
    char text[WAY_TIME_TEXT_MAX];

    (void)state;
    for (int64_t day = -719528; day <= 2932896; day += 89) {
        int64_t want = day * US_PER_DAY + (day * 7919 % 86400 + 86400) % 86400 * 999983;
        int64_t got;

        way_time_format(want, text);
        assert_true(way_time_parse(text, WAY_TIME_TEXT_MAX - 1, &got));
        assert_int_equal(got, want);
    }
}

static void the_clocks_run(void **state)
{
    uint64_t mono_us = way_clock_mono_us();
    uint64_t mono_ms = way_clock_mono_ms();
    time_t seconds = time(NULL);
    int64_t wall_us = way_clock_wall_us();

    (void)state;
    assert_true(mono_ms >= mono_us / 1000);
    assert_true(mono_ms - mono_us / 1000 < 60000);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t next_us = way_clock_mono_us();

        assert_true(next_us >= mono_us);
        mono_us = next_us;
    }
    assert_in_range(wall_us / 1000000 - seconds + 60, 0, 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_ten_thousand_years_is_the_c_librarys_day),
        cmocka_unit_test(days_are_counted_before_year_zero_too),
        cmocka_unit_test(a_time_is_written_as_rfc_3339),
        cmocka_unit_test(texts_sort_as_times_do),
        cmocka_unit_test(what_is_written_is_what_was_put_together),
        cmocka_unit_test(a_time_is_read_as_rfc_3339),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(the_clocks_run),
    };

    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
