/* SPDX-License-Identifier: MIT */
#include "api/epoch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static const uint8_t epoch[WAY_EPOCH_BYTES] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xab, 0xcd, 0xef,
                                               0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x0a};
static const char digits[] = "00017f80ffabcdef102030405060700a";

static struct api_bytes bytes_of(const char *text)
{
    return (struct api_bytes){text, strlen(text)};
}

static void an_epoch_is_written_in_small_digits(void **state)
{
    struct way_text text;

    (void)state;
    way_text_init(&text, NULL, 0, 64);
    api_epoch_write(&text, epoch);
    assert_string_equal(way_text_string(&text), digits);
    way_text_fini(&text);
}

static void an_epoch_is_read_in_either_case(void **state)
{
    uint8_t got[WAY_EPOCH_BYTES];

    (void)state;
    assert_true(api_epoch_read(bytes_of(digits), got));
    assert_memory_equal(got, epoch, sizeof epoch);
    memset(got, 0x5a, sizeof got);
    assert_true(api_epoch_read(bytes_of("00017F80FFABCDEF102030405060700A"), got));
    assert_memory_equal(got, epoch, sizeof epoch);
}

static void what_is_no_epoch_is_refused(void **state)
{
    static const struct api_bytes cases[] = {
        {"", 0},
        {"00017f80ffabcdef102030405060700", 31},
        {"00017f80ffabcdef102030405060700a0", 33},
        {"g0017f80ffabcdef102030405060700a", 32},
        {"0x017f80ffabcdef102030405060700a", 32},
        {"-0017f80ffabcdef102030405060700a", 32},
        {" 0017f80ffabcdef102030405060700a", 32},
        {"00017f80-ffab-cdef-1020-30405060", 32},
        {"00017f80ffabcdef\0002030405060700a", 32},
    };
    uint8_t got[WAY_EPOCH_BYTES];

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    %s\n", cases[i].at);
        assert_false(api_epoch_read(cases[i], got));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_is_written_in_small_digits),
        cmocka_unit_test(an_epoch_is_read_in_either_case),
        cmocka_unit_test(what_is_no_epoch_is_refused),
    };

    return cmocka_run_group_tests_name("api/epoch", tests, NULL, NULL);
}
