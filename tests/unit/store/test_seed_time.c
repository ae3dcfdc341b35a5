/* SPDX-License-Identifier: MIT */
#include "store/seed_time.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NONE INT64_MIN
#define BASE INT64_C(1704164645000000) /* 2024-01-02 03:04:05 UTC */

static const struct {
    const char *text;
    int64_t want;
} texts[] = {
    {"2024-01-02 03:04:05", BASE},
    {"2024-01-02T03:04:05Z", BASE},
    {"2024-01-02t03:04:05z", BASE},
    {"2024-01-02 03:04:05.999999999+00:00", BASE + 999999},
    {"2024-01-02 03:04:05.5", BASE + 500000},
    {"2024-01-02 03:04:05,25", BASE + 250000},
    {"2024-01-02 05:04:05+02:00", BASE},
    {"2024-01-01 21:34:05-0530", BASE},
    {"2024-01-02 05:04:05+02", BASE},
    {"2024-01-02 03:04:05 +0000 UTC", BASE},
    {"2024-01-02 05:04:05.000001 +0200 CEST m=+12.345", BASE + 1},
    {"2024-01-02 03:04", BASE - 5000000},
    {"2024-01-02", BASE - 11045000000},
    {"1704164645", BASE},
    {"1704164645.75", BASE},
    {"1704164645000", BASE},
    {"1704164645000000", BASE},
    {"1704164645000000000", BASE},
    {"1969-12-31 23:59:59", -1000000},
    {"9999-12-31 23:59:59", INT64_C(253402300799000000)},
    {"", NONE},
    {"0", NONE},
    {"0000-00-00", NONE},
    {"0000-00-00 00:00:00", NONE},
    {"0001-01-01 00:00:00+00:00", NONE},
    {"0001-01-01T00:00:00Z", NONE},
    {"1970-01-01 00:00:00", NONE},
    {"9999-12-31 23:59:59-01:00", NONE},
    {"2024-13-01", NONE},
    {"2024-00-10", NONE},
    {"2024-01-32", NONE},
    {"2024-01-02 24:00:00", NONE},
    {"2024-01-02 03:60:00", NONE},
    {"2024-01-02 03:04:61", NONE},
    {"2024-01-02 03:04:05.", NONE},
    {"2024-01-02 03:04:05x", NONE},
    {"2024-01-02 03:04:05+2", NONE},
    {"2024-01-02 03:04:05+02:0", NONE},
    {"2024-01-02x03:04:05", NONE},
    {"24-01-02", NONE},
    {"yesterday", NONE},
    {"99999999999999999999", NONE},
};

static void texts_are_understood_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(texts); i++) {
        struct way_value value = way_value_text(texts[i].text);
        int64_t got = NONE;
        bool is_parsed = way_seed_time_parse(&value, &got);

        if (is_parsed != (texts[i].want != NONE) || got != texts[i].want) {
            fail_msg("%s: %lld", texts[i].text, (long long)got);
        }
    }
}

static void a_number_is_measured_by_its_size(void **state)
{
    static const int64_t numbers[] = {1704164645, 1704164645000, 1704164645000000,
                                      1704164645000000000};

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(numbers); i++) {
        struct way_value value = way_value_number((uint64_t)numbers[i]);
        int64_t got = 0;

        assert_true(way_seed_time_parse(&value, &got));
        assert_int_equal(got, BASE);
    }
}

static void what_is_no_time_stays_out(void **state)
{
    struct way_value values[] = {
        way_value_null(),
        way_value_number(0),
        way_value_time(0),
        way_value_time(way_time_from_civil(1, 1, 1, 0, 0, 0, 0)),
        way_value_bytes("\0\0\0\0", 4),
    };
    int64_t got = 7;

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(values); i++) {
        assert_false(way_seed_time_parse(&values[i], &got));
    }
    assert_int_equal(got, 7);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_understood_or_refused),
        cmocka_unit_test(a_number_is_measured_by_its_size),
        cmocka_unit_test(what_is_no_time_stays_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
