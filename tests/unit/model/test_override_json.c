/* SPDX-License-Identifier: MIT */
#include "model/override_json.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static void an_override_is_shown_with_all_its_fields(void **state)
{
    struct way_override row = {
        .is_enabled = false,
        .revision = 18446744073709551615U,
        .created_at_us = way_time_from_civil(2026, 1, 2, 3, 4, 5, 678901),
        .updated_at_us = way_time_from_civil(2026, 12, 31, 23, 59, 59, 0),
        .created_by = "ann",
        .updated_by = "-",
        .comment = "a \"quoted\"\nü",
    };
    struct way_text text;

    (void)state;
    assert_int_equal(way_key_parse("Example.org", 11, &row.lookup_key, NULL), WAY_OK);
    assert_int_equal(way_key_parse("[2001:DB8::1]", 13, &row.target.host, NULL), WAY_OK);
    way_text_init(&text, NULL, 0, 4096);
    way_override_write_json(&text, &row);
    assert_string_equal(way_text_string(&text),
                        "{\"lookup_key\":\"example.org\",\"target_host\":\"2001:db8::1\","
                        "\"comment\":\"a \\\"quoted\\\"\\nü\",\"enabled\":false,"
                        "\"created_at\":\"2026-01-02T03:04:05.678901Z\",\"created_by\":\"ann\","
                        "\"updated_at\":\"2026-12-31T23:59:59.000000Z\",\"updated_by\":\"-\","
                        "\"revision\":18446744073709551615}");
    way_text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_override_is_shown_with_all_its_fields),
    };

    return cmocka_run_group_tests_name("api/override_json", tests, NULL, NULL);
}
