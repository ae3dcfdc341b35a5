/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fixture.h"
#include "story.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STORY_ROWS = 9, STORY_REVISIONS = 6, ALL = WAY_FEED_PAGE_MAX };

/* Revisions of 1, 3, 1, 2, 1 and 1 rows. */
static void tell_story(struct fixture *f, struct tale *tale)
{
    static const size_t sizes[STORY_REVISIONS] = {1, 3, 1, 2, 1, 1};
    struct way_change *changes = changes_new(STORY_ROWS);
    unsigned number = 0;

    for (size_t i = 0; i < WAY_COUNT_OF(sizes); i++) {
        for (size_t row = 0; row < sizes[i]; row++) {
            char key[32];

            (void)snprintf(key, sizeof key, "k%u.example", number++ % 4);
            if (number == 5) {
                story_delete(&changes[row], "k0.example");
            } else {
                story_set(&changes[row], key, "192.0.2.1", NULL);
                (void)snprintf(changes[row].row.comment, sizeof changes[row].row.comment, "%u",
                               number);
            }
        }
        assert_int_equal(
            story_write(f->session, changes, sizes[i], true, STORY_BEGAN_US + (int64_t)i, tale),
            i + 1);
    }
    free(changes);
}

static enum way_status read_feed(struct fixture *f, uint64_t since, size_t limit, struct tale *tale,
                                 struct way_feed_page *page, struct way_error *err)
{
    *tale = (struct tale){.count = 0};
    *page = (struct way_feed_page){.revision = UINT64_MAX};
    return way_store_feed(f->session, &(struct way_feed_query){.since = since, .limit = limit},
                          tale_keep, tale, page, err);
}

static void expect_page(struct fixture *f, uint64_t since, size_t limit, uint64_t last,
                        size_t count)
{
    struct tale read;
    struct way_feed_page page;
    struct way_error err = {0};

    assert_way_ok(read_feed(f, since, limit, &read, &page, &err), &err);
    assert_int_equal(page.revision, last);
    assert_int_equal(read.count, count);
    tale_fini(&read);
}

static void expect_gone(struct fixture *f, uint64_t since, const char *field)
{
    struct tale read;
    struct way_feed_page page;
    struct way_error err = {0};

    assert_way_status(read_feed(f, since, ALL, &read, &page, &err), WAY_GONE);
    assert_string_equal(err.field, field);
    assert_int_not_equal(err.detail[0], '\0');
    assert_int_equal(read.count, 0);
    assert_int_equal(page.revision, UINT64_MAX); /* untouched */
}

/* The last revision that fits whole behind `since`; the first one fits always. */
static uint64_t wanted_end(const struct tale *tale, uint64_t since, size_t limit)
{
    uint64_t end = since;
    size_t rows = 0;

    for (uint64_t revision = since + 1; revision <= STORY_REVISIONS; revision++) {
        for (size_t i = 0; i < tale->count; i++) {
            rows += tale->list[i].revision == revision;
        }
        if (rows > limit && revision > since + 1) {
            break;
        }
        end = revision;
    }
    return end;
}

static void pages_hold_whole_revisions_in_order(void **state)
{
    struct fixture *f = *state;
    struct tale tale = {.count = 0};
    struct way_error err = {0};

    tell_story(f, &tale);
    for (size_t limit = 1; limit <= STORY_ROWS + 1; limit++) {
        for (uint64_t since = 0; since <= STORY_REVISIONS; since++) {
            uint64_t end = wanted_end(&tale, since, limit);
            struct tale read;
            struct way_feed_page page;
            size_t at = 0;

            assert_way_ok(read_feed(f, since, limit, &read, &page, &err), &err);
            assert_int_equal(page.revision, end);
            assert_int_equal(page.position.revision, STORY_REVISIONS);
            for (size_t i = 0; i < tale.count; i++) {
                if (tale.list[i].revision > since && tale.list[i].revision <= end) {
                    assert_in_range(at, 0, read.count - 1);
                    assert_told(&read.list[at++], &tale.list[i]);
                }
            }
            assert_int_equal(at, read.count);
            tale_fini(&read);
        }
    }
    tale_fini(&tale);
}

static void the_end_of_the_data_is_an_empty_page(void **state)
{
    struct fixture *f = *state;

    expect_page(f, 0, 1, 0, 0);
    expect_gone(f, 1, "since");
    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    expect_page(f, 1, 1, 1, 0);
    expect_gone(f, 2, "since");
    expect_gone(f, INT64_MAX, "since");
}

static void what_was_pruned_is_gone(void **state)
{
    struct fixture *f = *state;

    tell_story(f, NULL);
    fixture_sql(f, "UPDATE override_state SET low = 3");
    expect_gone(f, 0, "since");
    expect_gone(f, 2, "since");
    expect_page(f, 3, ALL, STORY_REVISIONS, 4);
    fixture_sql(f, "UPDATE override_state SET low = 0, history_low = 3"); /* another matter */
    expect_page(f, 0, ALL, STORY_REVISIONS, STORY_ROWS);
}

static void another_epoch_is_gone(void **state)
{
    struct fixture *f = *state;
    struct way_feed_query query = {.since = 1, .limit = 10, .has_epoch = true};
    struct way_feed_page page;
    struct tale read = {.count = 0};
    struct way_error err = {0};
    struct loaded loaded;

    tell_story(f, NULL);
    load_all(f->session, &loaded);
    memcpy(query.epoch, loaded.position.epoch, sizeof query.epoch);
    loaded_fini(&loaded);
    assert_way_ok(way_store_feed(f->session, &query, tale_keep, &read, &page, &err), &err);
    assert_int_equal(page.revision, STORY_REVISIONS);
    assert_memory_equal(page.position.epoch, query.epoch, sizeof query.epoch);
    tale_fini(&read);
    query.epoch[WAY_EPOCH_BYTES - 1] ^= 1;
    assert_way_status(way_store_feed(f->session, &query, tale_keep, &read, &page, &err), WAY_GONE);
    assert_string_equal(err.field, "epoch");
    query.since = STORY_REVISIONS; /* nothing follows, and it is another history all the same */
    assert_way_status(way_store_feed(f->session, &query, tale_keep, &read, &page, &err), WAY_GONE);
    assert_int_equal(read.count, 0);
}

static void a_hole_ends_the_page_before_it(void **state)
{
    struct fixture *f = *state;

    tell_story(f, NULL);
    fixture_sql(f, "DELETE FROM override_change WHERE revision = 3");
    for (size_t limit = 4; limit <= STORY_ROWS; limit++) {
        expect_page(f, 0, limit, 2, 4);
    }
    expect_page(f, 1, ALL, 2, 3);
    expect_page(f, 1, 1, 2, 3);
    expect_gone(f, 2, "since");
    expect_page(f, 3, ALL, STORY_REVISIONS, 4);
    fixture_sql(f, "DELETE FROM override_change WHERE revision = 6");
    expect_page(f, 3, ALL, 5, 3);
    expect_gone(f, 5, "since"); /* nothing is left behind it */
    fixture_sql(f, "DELETE FROM override_change");
    expect_gone(f, 0, "since");
    expect_page(f, STORY_REVISIONS, ALL, STORY_REVISIONS, 0);
}

/* A hole before a revision that is larger than a page. */
static void a_hole_before_a_large_revision_is_no_page(void **state)
{
    struct fixture *f = *state;
    struct tale read;
    struct way_feed_page page;
    struct way_error err = {0};

    tell_story(f, NULL);
    fixture_sql(f, "DELETE FROM override_change WHERE revision = 1");
    for (size_t limit = 1; limit <= 4; limit++) {
        assert_way_status(read_feed(f, 0, limit, &read, &page, &err), WAY_GONE);
        assert_int_equal(read.count, 0);
    }
}

static void lines_ahead_of_the_state_are_not_there(void **state)
{
    struct fixture *f = *state;

    tell_story(f, NULL);
    fixture_sql(f, "UPDATE override_state SET n = 4");
    for (size_t limit = 1; limit <= STORY_ROWS; limit++) {
        expect_page(f, 4, limit, 4, 0);
        expect_page(f, 3, limit, 4, 2);
    }
    expect_page(f, 0, ALL, 4, 7);
    expect_gone(f, 5, "since");
}

static void a_visitor_may_have_enough(void **state)
{
    struct fixture *f = *state;
    struct tale read = {.stop_at = 1};
    struct way_feed_page page;
    struct way_error err = {0};

    tell_story(f, NULL);
    assert_way_ok(way_store_feed(f->session, &(struct way_feed_query){.since = 0, .limit = ALL},
                                 tale_keep, &read, &page, &err),
                  &err);
    assert_int_equal(read.count, 1);
    assert_int_equal(page.revision, 1);
    tale_fini(&read);
    expect_page(f, 0, ALL, STORY_REVISIONS, STORY_ROWS); /* the session is fine */
}

static void a_page_may_be_as_large_as_allowed(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = changes_new(WAY_FEED_PAGE_MAX + 1);

    for (size_t i = 0; i <= WAY_FEED_PAGE_MAX; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "k%zu.example", i);
        story_set(&changes[i], key, "192.0.2.1", NULL);
    }
    (void)story_write(f->session, changes, WAY_FEED_PAGE_MAX + 1, true, STORY_BEGAN_US, NULL);
    (void)write_changes(f->session, changes, WAY_FEED_PAGE_MAX + 1);
    expect_page(f, 0, WAY_FEED_PAGE_MAX, 1, WAY_FEED_PAGE_MAX + 1);
    expect_page(f, 1, WAY_FEED_PAGE_MAX, WAY_FEED_PAGE_MAX + 1, WAY_FEED_PAGE_MAX);
    expect_page(f, WAY_FEED_PAGE_MAX + 1, WAY_FEED_PAGE_MAX, WAY_FEED_PAGE_MAX + 2, 1);
    free(changes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int run_feed_cases(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(pages_hold_whole_revisions_in_order),
        TEST(the_end_of_the_data_is_an_empty_page),
        TEST(what_was_pruned_is_gone),
        TEST(another_epoch_is_gone),
        TEST(a_hole_ends_the_page_before_it),
        TEST(a_hole_before_a_large_revision_is_no_page),
        TEST(lines_ahead_of_the_state_are_not_there),
        TEST(a_visitor_may_have_enough),
        TEST(a_page_may_be_as_large_as_allowed),
    };

    return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
