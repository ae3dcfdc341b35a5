/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fixture.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 60, SEEN_MAX = 256 };

/* Rows with equal targets and times, so that the second member of the order matters. */
static struct way_change *make_rows(void)
{
    struct way_change *changes = changes_new(ROWS);

    for (size_t i = 0; i < ROWS; i++) {
        char key[32];
        char target[32];

        (void)snprintf(key, sizeof key, "%c%zu.%s", (char)('a' + (i * 7) % 26), i,
                       i % 3 == 0 ? "shop.example" : "example");
        (void)snprintf(target, sizeof target, "relay%zu.example.net", i % 4);
        change_set(&changes[i], 0, key, target);
        changes[i].row.updated_at_us = 1700000000000000 + (int64_t)(i * 13 % 5) * 1000000;
        changes[i].row.is_enabled = i % 5 != 0;
        (void)snprintf(changes[i].row.comment, sizeof changes[i].row.comment, "%s",
                       i % 6 == 0 ? "Umzug nach K\xc3\xb6ln, SHOP" : "");
    }
    return changes;
}

struct seen {
    size_t count;
    struct way_override rows[SEEN_MAX];
};

static bool keep_row(void *owner, const struct way_override *row)
{
    struct seen *seen = owner;

    assert_true(seen->count < SEEN_MAX);
    seen->rows[seen->count++] = *row;
    return true;
}

static struct way_list_query query_of(enum way_sort sort, bool is_descending, size_t limit,
                                      const char *q)
{
    struct way_list_query query = {
        .sort = sort, .is_descending = is_descending, .limit = limit, .q_len = strlen(q)};

    memcpy(query.q, q, query.q_len);
    return query;
}

static void go_behind(struct way_list_query *query, const struct way_override *row)
{
    query->has_after = true;
    query->after_key = row->lookup_key;
    query->after_target = row->target.host;
    query->after_updated_at_us = row->updated_at_us;
}

/* All pages into `seen`, from the start. Returns the total that every page told. */
static uint64_t walk(struct way_session *session, struct way_list_query query, struct seen *seen)
{
    struct way_list_page page = {.has_more = true};
    struct way_error err = {0};

    seen->count = 0;
    while (page.has_more) {
        size_t before = seen->count;

        assert_way_ok(way_store_list(session, &query, keep_row, seen, &page, &err), &err);
        assert_true(seen->count - before <= query.limit);
        if (page.has_more) {
            assert_int_equal(seen->count - before, query.limit);
            go_behind(&query, &seen->rows[seen->count - 1]);
        }
    }
    return page.total;
}

/* --- what the answer should be -----------------------------------------------------------------
 */

static bool holds_nocase(const char *text, const char *q)
{
    size_t len = strlen(q);

    for (; strlen(text) >= len; text++) {
        if (way_ascii_equal_nocase(text, len, q, len)) {
            return true;
        }
    }
    return false;
}

static bool matches(const struct way_override *row, const char *q)
{
    return holds_nocase(row->lookup_key.text, q) || holds_nocase(row->target.host.text, q) ||
           holds_nocase(row->comment, q);
}

static int order_of(const struct way_override *a, const struct way_override *b, enum way_sort sort)
{
    int order = 0;

    if (sort == WAY_SORT_TARGET) {
        order = strcmp(a->target.host.text, b->target.host.text);
    } else if (sort == WAY_SORT_UPDATED) {
        order = (a->updated_at_us > b->updated_at_us) - (a->updated_at_us < b->updated_at_us);
    }
    return order != 0 ? order : strcmp(a->lookup_key.text, b->lookup_key.text);
}

static void check_walk(const struct seen *seen, uint64_t total, const struct way_change *changes,
                       const struct way_list_query *query)
{
    size_t wanted = 0;

    for (size_t i = 0; i < ROWS; i++) {
        size_t times = 0;

        for (size_t at = 0; at < seen->count; at++) {
            times += way_key_equal(&seen->rows[at].lookup_key, &changes[i].row.lookup_key);
        }
        assert_int_equal(times, matches(&changes[i].row, query->q) ? 1 : 0);
        wanted += matches(&changes[i].row, query->q);
    }
    assert_int_equal(seen->count, wanted);
    assert_int_equal(total, wanted);
    for (size_t at = 1; at < seen->count; at++) {
        int order = order_of(&seen->rows[at - 1], &seen->rows[at], query->sort);

        assert_true(query->is_descending ? order > 0 : order < 0);
    }
}

static void every_sort_direction_filter_and_page_size_gives_each_row_once(void **state)
{
    static const char *const filters[] = {"", "SHOP", "relay2", "k\xc3\xb6ln", "nothing at all"};
    static const size_t limits[] = {1, 7, ROWS, WAY_LIST_PAGE_MAX};
    struct fixture *f = *state;
    struct way_change *changes = make_rows();
    struct seen *seen = calloc(1, sizeof *seen);

    assert_non_null(seen);
    (void)write_changes(f->session, changes, ROWS);
    for (int sort = WAY_SORT_KEY; sort <= WAY_SORT_UPDATED; sort++) {
        for (int down = 0; down < 2; down++) {
            for (size_t filter = 0; filter < WAY_COUNT_OF(filters); filter++) {
                for (size_t limit = 0; limit < WAY_COUNT_OF(limits); limit++) {
                    struct way_list_query query =
                        query_of((enum way_sort)sort, down == 1, limits[limit], filters[filter]);
                    uint64_t total = walk(f->session, query, seen);

                    check_walk(seen, total, changes, &query);
                }
            }
        }
    }
    free(seen);
    free(changes);
}

static void rows_that_come_and_go_do_not_hide_or_double_the_others(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = make_rows();
    struct way_change *coming = changes_new(2);
    struct seen *seen = calloc(1, sizeof *seen);
    struct way_list_query query = query_of(WAY_SORT_TARGET, false, 5, "");
    struct way_list_page page = {.has_more = true};
    struct way_error err = {0};

    assert_non_null(seen);
    (void)write_changes(f->session, changes, ROWS);
    for (unsigned round = 0; page.has_more; round++) {
        char key[32];

        assert_way_ok(way_store_list(f->session, &query, keep_row, seen, &page, &err), &err);
        go_behind(&query, &seen->rows[seen->count - 1]);
        /* One row comes in front of the cursor, and the one before it goes. */
        (void)snprintf(key, sizeof key, "0%u.example", round);
        change_set(&coming[0], 0, key, "a.example.net");
        (void)snprintf(key, sizeof key, "0%u.example", round - 1);
        change_delete(&coming[1], 0, round > 0 ? key : "none.example");
        (void)write_changes(f->session, coming, 2);
    }
    query = query_of(WAY_SORT_TARGET, false, 5, "");
    check_walk(seen, ROWS, changes, &query);
    free(seen);
    free(coming);
    free(changes);
}

static void the_total_and_the_position_are_of_the_same_moment(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = make_rows();
    struct seen *seen = calloc(1, sizeof *seen);
    struct way_list_query query = query_of(WAY_SORT_KEY, false, 3, "");
    struct way_list_page page = {0};
    struct way_error err = {0};

    assert_non_null(seen);
    (void)write_changes(f->session, changes, ROWS);
    assert_way_ok(way_store_list(f->session, &query, keep_row, seen, &page, &err), &err);
    assert_int_equal(page.total, ROWS);
    assert_int_equal(page.position.revision, ROWS);
    assert_true(page.has_more);
    free(seen);
    free(changes);
}

static void a_filter_is_text_and_nothing_else(void **state)
{
    static const struct {
        const char *q;
        uint64_t total;
    } cases[] = {
        {"%", 1},
        {"_", 2},
        {"100%", 1},
        {"a_b", 1},
        {"\\", 1},
        {"'", 1},
        {"') OR 1=1 --", 0},
        {"A_B", 1},
        {"\xf0\x9f\x93\xa7", 1},
        {"example", 3},
    };
    struct fixture *f = *state;
    struct way_change *changes = changes_new(3);
    struct seen *seen = calloc(1, sizeof *seen);

    assert_non_null(seen);
    change_set(&changes[0], 0, "a_b.example", "192.0.2.1");
    change_set(&changes[1], 0, "x_y.example", "192.0.2.1");
    change_set(&changes[2], 0, "plain.example", "192.0.2.1");
    (void)snprintf(changes[2].row.comment, sizeof changes[2].row.comment,
                   "100%% it's \\ \xf0\x9f\x93\xa7");
    (void)write_changes(f->session, changes, 3);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_list_query query = query_of(WAY_SORT_KEY, false, 10, cases[i].q);

        assert_int_equal(walk(f->session, query, seen), cases[i].total);
        assert_int_equal(seen->count, cases[i].total);
    }
    free(seen);
    free(changes);
}

static void a_filter_that_is_no_text_is_refused(void **state)
{
    struct fixture *f = *state;
    struct way_list_query query = query_of(WAY_SORT_KEY, false, 10, "\xff\xfe");
    struct seen seen_none;
    struct way_list_page page;
    struct way_error err = {0};

    assert_way_status(way_store_list(f->session, &query, keep_row, &seen_none, &page, &err),
                      WAY_INVALID);
    assert_string_equal(err.field, "q");
}

static bool refuse_row(void *owner, const struct way_override *row)
{
    (void)row;
    ++*(size_t *)owner;
    return false;
}

static void a_list_that_is_stopped_leaves_the_session_usable(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = make_rows();
    struct way_list_query query = query_of(WAY_SORT_KEY, false, 10, "");
    struct way_list_page page = {0};
    size_t seen = 0;
    struct way_error err = {0};

    (void)write_changes(f->session, changes, ROWS);
    assert_way_ok(way_store_list(f->session, &query, refuse_row, &seen, &page, &err), &err);
    assert_int_equal(seen, 1);
    (void)write_one(f->session, "next.example", "192.0.2.1");
    free(changes);
}

/* Operators must see what they wrote by hand, though it matches nothing. */
static void a_row_that_was_edited_by_hand_is_listed_as_it_stands(void **state)
{
    struct fixture *f = *state;
    struct seen *seen = calloc(1, sizeof *seen);
    struct way_list_query query = query_of(WAY_SORT_KEY, false, 10, "");

    assert_non_null(seen);
    (void)write_one(f->session, "bad.example", "192.0.2.1");
    fixture_sql(f,
                "UPDATE dns_overrides SET lookup_key = 'Bad.Example.', target_host = 'http://x'");
    assert_int_equal(walk(f->session, query, seen), 1);
    assert_string_equal(seen->rows[0].lookup_key.text, "Bad.Example.");
    assert_string_equal(seen->rows[0].target.host.text, "http://x");
    free(seen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int run_list_cases(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(every_sort_direction_filter_and_page_size_gives_each_row_once),
        TEST(rows_that_come_and_go_do_not_hide_or_double_the_others),
        TEST(the_total_and_the_position_are_of_the_same_moment),
        TEST(a_filter_is_text_and_nothing_else),
        TEST(a_filter_that_is_no_text_is_refused),
        TEST(a_list_that_is_stopped_leaves_the_session_usable),
        TEST(a_row_that_was_edited_by_hand_is_listed_as_it_stands),
    };

    return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}
