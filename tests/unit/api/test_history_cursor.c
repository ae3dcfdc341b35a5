/* SPDX-License-Identifier: MIT */
#include "api/history_cursor.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

enum { CURSOR_ROOM = 1024 };

static struct way_history_query any(void)
{
    return (struct way_history_query){.from_us = INT64_MIN, .until_us = INT64_MAX, .limit = 10};
}

static struct way_history_query of_key(const char *key)
{
    struct way_history_query query = any();

    query.has_key = true;
    query.key.len = (uint8_t)snprintf(query.key.text, sizeof query.key.text, "%s", key);
    return query;
}

static void write_cursor(const struct way_history_query *query, uint64_t revision, uint32_t seq,
                         char out[static CURSOR_ROOM])
{
    struct way_text text;

    way_text_init(&text, out, CURSOR_ROOM, CURSOR_ROOM);
    api_history_cursor_write(&text, query, revision, seq);
    (void)way_text_string(&text);
    assert_int_equal(way_text_status(&text), WAY_OK);
}

static enum way_status read_cursor(const char *cursor, struct way_history_query *query,
                                   struct way_error *err)
{
    return api_history_cursor_read((struct api_bytes){cursor, strlen(cursor)}, query, err);
}

static void a_cursor_leads_behind_its_entry(void **state)
{
    static const struct {
        const char *label;
        uint64_t revision;
        uint32_t seq;
    } cases[] = {
        {"the first", 1, 0},
        {"inside a revision", 7, 999},
        {"the last of all", INT64_MAX, UINT32_MAX},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_history_query query = of_key("example.org");
        struct way_error err;
        char cursor[CURSOR_ROOM];

        print_message("    %s\n", cases[i].label);
        write_cursor(&query, cases[i].revision, cases[i].seq, cursor);
        assert_int_equal(strspn(cursor, "0123456789abcdef"), strlen(cursor));
        query.limit = 1000; /* plays no part */
        assert_int_equal(read_cursor(cursor, &query, &err), WAY_OK);
        assert_true(query.has_after);
        assert_int_equal(query.after_revision, cases[i].revision);
        assert_int_equal(query.after_seq, cases[i].seq);
    }
}

static void a_cursor_serves_only_its_own_filters(void **state)
{
    struct way_history_query others[] = {
        any(), any(), any(), any(), any(), any(), of_key("b.example")};
    struct way_history_query made_for = of_key("a.example");
    struct way_history_query plain = any();
    char cursor[CURSOR_ROOM];
    char plain_cursor[CURSOR_ROOM];

    (void)state;
    (void)snprintf(others[0].actor, sizeof others[0].actor, "a.example");
    others[1].since = 1;
    others[2].from_us = 0;
    others[3].until_us = 0;
    others[4].until_us = INT64_MIN;
    (void)snprintf(others[5].actor, sizeof others[5].actor, "-");
    write_cursor(&made_for, 7, 0, cursor);
    write_cursor(&plain, 7, 0, plain_cursor);
    for (size_t i = 0; i < WAY_COUNT_OF(others); i++) {
        struct way_error err;

        print_message("    %zu\n", i);
        assert_int_equal(read_cursor(cursor, &others[i], &err), WAY_INVALID);
        assert_string_equal(err.field, "cursor");
        assert_non_null(strstr(err.detail, "other filters"));
        assert_int_equal(read_cursor(plain_cursor, &others[i], &err), WAY_INVALID);
        assert_false(others[i].has_after);
    }
}

static void what_is_no_cursor_is_refused(void **state)
{
    static const struct {
        const char *label;
        struct api_bytes cursor;
    } cases[] = {
        {"nothing", {"", 0}},     {"one digit", {"3", 1}},
        {"letters", {"next", 4}}, {"an encoded NUL", {"00", 2}},
        {"a number", {"37", 2}},  {"a list's", {"302030203020302020", 18}},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_history_query query = any();
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(api_history_cursor_read(cases[i].cursor, &query, &err), WAY_INVALID);
        assert_string_equal(err.field, "cursor");
        assert_false(query.has_after);
    }
}

/* With the right hash and a place that no entry can have. */
static void a_place_that_no_entry_can_have_is_refused(void **state)
{
    static const char *const places[] = {
        "",    "7", "7 ", "7 0 0", "7 0x", "-7 0", "7 -1", "9223372036854775808 0", "7 4294967296",
        "7  0"};
    struct way_history_query query = any();
    char right[CURSOR_ROOM];
    size_t hash_len;

    (void)state;
    write_cursor(&query, 7, 0, right);
    hash_len = (size_t)(strstr(right, "20") - right); /* up to the first blank */
    for (size_t i = 0; i < WAY_COUNT_OF(places); i++) {
        struct way_error err;
        char cursor[CURSOR_ROOM];
        size_t len = hash_len + 2;

        print_message("    \"%s\"\n", places[i]);
        memcpy(cursor, right, len);
        for (const char *at = places[i]; *at != '\0'; at++, len += 2) {
            (void)snprintf(cursor + len, sizeof cursor - len, "%02x", (unsigned)*at);
        }
        cursor[len] = '\0';
        assert_int_equal(read_cursor(cursor, &query, &err), WAY_INVALID);
        assert_false(query.has_after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_leads_behind_its_entry),
        cmocka_unit_test(a_cursor_serves_only_its_own_filters),
        cmocka_unit_test(what_is_no_cursor_is_refused),
        cmocka_unit_test(a_place_that_no_entry_can_have_is_refused),
    };

    return cmocka_run_group_tests_name("api/history_cursor", tests, NULL, NULL);
}
