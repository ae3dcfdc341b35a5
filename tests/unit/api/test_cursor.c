/* SPDX-License-Identifier: MIT */
#include "api/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz-"
#define LABEL_61 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"
#define NAME_253 LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61

enum { CURSOR_ROOM = 2048 };

static struct way_list_query query_of(enum way_sort sort, bool is_descending, const char *q)
{
    struct way_list_query query = {
        .sort = sort, .is_descending = is_descending, .limit = 10, .q_len = strlen(q)};

    (void)snprintf(query.q, sizeof query.q, "%s", q);
    return query;
}

/* A row as a database gives it back, in normal form or not. */
static struct way_override row_of(const char *key, const char *target, int64_t updated_at_us)
{
    struct way_override row = {.updated_at_us = updated_at_us};

    row.lookup_key.len =
        (uint8_t)snprintf(row.lookup_key.text, sizeof row.lookup_key.text, "%s", key);
    row.target.host.len =
        (uint8_t)snprintf(row.target.host.text, sizeof row.target.host.text, "%s", target);
    return row;
}

static void write_cursor(const struct way_list_query *query, const struct way_override *last,
                         char out[static CURSOR_ROOM])
{
    struct way_text text;

    way_text_init(&text, out, CURSOR_ROOM, CURSOR_ROOM);
    api_cursor_write(&text, query, last);
    (void)way_text_string(&text);
    assert_int_equal(way_text_status(&text), WAY_OK);
}

static enum way_status read_cursor(const char *cursor, struct way_list_query *query,
                                   struct way_error *err)
{
    return api_cursor_read((struct api_bytes){cursor, strlen(cursor)}, query, err);
}

static void a_cursor_leads_behind_its_row(void **state)
{
    static const struct {
        const char *label;
        enum way_sort sort;
        bool is_descending;
        const char *q, *key, *target;
        int64_t updated_at_us;
    } cases[] = {
        {"by key", WAY_SORT_KEY, false, "", "example.org", "10.0.0.5", 1},
        {"by key, turned round", WAY_SORT_KEY, true, "", "example.org", "10.0.0.5", 1},
        {"by target", WAY_SORT_TARGET, false, "mail", "2001:db8::1", "relay.example", 0},
        {"by time, before 1970", WAY_SORT_UPDATED, true, "\xc3\xbc x", "a", "b",
         -62135596800000000},
        {"far in the future", WAY_SORT_UPDATED, false, "", "a", "b", 253402300799999999},
        {"the longest names", WAY_SORT_TARGET, true, "%_\\", NAME_253, "b" NAME_253, INT64_MIN},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_list_query query = query_of(cases[i].sort, cases[i].is_descending, cases[i].q);
        struct way_override row =
            row_of(cases[i].key, cases[i].target + (strlen(cases[i].target) > WAY_KEY_MAX),
                   cases[i].updated_at_us);
        struct way_error err = {.detail = ""};
        char cursor[CURSOR_ROOM];

        print_message("    %s\n", cases[i].label);
        write_cursor(&query, &row, cursor);
        /* it needs no encoding in a URL */
        assert_int_equal(
            strspn(cursor, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"),
            strlen(cursor));
        assert_int_equal(read_cursor(cursor, &query, &err), WAY_OK);
        assert_true(query.has_after);
        assert_string_equal(query.after_key.text, row.lookup_key.text);
        assert_string_equal(query.after_target.text, row.target.host.text);
        assert_int_equal(query.after_updated_at_us, row.updated_at_us);
    }
}

/* A row that somebody edited by hand is listed as it stands there, and lists go on behind it. */
static void a_row_that_is_not_in_normal_form_can_end_a_page(void **state)
{
    static const struct {
        const char *label, *key, *target;
    } cases[] = {
        {"an upper-case key", "Example.ORG", "10.0.0.5"},
        {"an upper-case target", "example.org", "Relay.example"},
        {"a key with blanks", "not a name", "10.0.0.5"},
        {"a target with blanks", "example.org", "not a host"},
        {"a target that begins with a blank", "example.org", " 10.0.0.5"},
        {"a key that ends with one", "example.org ", "10.0.0.5"},
        {"a port", "example.org", "relay.example:25"},
        {"any ASCII", "~!@#$%^&*()\"'<>/?\\", "{}|`"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_list_query query = query_of(WAY_SORT_TARGET, false, "");
        struct way_override row = row_of(cases[i].key, cases[i].target, 1);
        struct way_error err = {.detail = ""};
        char cursor[CURSOR_ROOM];

        print_message("    %s\n", cases[i].label);
        write_cursor(&query, &row, cursor);
        assert_int_equal(read_cursor(cursor, &query, &err), WAY_OK);
        assert_string_equal(query.after_key.text, row.lookup_key.text);
        assert_int_equal(query.after_key.len, row.lookup_key.len);
        assert_string_equal(query.after_target.text, row.target.host.text);
        assert_int_equal(query.after_target.len, row.target.host.len);
    }
}

static void a_cursor_serves_only_its_own_list(void **state)
{
    static const struct {
        const char *label;
        enum way_sort sort;
        bool is_descending;
        const char *q;
        bool is_fine;
    } cases[] = {
        {"the same list", WAY_SORT_TARGET, false, "mail", true},
        {"another sort", WAY_SORT_KEY, false, "mail", false},
        {"turned round", WAY_SORT_TARGET, true, "mail", false},
        {"another q", WAY_SORT_TARGET, false, "mai", false},
        {"no q", WAY_SORT_TARGET, false, "", false},
        {"q in another case", WAY_SORT_TARGET, false, "Mail", false},
    };
    struct way_override row = row_of("example.org", "10.0.0.5", 1);
    struct way_list_query made_for = query_of(WAY_SORT_TARGET, false, "mail");
    char cursor[CURSOR_ROOM];

    (void)state;
    write_cursor(&made_for, &row, cursor);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_list_query query = query_of(cases[i].sort, cases[i].is_descending, cases[i].q);
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        query.limit = 1000; /* plays no part */
        if (cases[i].is_fine) {
            assert_int_equal(read_cursor(cursor, &query, &err), WAY_OK);
            continue;
        }
        assert_int_equal(read_cursor(cursor, &query, &err), WAY_INVALID);
        assert_string_equal(err.field, "cursor");
        assert_non_null(strstr(err.detail, "another"));
        assert_false(query.has_after);
    }
}

static void what_is_no_cursor_is_refused(void **state)
{
    static const struct {
        const char *label;
        struct api_bytes cursor;
    } cases[] = {
        {"nothing", {"", 0}},          {"one digit", {"3", 1}},
        {"letters", {"next", 4}},      {"NUL", {"\0\0", 2}},
        {"an encoded NUL", {"00", 2}}, {"a blank", {"20", 2}},
        {"a number", {"30", 2}},       {"no names", {"302030203020302020", 18}},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_list_query query = query_of(WAY_SORT_KEY, false, "");
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(api_cursor_read(cases[i].cursor, &query, &err), WAY_INVALID);
        assert_string_equal(err.field, "cursor");
        assert_false(query.has_after);
    }
}

/* Whatever is done to a cursor, it is refused or leads to a place that a list can have. */
static void a_cursor_that_was_tampered_with_does_no_harm(void **state)
{
    struct way_list_query query = query_of(WAY_SORT_KEY, false, "mail");
    struct way_override row = row_of("example.org", "relay.example", 1234567);
    char cursor[CURSOR_ROOM];
    char changed[CURSOR_ROOM];
    size_t refused = 0;
    size_t len;

    (void)state;
    write_cursor(&query, &row, cursor);
    len = strlen(cursor);
    for (size_t i = 0; i < len; i++) {
        static const char digits[] = "0123456789abcdefgX";

        for (const char *digit = digits; *digit != '\0'; digit++) {
            struct way_list_query read = query_of(WAY_SORT_KEY, false, "mail");
            struct way_error err;

            memcpy(changed, cursor, len + 1);
            changed[i] = *digit;
            if (read_cursor(changed, &read, &err) != WAY_OK) {
                assert_string_equal(err.field, "cursor");
                assert_false(read.has_after);
                refused++;
                continue;
            }
            assert_true(read.has_after);
            assert_in_range(read.after_key.len, 1, WAY_KEY_MAX);
            assert_int_equal(strlen(read.after_key.text), read.after_key.len);
            assert_in_range(read.after_target.len, 1, WAY_KEY_MAX);
            assert_int_equal(strlen(read.after_target.text), read.after_target.len);
        }
        memcpy(changed, cursor, len + 1);
        changed[i] = '\0'; /* a cut one never leads to the same place */
        assert_false(read_cursor(changed, &query, NULL) == WAY_OK &&
                     strcmp(query.after_target.text, row.target.host.text) == 0);
    }
    assert_in_range(refused, len, len * 18);
    memset(changed, '3', sizeof changed - 1);
    changed[sizeof changed - 1] = '\0';
    assert_int_equal(read_cursor(changed, &query, NULL), WAY_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_leads_behind_its_row),
        cmocka_unit_test(a_row_that_is_not_in_normal_form_can_end_a_page),
        cmocka_unit_test(a_cursor_serves_only_its_own_list),
        cmocka_unit_test(what_is_no_cursor_is_refused),
        cmocka_unit_test(a_cursor_that_was_tampered_with_does_no_harm),
    };

    return cmocka_run_group_tests_name("api/cursor", tests, NULL, NULL);
}
