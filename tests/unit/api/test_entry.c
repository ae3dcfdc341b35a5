/* SPDX-License-Identifier: MIT */
#include "api/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h> /* wants the others first */

static void an_entry_says_what_was_done_to_which_key(void **state)
{
    static const struct {
        enum way_change_op op;
        const char *key, *want;
    } cases[] = {
        {WAY_OP_UPSERT, "example.org", "{\"op\":\"put\",\"lookup_key\":\"example.org\"}"},
        {WAY_OP_DELETE, "2001:db8::1", "{\"op\":\"delete\",\"lookup_key\":\"2001:db8::1\"}"},
        {WAY_OP_RELOAD, "", "{\"op\":\"reload\",\"lookup_key\":null}"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_entry entry = {.op = cases[i].op};
        struct way_text text;

        entry.key.len =
            (uint8_t)snprintf(entry.key.text, sizeof entry.key.text, "%s", cases[i].key);
        way_text_init(&text, NULL, 0, 1024);
        way_text_putc(&text, '{');
        api_entry_write(&text, &entry);
        way_text_putc(&text, '}');
        assert_string_equal(way_text_string(&text), cases[i].want);
        way_text_fini(&text);
    }
}

static void an_override_is_the_text_that_was_kept_or_null(void **state)
{
    struct way_text text;

    (void)state;
    way_text_init(&text, NULL, 0, 1024);
    way_text_putc(&text, '{');
    api_entry_write_override(&text, "before", "");
    api_entry_write_override(&text, "after", "{\"comment\":\"\xc3\xbc \\\"x\\\"\"}");
    way_text_putc(&text, '}');
    assert_string_equal(way_text_string(&text),
                        "{\"before\":null,\"after\":{\"comment\":\"\xc3\xbc \\\"x\\\"\"}}");
    way_text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_says_what_was_done_to_which_key),
        cmocka_unit_test(an_override_is_the_text_that_was_kept_or_null),
    };

    return cmocka_run_group_tests_name("api/entry", tests, NULL, NULL);
}
