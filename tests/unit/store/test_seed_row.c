/* SPDX-License-Identifier: MIT */
#include "store/seed_row.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct way_seed_row row_of(struct way_value key, struct way_value target,
                                  struct way_value comment, const char *updated)
{
    const struct way_value columns[WAY_SEED_COLUMN_COUNT] = {key, target, comment, way_value_null(),
                                                             way_value_text(updated)};
    struct way_seed_row row;

    assert_int_equal(way_seed_row_init(&row, columns), WAY_OK);
    return row;
}

static struct way_seed_row simple(const char *key, const char *updated)
{
    return row_of(way_value_text(key), way_value_text("192.0.2.1"), way_value_null(), updated);
}

static void assert_text(const struct way_seed_text *text, const char *want)
{
    assert_int_equal(text->len, strlen(want));
    assert_memory_equal(text->bytes, want, text->len);
}

static void a_row_keeps_its_spelling_beside_the_normal_form(void **state)
{
    struct way_seed_row row = row_of(way_value_text(" [IPv6:2001:DB8::1] "),
                                     way_value_text("Relay.Example."), way_value_text("c"), "");

    (void)state;
    assert_null(row.reason);
    assert_text(&row.raw_key, " [IPv6:2001:DB8::1] ");
    assert_text(&row.key, "2001:db8::1");
    assert_text(&row.target, "relay.example");
    assert_text(&row.comment, "c");
    assert_false(row.is_comment_changed);
    assert_false(row.has_created);
    assert_false(row.has_updated);
    assert_false(way_seed_row_is_normal(&row));
    way_seed_row_fini(&row);
}

static void a_bad_row_says_which_column_and_why(void **state)
{
    struct way_value good = way_value_text("192.0.2.1");

    struct {
        struct way_value key, target;
        const char *reason;
    } cases[] = {
        {way_value_null(), good, "lookup_key: is NULL"},
        {good, way_value_null(), "target_host: is NULL"},
        {way_value_text(""), good, "lookup_key: "},
        {way_value_text("https://x"), good, "lookup_key: "},
        {way_value_bytes("\xff\xfe", 2), good, "lookup_key: "},
        {way_value_number(12345), good, "lookup_key: "},
        {way_value_text("a.example"), way_value_text("https://x/y"), "target_host: "},
        {good, good, "target_host: "},
        {way_value_bytes("a\0b.example", 11), good, "lookup_key: "},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_seed_row row = row_of(cases[i].key, cases[i].target, way_value_null(), "");

        assert_non_null(row.reason);
        if (strncmp(row.reason, cases[i].reason, strlen(cases[i].reason)) != 0) {
            fail_msg("\"%s\" does not start with \"%s\"", row.reason, cases[i].reason);
        }
        way_seed_row_fini(&row);
    }
}

static void what_is_no_text_is_shown_escaped_and_cut(void **state)
{
    char long_key[2 * WAY_SEED_TEXT_MAX];
    struct way_seed_row row = row_of(way_value_bytes("a\xff\0\n\xc3\xa9", 6),
                                     way_value_text("192.0.2.1"), way_value_null(), "");

    (void)state;
    assert_text(&row.shown_key, "a\\xFF\\x00\\x0A\xc3\xa9");
    way_seed_row_fini(&row);
    memset(long_key, '\xff', sizeof long_key);
    row = row_of(way_value_bytes(long_key, sizeof long_key), way_value_text("192.0.2.1"),
                 way_value_null(), "");
    assert_true(row.shown_key.len <= WAY_SEED_TEXT_MAX);
    assert_true(way_utf8_is_valid(row.shown_key.bytes, row.shown_key.len));
    way_seed_row_fini(&row);
}

static void a_comment_is_made_to_fit(void **state)
{
    char long_comment[WAY_VALUE_BYTES_MAX];
    struct way_seed_row row;

    (void)state;
    memset(long_comment, 'c', sizeof long_comment);
    row = row_of(way_value_text("a.example"), way_value_text("192.0.2.1"),
                 way_value_span(long_comment, sizeof long_comment), "");
    assert_int_equal(row.comment.len, WAY_COMMENT_MAX);
    assert_true(row.is_comment_changed);
    way_seed_row_fini(&row);
    row = row_of(way_value_text("a.example"), way_value_text("192.0.2.1"),
                 way_value_bytes("a\x01\r\n\tb\xff", 7), "");
    assert_text(&row.comment, "a\n\tb\xef\xbf\xbd");
    assert_true(row.is_comment_changed);
    way_seed_row_fini(&row);
}

static void rows_stand_in_the_order_in_which_they_claim_a_key(void **state)
{
    struct way_seed_row rows[] = {
        simple("a.example", "2020-01-01"), /* in normal form, however old */
        simple("A.EXAMPLE", "2024-01-01"), simple("A.Example", "2023-01-01"),
        simple("a.EXAMPLE", "2023-01-01"), simple("a.Example", ""),
        simple("b.example", ""),
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(rows); i++) {
        for (size_t j = 0; j < WAY_COUNT_OF(rows); j++) {
            int order = way_seed_row_compare(&rows[i], &rows[j]);

            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
    for (size_t i = 0; i < WAY_COUNT_OF(rows); i++) {
        way_seed_row_fini(&rows[i]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_keeps_its_spelling_beside_the_normal_form),
        cmocka_unit_test(a_bad_row_says_which_column_and_why),
        cmocka_unit_test(what_is_no_text_is_shown_escaped_and_cut),
        cmocka_unit_test(a_comment_is_made_to_fit),
        cmocka_unit_test(rows_stand_in_the_order_in_which_they_claim_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
