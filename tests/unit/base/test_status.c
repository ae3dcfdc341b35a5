/* SPDX-License-Identifier: MIT */
#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static void every_status_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WAY_STATUS_COUNT; i++) {
        const char *name = way_status_name((enum way_status)i);

        assert_int_not_equal(name[0], '\0');
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(name, way_status_name((enum way_status)j));
        }
    }
    assert_string_equal(way_status_name(WAY_OK), "ok");
    assert_string_equal(way_status_name(WAY_STATUS_COUNT), "unknown");
}

static void a_failure_says_what_and_where(void **state)
{
    struct way_error err;

    (void)state;
    assert_int_equal(way_fail(&err, WAY_INVALID, "comment", "byte 0x%02x at %d", 7U, 3),
                     WAY_INVALID);
    assert_int_equal(err.status, WAY_INVALID);
    assert_string_equal(err.field, "comment");
    assert_string_equal(err.detail, "byte 0x07 at 3");
    assert_int_equal(way_fail(NULL, WAY_BUSY, "", "nobody listens"), WAY_BUSY);
}

static void what_is_too_long_is_cut(void **state)
{
    struct way_error err;
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(way_fail(&err, WAY_INTERNAL, text, "%s", text), WAY_INTERNAL);
    assert_int_equal(strlen(err.field), WAY_ERROR_FIELD_MAX - 1);
    assert_int_equal(strlen(err.detail), WAY_ERROR_DETAIL_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_word_of_its_own),
        cmocka_unit_test(a_failure_says_what_and_where),
        cmocka_unit_test(what_is_too_long_is_cut),
    };

    return cmocka_run_group_tests_name("base/status", tests, NULL, NULL);
}
