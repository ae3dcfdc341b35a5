/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fixture.h"
#include "story.h"

#include "base/clock.h"
#include "store/driver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALL = WAY_HISTORY_PAGE_MAX };

#define ANY_TIME .from_us = INT64_MIN, .until_us = INT64_MAX

static void read_history(struct fixture *f, const struct way_history_query *query,
                         struct tale *read, bool *has_more)
{
    struct way_error err = {0};

    *read = (struct tale){.count = 0};
    assert_way_ok(way_store_history(f->session, query, tale_keep, read, has_more, &err), &err);
}

/* --- images ------------------------------------------------------------------------------------
 */

/* Everything that was written is read again as it was told. */
static void expect_tale(struct fixture *f, const struct tale *tale)
{
    struct tale read;
    bool has_more = true;

    read_history(f, &(struct way_history_query){.limit = ALL, ANY_TIME}, &read, &has_more);
    assert_false(has_more);
    assert_int_equal(read.count, tale->count);
    for (size_t i = 0; i < read.count; i++) {
        assert_told(&read.list[i], &tale->list[tale->count - 1 - i]);
    }
    tale_fini(&read);
}

static void an_entry_has_the_row_before_and_after(void **state)
{
    struct fixture *f = *state;
    struct way_change *change = changes_new(1);
    struct tale tale = {.count = 0};

    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, &tale);
    (void)story_put(f->session, "a.example", "192.0.2.2", STORY_BEGAN_US + 1, &tale);
    story_set(change, "a.example", "192.0.2.2", "off for now");
    change->row.is_enabled = false;
    (void)snprintf(change->reason, sizeof change->reason, "because");
    (void)snprintf(change->actor, sizeof change->actor, "somebody");
    (void)story_write(f->session, change, 1, true, STORY_BEGAN_US + 2, &tale);
    (void)story_drop(f->session, "a.example", STORY_BEGAN_US + 3, &tale);
    (void)story_put(f->session, "a.example", "192.0.2.3", STORY_BEGAN_US + 4, &tale);
    assert_string_equal(tale.list[0].before, "");
    assert_string_equal(tale.list[2].before, tale.list[1].after);
    assert_non_null(strstr(tale.list[2].after, "\"enabled\":false"));
    assert_string_equal(tale.list[3].before, tale.list[2].after);
    assert_string_equal(tale.list[3].after, "");
    assert_string_equal(tale.list[4].before, "");
    expect_tale(f, &tale);
    tale_fini(&tale);
    free(change);
}

static void changes_of_one_transaction_see_each_other(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = changes_new(6);
    struct tale tale = {.count = 0};

    story_set(&changes[0], "a.example", "192.0.2.1", "one");
    story_set(&changes[1], "b.example", "192.0.2.1", "one");
    story_set(&changes[2], "a.example", "192.0.2.2", "two");
    story_delete(&changes[3], "a.example");
    story_set(&changes[4], "b.example", "192.0.2.2", "two");
    story_set(&changes[5], "a.example", "192.0.2.3", "three");
    (void)story_write(f->session, changes, 6, false, STORY_BEGAN_US, &tale);
    assert_string_equal(tale.list[2].before, tale.list[0].after);
    assert_string_equal(tale.list[5].before, "");
    expect_tale(f, &tale);
    tale_fini(&tale);
    free(changes);
}

static void keys_of_one_revision_have_lines_of_their_own(void **state)
{
    enum { KEYS = 300 }; /* more than one statement takes */
    struct fixture *f = *state;
    struct way_change *changes = changes_new(KEYS);
    struct tale tale = {.count = 0};

    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < KEYS; i++) {
            char key[32];

            (void)snprintf(key, sizeof key, "k%zu.example", i);
            if (round == 1 && i % 3 == 0) {
                story_delete(&changes[i], key);
            } else {
                story_set(&changes[i], key, round == 0 ? "192.0.2.1" : "192.0.2.2", NULL);
            }
        }
        (void)story_write(f->session, changes, KEYS, true, STORY_BEGAN_US, &tale);
    }
    expect_tale(f, &tale);
    tale_fini(&tale);
    free(changes);
}

/* The image is JSON, and says what the row said: asked of the database, which has a parser. */
static void expect_comment(struct fixture *f, const char *column, uint64_t revision,
                           const char *comment)
{
    static const char digits[] = "0123456789ABCDEF";
    char sql[256];
    char is[4 * WAY_OVERRIDE_JSON_MAX];
    char wanted[2 * WAY_COMMENT_BYTES_MAX + 1];
    size_t len = strlen(comment);

    for (size_t i = 0; i < len; i++) {
        wanted[2 * i] = digits[(unsigned char)comment[i] >> 4];
        wanted[2 * i + 1] = digits[(unsigned char)comment[i] & 15];
    }
    wanted[2 * len] = '\0';
    (void)snprintf(sql, sizeof sql,
                   f->engine == WAY_ENGINE_SQLITE
                       ? "SELECT hex(json_extract(%s, '$.comment')) FROM override_change "
                         "WHERE revision = %" PRIu64
                       : "SELECT HEX(JSON_UNQUOTE(JSON_EXTRACT(%s, '$.comment'))) "
                         "FROM override_change WHERE revision = %" PRIu64,
                   column, revision);
    fixture_text(f, sql, is, sizeof is);
    assert_string_equal(is, wanted);
}

static void any_comment_survives_in_the_image(void **state)
{
    static const char *const ends[] = {
        "\xf0\x9f\x93\xa7", /* an envelope */ "\"", "\\", "\n", "\t", "'", "\x01", "\x7f",
        "\xe2\x80\xa8", /* a line for JavaScript */
    };
    struct fixture *f = *state;
    struct way_change *change = changes_new(1);
    struct tale tale = {.count = 0};
    uint64_t revision = 0;

    for (size_t end = 0; end < WAY_COUNT_OF(ends); end++) {
        struct told *last;

        story_set(change, "a.example", "192.0.2.1", NULL);
        for (size_t i = 0; i < WAY_COMMENT_MAX; i++) {    /* as long as it may be */
            (void)strcat(change->row.comment, ends[end]); /* NOLINT(clang-analyzer-security*) */
        }
        memcpy(change->reason, change->row.comment, 256 * strlen(ends[end]));
        change->reason[256 * strlen(ends[end])] = '\0';
        revision = story_write(f->session, change, 1, true, STORY_BEGAN_US, &tale);
        expect_comment(f, "row_after", revision, change->row.comment);
        last = &tale.list[tale.count - 1];
        assert_true(end == 0 || strcmp(last->before, tale.list[tale.count - 2].after) == 0);
    }
    revision = story_drop(f->session, "a.example", STORY_BEGAN_US, &tale);
    expect_comment(f, "row_before", revision, change->row.comment);
    expect_tale(f, &tale);
    tale_fini(&tale);
    free(change);
}

static void many_long_rows_fit_into_one_transaction(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = changes_new(1000);
    struct tale tale = {.count = 0};

    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 1000; i++) {
            char key[32];

            (void)snprintf(key, sizeof key, "k%zu.example", i);
            story_set(&changes[i], key, "192.0.2.1", NULL);
            memset(changes[i].row.comment, round == 0 ? '\n' : '"', WAY_COMMENT_MAX);
        }
        (void)story_write(f->session, changes, 1000, true, STORY_BEGAN_US, &tale);
    }
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change "
                                       "WHERE row_after IS NOT NULL"),
                     2000);
    tale_fini(&tale);
    free(changes);
}

/* As large as any can be, on a server that takes no packet over 1 MiB. */
static void the_longest_rows_fit_into_a_small_packet(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = changes_new(WAY_REPEAT_MAX);
    struct way_session *session;
    char packet[32];
    char sql[96];

    if (f->engine == WAY_ENGINE_SQLITE) {
        free(changes);
        skip(); /* knows no packets */
        return;
    }
    fixture_text(f, "SELECT @@global.max_allowed_packet", packet, sizeof packet);
    fixture_sql(f, "SET GLOBAL max_allowed_packet = 1048576");
    session = fixture_new_session(f);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < WAY_REPEAT_MAX; i++) {
            char key[32];

            (void)snprintf(key, sizeof key, "k%zu.example", i);
            story_set(&changes[i], key, round == 0 ? "192.0.2.1" : "192.0.2.2", NULL);
            for (size_t at = 0; at < WAY_COMMENT_MAX; at++) {
                memcpy(changes[i].row.comment + 4 * at, "\xf0\x9f\x93\xa7", 4);
            }
            memcpy(changes[i].reason, changes[i].row.comment, WAY_REASON_BYTES_MAX);
        }
        (void)story_write(session, changes, WAY_REPEAT_MAX, true, STORY_BEGAN_US, NULL);
    }
    way_session_close(session);
    (void)snprintf(sql, sizeof sql, "SET GLOBAL max_allowed_packet = %s", packet);
    fixture_sql(f, sql);
    free(changes);
}

static void a_row_that_was_edited_by_hand_is_told_as_it_was_found(void **state)
{
    struct fixture *f = *state;
    struct tale tale = {.count = 0};

    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, &tale);
    fixture_sql(f, "UPDATE dns_overrides SET comment = 'by hand', target_host = 'Not Normal.'");
    (void)story_put(f->session, "a.example", "192.0.2.2", STORY_BEGAN_US, &tale);
    assert_non_null(strstr(tale.list[1].before, "\"comment\":\"by hand\""));
    assert_non_null(strstr(tale.list[1].before, "\"target_host\":\"Not Normal.\""));
    expect_tale(f, &tale);
    tale_fini(&tale);
}

/* --- queries -----------------------------------------------------------------------------------
 */

static const char *const story_keys[] = {"a.example", "b.example", "10.0.0.1",
                                         "xn--bcher-kva.example"};
static const char *const story_actors[] = {"eve", "Eve", "-"};

enum { STORY_TRANSACTIONS = 12 };

/* Transactions of one to three changes, some in one revision and some in several, two of each at
 * the same moment; every key is deleted once. */
static void tell_story(struct fixture *f, struct tale *tale)
{
    struct way_change *changes = changes_new(3);
    size_t number = 0;

    for (size_t i = 0; i < STORY_TRANSACTIONS; i++) {
        size_t count = i % 3 + 1;

        for (size_t j = 0; j < count; j++, number++) {
            const char *key = story_keys[number % WAY_COUNT_OF(story_keys)];

            if (number / WAY_COUNT_OF(story_keys) == 3) {
                story_delete(&changes[j], key);
            } else {
                story_set(&changes[j], key, "192.0.2.1", NULL);
                (void)snprintf(changes[j].row.comment, sizeof changes[j].row.comment, "%zu",
                               number);
            }
            (void)snprintf(changes[j].actor, sizeof changes[j].actor, "%s",
                           story_actors[i % WAY_COUNT_OF(story_actors)]);
        }
        (void)story_write(f->session, changes, count, i % 2 == 0, STORY_BEGAN_US + (int64_t)(i / 2),
                          tale);
    }
    free(changes);
}

static bool is_wanted(const struct told *told, const struct way_history_query *query)
{
    return told->revision > query->since && told->at_us >= query->from_us &&
           told->at_us < query->until_us &&
           (!query->has_key || strcmp(told->key, query->key.text) == 0) &&
           (query->actor[0] == '\0' || strcmp(told->actor, query->actor) == 0);
}

/* Reads page after page and compares with what the story says. */
static void expect_answer(struct fixture *f, const struct tale *tale,
                          const struct way_history_query *wanted, size_t limit)
{
    struct way_history_query query = *wanted;
    size_t at = tale->count;
    bool has_more = true;

    query.limit = limit;
    while (has_more) {
        struct tale read;

        read_history(f, &query, &read, &has_more);
        for (size_t i = 0; i < read.count; i++) {
            do {
                assert_int_not_equal(at, 0); /* more than there is */
                at--;
            } while (!is_wanted(&tale->list[at], wanted));
            assert_told(&read.list[i], &tale->list[at]);
        }
        assert_true(!has_more || read.count == limit);
        if (read.count > 0) {
            query.has_after = true;
            query.after_revision = read.list[read.count - 1].revision;
            query.after_seq = read.list[read.count - 1].seq;
        }
        tale_fini(&read);
    }
    while (at > 0) {
        assert_false(is_wanted(&tale->list[--at], wanted)); /* less than there is */
    }
}

static void pages_of_any_size_hold_every_entry_once(void **state)
{
    struct fixture *f = *state;
    struct tale tale = {.count = 0};

    tell_story(f, &tale);
    for (size_t limit = 1; limit <= tale.count + 1; limit++) {
        expect_answer(f, &tale, &(struct way_history_query){ANY_TIME}, limit);
    }
    tale_fini(&tale);
}

static void every_condition_narrows(void **state)
{
    struct fixture *f = *state;
    struct tale tale = {.count = 0};
    uint64_t newest;

    tell_story(f, &tale);
    newest = tale.list[tale.count - 1].revision;
    for (size_t key = 0; key <= WAY_COUNT_OF(story_keys); key++) {
        for (size_t actor = 0; actor <= WAY_COUNT_OF(story_actors); actor++) {
            for (uint64_t since = 0; since <= newest; since += 5) {
                struct way_history_query query = {.since = since, ANY_TIME};

                if (key > 0) {
                    query.has_key = true;
                    query.key = key_of(story_keys[key - 1]);
                }
                if (actor > 0) {
                    (void)snprintf(query.actor, sizeof query.actor, "%s", story_actors[actor - 1]);
                }
                expect_answer(f, &tale, &query, 2);
                query.from_us = STORY_BEGAN_US + 1;
                query.until_us = STORY_BEGAN_US + 4;
                expect_answer(f, &tale, &query, ALL);
            }
        }
    }
    tale_fini(&tale);
}

static void times_are_exact_to_the_microsecond(void **state)
{
    struct fixture *f = *state;
    struct tale tale = {.count = 0};

    tell_story(f, &tale);
    for (int64_t from = -1; from <= STORY_TRANSACTIONS / 2 + 1; from++) {
        for (int64_t until = from; until <= STORY_TRANSACTIONS / 2 + 1; until++) {
            expect_answer(f, &tale,
                          &(struct way_history_query){.from_us = STORY_BEGAN_US + from,
                                                      .until_us = STORY_BEGAN_US + until},
                          3);
        }
    }
    /* What a request may say: years of four digits. */
    expect_answer(f, &tale,
                  &(struct way_history_query){
                      .from_us = way_time_from_civil(1, 1, 1, 0, 0, 0, 0),
                      .until_us = way_time_from_civil(9999, 12, 31, 23, 59, 59, 999999)},
                  3);
    expect_answer(f, &tale,
                  &(struct way_history_query){
                      .from_us = way_time_from_civil(9999, 12, 31, 23, 59, 59, 999999),
                      .until_us = INT64_MAX},
                  3);
    tale_fini(&tale);
}

static void a_cursor_may_stand_anywhere(void **state)
{
    struct fixture *f = *state;
    struct tale read;
    bool has_more = true;

    tell_story(f, NULL);
    read_history(f,
                 &(struct way_history_query){
                     .limit = ALL, .has_after = true, .after_revision = INT64_MAX, ANY_TIME},
                 &read, &has_more);
    assert_true(read.count > 0);
    tale_fini(&read);
    read_history(f, &(struct way_history_query){.limit = ALL, .has_after = true, ANY_TIME}, &read,
                 &has_more);
    assert_int_equal(read.count, 0);
    assert_false(has_more);
    read_history(f,
                 &(struct way_history_query){.limit = ALL,
                                             .has_after = true,
                                             .after_revision = 1,
                                             .after_seq = UINT32_MAX,
                                             ANY_TIME},
                 &read, &has_more);
    assert_int_equal(read.count, 1); /* revision 1 has one row */
    tale_fini(&read);
    read_history(f, &(struct way_history_query){.limit = ALL, .since = INT64_MAX, ANY_TIME}, &read,
                 &has_more);
    assert_int_equal(read.count, 0);
}

static void what_the_history_forgot_is_not_shown(void **state)
{
    struct fixture *f = *state;
    struct tale tale = {.count = 0};
    struct way_history_query query = {.since = 6, ANY_TIME};

    tell_story(f, &tale);
    fixture_sql(f, "UPDATE override_state SET history_low = 6");
    for (size_t limit = 1; limit <= tale.count; limit++) {
        struct tale read;
        bool has_more;
        size_t wanted = 0;

        read_history(f, &(struct way_history_query){.limit = limit, ANY_TIME}, &read, &has_more);
        for (size_t i = 0; i < tale.count; i++) {
            wanted += is_wanted(&tale.list[i], &query);
        }
        assert_int_equal(read.count, limit < wanted ? limit : wanted);
        assert_int_equal(has_more, limit < wanted);
        tale_fini(&read);
    }
    tale_fini(&tale);
}

/* --- known and unknown keys --------------------------------------------------------------------
 */

static enum way_status ask_for_key(struct fixture *f, const char *key, size_t *count)
{
    struct way_history_query query = {.limit = 10, .has_key = true, ANY_TIME};
    struct tale read = {.count = 0};
    struct way_error err = {0};
    bool has_more;
    enum way_status status;

    query.key = key_of(key);
    status = way_store_history(f->session, &query, tale_keep, &read, &has_more, &err);
    *count = read.count;
    if (status != WAY_OK) {
        assert_string_equal(err.field, "lookup_key");
        assert_non_null(strstr(err.detail, key));
    }
    tale_fini(&read);
    return status;
}

static void a_key_that_was_never_known_is_not_found(void **state)
{
    struct fixture *f = *state;
    size_t count;

    assert_way_status(ask_for_key(f, "a.example", &count), WAY_NOT_FOUND);
    (void)story_put(f->session, "b.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    assert_way_status(ask_for_key(f, "a.example", &count), WAY_NOT_FOUND);
    assert_way_status(ask_for_key(f, "b.example", &count), WAY_OK);
    assert_int_equal(count, 1);
    (void)story_drop(f->session, "b.example", STORY_BEGAN_US, NULL);
    assert_way_status(ask_for_key(f, "b.example", &count), WAY_OK);
    assert_int_equal(count, 2);
    fixture_sql(f, "UPDATE override_state SET history_low = 2"); /* nobody remembers it */
    assert_way_status(ask_for_key(f, "b.example", &count), WAY_NOT_FOUND);
}

static void a_key_without_entries_has_an_empty_history(void **state)
{
    struct fixture *f = *state;
    struct way_history_query query = {.limit = 10, .has_key = true, .actor = "nobody", ANY_TIME};
    struct tale read;
    bool has_more = true;
    size_t count;

    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    fixture_sql(f, "UPDATE dns_overrides SET lookup_key = 'b.example'"); /* by other hands */
    assert_way_status(ask_for_key(f, "b.example", &count), WAY_OK);
    assert_int_equal(count, 0);
    assert_way_status(ask_for_key(f, "a.example", &count), WAY_OK);
    assert_int_equal(count, 1);
    query.key = key_of("a.example"); /* known, with nothing that the other conditions let pass */
    read_history(f, &query, &read, &has_more);
    assert_int_equal(read.count, 0);
    assert_false(has_more);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int run_history_cases(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(an_entry_has_the_row_before_and_after),
        TEST(changes_of_one_transaction_see_each_other),
        TEST(keys_of_one_revision_have_lines_of_their_own),
        TEST(any_comment_survives_in_the_image),
        TEST(many_long_rows_fit_into_one_transaction),
        TEST(the_longest_rows_fit_into_a_small_packet),
        TEST(a_row_that_was_edited_by_hand_is_told_as_it_was_found),
        TEST(pages_of_any_size_hold_every_entry_once),
        TEST(every_condition_narrows),
        TEST(times_are_exact_to_the_microsecond),
        TEST(a_cursor_may_stand_anywhere),
        TEST(what_the_history_forgot_is_not_shown),
        TEST(a_key_that_was_never_known_is_not_found),
        TEST(a_key_without_entries_has_an_empty_history),
    };

    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
