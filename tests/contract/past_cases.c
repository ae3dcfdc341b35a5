/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fixture.h"
#include "story.h"

#include "store/driver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 4, REVISIONS = 24 };

static const char *const keys[KEYS] = {"a.example", "b.example", "2001:db8::1", "d.example"};

/* What every key was at every revision, kept by the test. */
struct model {
    uint64_t newest;
    char *was[REVISIONS + 1][KEYS]; /* an image; "": absent */
    uint64_t changed[KEYS];         /* when last */
};

static void model_note(struct fixture *f, struct model *model, uint64_t revision)
{
    char json[WAY_OVERRIDE_JSON_MAX];

    assert_in_range(revision, 0, REVISIONS);
    model->newest = revision;
    for (size_t key = 0; key < KEYS; key++) {
        story_image(f->session, keys[key], json);
        model->was[revision][key] = strdup(json);
        assert_non_null(model->was[revision][key]);
        if (revision > 0 && strcmp(json, model->was[revision - 1][key]) != 0) {
            model->changed[key] = revision;
        }
    }
}

static void model_fini(struct model *model)
{
    for (size_t revision = 0; revision <= REVISIONS; revision++) {
        for (size_t key = 0; key < KEYS; key++) {
            free(model->was[revision][key]);
        }
    }
}

/* Keys that come, change, go and come again; the last is changed with others in one revision; the
 * first is left alone at the end. */
static void tell_story(struct fixture *f, struct model *model)
{
    struct way_change *changes = changes_new(KEYS);

    *model = (struct model){.newest = 0};
    model_note(f, model, 0);
    for (uint64_t revision = 1; revision <= REVISIONS; revision++) {
        size_t key = revision % KEYS;
        size_t count = 1;
        char comment[24];

        (void)snprintf(comment, sizeof comment, "\"%" PRIu64 "\\", revision);
        if (key == 0 && revision > REVISIONS / 2) {
            key = 1;
        }
        if (revision % 5 == 3 && model->was[revision - 1][key][0] != '\0') {
            story_delete(&changes[0], keys[key]);
        } else {
            story_set(&changes[0], keys[key], "192.0.2.1", comment);
        }
        if (key != KEYS - 1 && revision % 2 == 0) {
            story_set(&changes[count++], keys[KEYS - 1], "192.0.2.2", comment);
        }
        assert_int_equal(story_write(f->session, changes, count, true, STORY_BEGAN_US, NULL),
                         revision);
        model_note(f, model, revision);
    }
    free(changes);
}

static enum way_status ask(struct fixture *f, const char *text, uint64_t revision,
                           struct way_past *past, struct way_error *err)
{
    struct way_key key = key_of(text);

    return way_store_past(f->session, &key, revision, past, err);
}

static void expect_refusal(struct fixture *f, const char *key, uint64_t revision,
                           enum way_status wanted)
{
    struct way_past past;
    struct way_error err = {0};

    assert_way_status(ask(f, key, revision, &past, &err), wanted);
    assert_string_equal(err.field, wanted == WAY_NOT_FOUND ? "lookup_key" : "revision");
    assert_int_not_equal(err.detail[0], '\0');
}

static void every_state_there_was_is_told(void **state)
{
    struct fixture *f = *state;
    struct model model;
    struct way_past past;
    struct way_error err = {0};

    tell_story(f, &model);
    for (size_t key = 0; key < KEYS; key++) {
        for (uint64_t revision = 0; revision <= model.newest; revision++) {
            const char *wanted = model.was[revision][key];

            print_message("    %s at %" PRIu64 "\n", keys[key], revision);
            assert_way_ok(ask(f, keys[key], revision, &past, &err), &err);
            if (revision >= model.changed[key]) {
                assert_int_equal(past.kind, WAY_PAST_SAME);
                assert_string_equal(past.json, "");
            } else {
                assert_int_equal(past.kind, wanted[0] == '\0' ? WAY_PAST_ABSENT : WAY_PAST_ROW);
                assert_string_equal(past.json, wanted);
            }
        }
        expect_refusal(f, keys[key], model.newest + 1, WAY_INVALID);
        expect_refusal(f, keys[key], INT64_MAX, WAY_INVALID);
    }
    model_fini(&model);
}

static void changes_of_one_transaction_are_states_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = changes_new(3);
    struct tale tale = {.count = 0};
    struct way_past past;
    struct way_error err = {0};

    story_set(&changes[0], "a.example", "192.0.2.1", "one");
    story_set(&changes[1], "a.example", "192.0.2.2", "two");
    story_delete(&changes[2], "a.example");
    (void)story_write(f->session, changes, 3, false, STORY_BEGAN_US, &tale);
    assert_way_ok(ask(f, "a.example", 0, &past, &err), &err);
    assert_int_equal(past.kind, WAY_PAST_ABSENT);
    for (uint64_t revision = 1; revision <= 2; revision++) {
        assert_way_ok(ask(f, "a.example", revision, &past, &err), &err);
        assert_int_equal(past.kind, WAY_PAST_ROW);
        assert_string_equal(past.json, tale.list[revision - 1].after);
    }
    assert_way_ok(ask(f, "a.example", 3, &past, &err), &err);
    assert_int_equal(past.kind, WAY_PAST_SAME);
    tale_fini(&tale);
    free(changes);
}

static void an_unknown_key_has_no_past(void **state)
{
    struct fixture *f = *state;

    expect_refusal(f, "a.example", 0, WAY_NOT_FOUND);
    (void)story_put(f->session, "b.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    expect_refusal(f, "a.example", 0, WAY_NOT_FOUND);
    expect_refusal(f, "a.example", 1, WAY_NOT_FOUND);
}

static void a_row_without_entries_has_not_changed(void **state)
{
    struct fixture *f = *state;
    struct way_past past;
    struct way_error err = {0};

    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    fixture_sql(f, "UPDATE dns_overrides SET lookup_key = 'b.example'");
    assert_way_ok(ask(f, "b.example", 0, &past, &err), &err);
    assert_int_equal(past.kind, WAY_PAST_SAME);
}

static void a_row_that_was_edited_by_hand_counts_as_it_was_found(void **state)
{
    struct fixture *f = *state;
    struct way_past past;
    struct way_error err = {0};

    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    fixture_sql(f, "UPDATE dns_overrides SET comment = 'by hand'");
    (void)story_put(f->session, "a.example", "192.0.2.2", STORY_BEGAN_US, NULL);
    assert_way_ok(ask(f, "a.example", 1, &past, &err), &err);
    assert_int_equal(past.kind, WAY_PAST_ROW);
    assert_non_null(strstr(past.json, "by hand"));
}

static void the_past_that_was_forgotten_is_gone(void **state)
{
    struct fixture *f = *state;
    struct model model;
    struct way_past past;
    struct way_error err = {0};

    tell_story(f, &model);
    fixture_sql(f, "UPDATE override_state SET history_low = 7");
    for (uint64_t revision = 0; revision < 7; revision++) {
        expect_refusal(f, "b.example", revision, WAY_GONE);
    }
    assert_way_ok(ask(f, "b.example", 7, &past, &err), &err);
    assert_int_equal(past.kind, WAY_PAST_ROW);
    assert_string_equal(past.json, model.was[7][1]);
    model_fini(&model);
}

/* Nobody remembers the key; that is no reason to say that there never was one. */
static void a_key_that_was_forgotten_is_gone(void **state)
{
    struct fixture *f = *state;

    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    (void)story_drop(f->session, "a.example", STORY_BEGAN_US, NULL);
    (void)story_put(f->session, "b.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    fixture_sql(f, "UPDATE override_state SET history_low = 2");
    expect_refusal(f, "a.example", 1, WAY_GONE);
    expect_refusal(f, "a.example", 2, WAY_NOT_FOUND);
}

static void what_was_logged_without_rows_says_nothing(void **state)
{
    struct fixture *f = *state;
    struct way_past past;
    struct way_error err = {0};

    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    (void)story_put(f->session, "a.example", "192.0.2.2", STORY_BEGAN_US, NULL);
    (void)story_drop(f->session, "a.example", STORY_BEGAN_US, NULL);
    (void)story_put(f->session, "a.example", "192.0.2.3", STORY_BEGAN_US, NULL);
    fixture_sql(f, "UPDATE override_change SET row_before = NULL, row_after = NULL "
                   "WHERE revision IN (1, 2, 3)");
    for (uint64_t revision = 0; revision < 3; revision++) {
        expect_refusal(f, "a.example", revision, WAY_INVALID);
    }
    assert_way_ok(ask(f, "a.example", 3, &past, &err), &err);
    assert_int_equal(past.kind, WAY_PAST_ABSENT);
}

/* A row of control bytes, edited by hand to be longer than any image may be. */
/* Somebody has put a text into the log that no override of ours can be. */
static void an_image_that_is_too_long_is_not_told_as_absent(void **state)
{
    struct fixture *f = *state;
    char sql[16384];
    char blanks[10000];

    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    (void)story_put(f->session, "a.example", "192.0.2.2", STORY_BEGAN_US, NULL);
    memset(blanks, ' ', sizeof blanks - 1);
    blanks[sizeof blanks - 1] = '\0';
    (void)snprintf(sql, sizeof sql,
                   "UPDATE override_change SET row_before = '{%s}' WHERE revision = 2", blanks);
    fixture_sql(f, sql);
    expect_refusal(f, "a.example", 1, WAY_INVALID);
}

static void a_row_that_fits_no_image_is_not_told_as_absent(void **state)
{
    struct fixture *f = *state;
    struct way_change *change = changes_new(1);
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first;
    struct way_error err = {0};

    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    story_set(change, "a.example", "192.0.2.2", NULL);
    change->had_row = true;
    change->before = change->row;
    memset(change->before.comment, '\x01', WAY_COMMENT_BYTES_MAX);
    way_random_bytes(tx, sizeof tx);
    assert_way_ok(way_store_begin(f->session, 1, tx, &first, &err), &err);
    change->revision = first;
    assert_way_ok(way_store_apply(f->session, change, 1, STORY_BEGAN_US, &err), &err);
    assert_way_ok(way_store_commit(f->session, 1, &err), &err);
    expect_refusal(f, "a.example", 1, WAY_INVALID);
    free(change);
}

/* --- one revision ------------------------------------------------------------------------------
 */

static enum way_status read_revision(struct fixture *f, uint64_t revision, struct tale *read,
                                     struct way_error *err)
{
    *read = (struct tale){.count = 0};
    return way_store_revision(f->session, revision, tale_keep_of_revision, read, err);
}

static void a_revision_names_the_newest_of_each_key(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = changes_new(3);
    struct tale tale = {.count = 0};
    struct tale read;
    struct way_error err = {0};

    story_set(&changes[0], "b.example", "192.0.2.1", NULL);
    story_set(&changes[1], "a.example", "192.0.2.1", NULL);
    story_set(&changes[2], "c.example", "192.0.2.1", NULL);
    (void)story_write(f->session, changes, 3, true, STORY_BEGAN_US, &tale);
    (void)story_put(f->session, "a.example", "192.0.2.2", STORY_BEGAN_US + 1, &tale);
    (void)story_drop(f->session, "c.example", STORY_BEGAN_US + 2, &tale);
    (void)story_put(f->session, "a.example", "192.0.2.3", STORY_BEGAN_US + 3, &tale);
    assert_way_ok(read_revision(f, 1, &read, &err), &err);
    assert_int_equal(read.count, 3);
    for (size_t i = 0; i < 3; i++) {
        static const uint64_t newest[] = {1, 4, 3};

        assert_told(&read.list[i], &tale.list[i]);
        assert_int_equal(read.list[i].newest, newest[i]);
    }
    tale_fini(&read);
    for (uint64_t revision = 2; revision <= 4; revision++) {
        assert_way_ok(read_revision(f, revision, &read, &err), &err);
        assert_int_equal(read.count, 1);
        assert_told(&read.list[0], &tale.list[revision + 1]);
        assert_int_equal(read.list[0].newest, revision == 2 ? 4 : revision);
        tale_fini(&read);
    }
    tale_fini(&tale);
    free(changes);
}

static void a_revision_that_is_not_there_is_refused(void **state)
{
    struct fixture *f = *state;
    struct tale read;
    struct way_error err = {0};

    assert_way_status(read_revision(f, 0, &read, &err), WAY_NOT_FOUND);
    assert_way_status(read_revision(f, 1, &read, &err), WAY_NOT_FOUND);
    for (unsigned i = 0; i < 3; i++) {
        (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    }
    assert_way_status(read_revision(f, 0, &read, &err), WAY_NOT_FOUND);
    assert_way_status(read_revision(f, 4, &read, &err), WAY_NOT_FOUND);
    assert_way_status(read_revision(f, INT64_MAX, &read, &err), WAY_NOT_FOUND);
    assert_string_equal(err.field, "revision");
    fixture_sql(f, "UPDATE override_state SET history_low = 2, low = 3");
    assert_way_status(read_revision(f, 0, &read, &err), WAY_NOT_FOUND);
    assert_way_status(read_revision(f, 1, &read, &err), WAY_GONE);
    assert_way_status(read_revision(f, 2, &read, &err), WAY_GONE);
    assert_string_equal(err.field, "revision");
    assert_int_equal(read.count, 0);
    assert_way_ok(read_revision(f, 3, &read, &err), &err);
    assert_int_equal(read.count, 1);
    tale_fini(&read);
}

/* --- resets ------------------------------------------------------------------------------------
 */

static const struct way_wish somebody = {.actor = "operator", .reason = "restored \"it\""};

static uint64_t reset(struct fixture *f, const uint8_t epoch[static WAY_EPOCH_BYTES])
{
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_error err = {0};

    way_random_bytes(tx, sizeof tx);
    assert_way_ok(way_store_begin(f->session, 1, tx, &first, &err), &err);
    assert_way_ok(way_store_reset(f->session, first, epoch, STORY_BEGAN_US, &somebody, &err), &err);
    assert_way_ok(way_store_commit(f->session, 1, &err), &err);
    return first;
}

static bool is_reload(void *owner, const struct way_log_row *row)
{
    bool *found = owner;

    *found = *found ||
             (row->revision == 2 && row->op == WAY_OP_RELOAD && row->key.len == 0 && !row->is_live);
    return true;
}

static void a_reset_begins_an_epoch_and_is_told_to_everybody(void **state)
{
    static const uint8_t epoch[WAY_EPOCH_BYTES] = "a new beginning";
    struct fixture *f = *state;
    struct way_feed_query query = {.since = 1, .limit = 10};
    struct way_feed_page page;
    struct loaded loaded;
    struct tale read = {.count = 0};
    struct way_past past;
    struct way_error err = {0};
    bool has_more;
    bool is_told = false;

    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    assert_int_equal(reset(f, epoch), 2);
    assert_int_equal(story_put(f->session, "a.example", "192.0.2.2", STORY_BEGAN_US, NULL), 3);
    load_all(f->session, &loaded);
    assert_memory_equal(loaded.position.epoch, epoch, sizeof epoch);
    assert_int_equal(loaded.position.revision, 3);
    loaded_fini(&loaded);
    assert_way_ok(way_store_changes(f->session, 1, 10, is_reload, &is_told, &err), &err);
    assert_true(is_told);
    assert_way_ok(way_store_feed(f->session, &query, tale_keep, &read, &page, &err), &err);
    assert_int_equal(page.revision, 3);
    assert_int_equal(read.count, 2);
    assert_told(&read.list[0], &(struct told){.revision = 2,
                                              .op = WAY_OP_RELOAD,
                                              .at_us = STORY_BEGAN_US,
                                              .actor = "operator",
                                              .reason = (char[]){"restored \"it\""},
                                              .before = (char[]){""},
                                              .after = (char[]){""}});
    tale_fini(&read);
    assert_way_ok(read_revision(f, 2, &read, &err), &err);
    assert_int_equal(read.count, 1);
    assert_int_equal(read.list[0].op, WAY_OP_RELOAD);
    tale_fini(&read);
    assert_way_ok(way_store_history(f->session,
                                    &(struct way_history_query){
                                        .limit = 10, .from_us = INT64_MIN, .until_us = INT64_MAX},
                                    tale_keep, &read, &has_more, &err),
                  &err);
    assert_int_equal(read.count, 3);
    assert_int_equal(read.list[1].op, WAY_OP_RELOAD);
    tale_fini(&read);
    assert_way_ok(ask(f, "a.example", 2, &past, &err), &err); /* of a key it says nothing */
    assert_int_equal(past.kind, WAY_PAST_ROW);
}

static void a_reset_that_is_rolled_back_changes_nothing(void **state)
{
    static const uint8_t epoch[WAY_EPOCH_BYTES] = "a new beginning";
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first;
    struct loaded loaded;
    struct way_error err = {0};

    way_random_bytes(tx, sizeof tx);
    assert_way_ok(way_store_begin(f->session, 1, tx, &first, &err), &err);
    assert_way_ok(way_store_reset(f->session, first, epoch, STORY_BEGAN_US, &somebody, &err), &err);
    way_store_rollback(f->session);
    load_all(f->session, &loaded);
    assert_memory_not_equal(loaded.position.epoch, epoch, sizeof epoch);
    assert_int_equal(loaded.position.revision, 0);
    loaded_fini(&loaded);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change"), 0);
}

/* --- settling ----------------------------------------------------------------------------------
 */

static void settling_tells_the_first_revision(void **state)
{
    struct fixture *f = *state;
    struct way_change *changes = changes_new(3);
    struct way_session *other = fixture_new_session(f);
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first;
    uint64_t found = 99;
    struct way_error err = {0};

    (void)story_put(f->session, "z.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    way_random_bytes(tx, sizeof tx);
    assert_way_ok(way_store_settle(other, tx, &found, &err), &err);
    assert_int_equal(found, 0);
    assert_way_ok(way_store_begin(f->session, 3, tx, &first, &err), &err);
    assert_int_equal(first, 2);
    for (size_t i = 0; i < 3; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "k%zu.example", 2 - i);
        change_set(&changes[i], first + i, key, "192.0.2.1");
    }
    assert_way_ok(way_store_apply(f->session, changes, 3, STORY_BEGAN_US, &err), &err);
    assert_way_ok(way_store_commit(f->session, 3, &err), &err);
    assert_way_ok(way_store_settle(other, tx, &found, &err), &err);
    assert_int_equal(found, first);
    way_session_close(other);
    free(changes);
}

/* On a cluster the node that is asked may lag behind the one that gave the revision out. */
static void who_names_a_revision_waits_for_the_node(void **state)
{
    struct fixture *f = *state;
    struct tale read;
    struct way_past past;
    struct way_error err = {0};

    if (f->engine == WAY_ENGINE_SQLITE) {
        skip(); /* is no cluster */
    }
    (void)story_put(f->session, "a.example", "192.0.2.1", STORY_BEGAN_US, NULL);
    f->session->is_cluster = true;
    fixture_sql(f, "SET GLOBAL log_output = 'TABLE'");
    fixture_sql(f, "SET GLOBAL general_log = 1");
    for (long long asked = 1; asked <= 2; asked++) {
        if (asked == 1) {
            assert_way_ok(ask(f, "a.example", 1, &past, &err), &err);
        } else {
            assert_way_ok(read_revision(f, 1, &read, &err), &err);
            tale_fini(&read);
        }
        assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM mysql.general_log WHERE argument "
                                           "LIKE 'SET SESSION wsrep_sync_wait = 1'"),
                         asked);
    }
    fixture_sql(f, "SET GLOBAL general_log = 0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int run_past_cases(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(every_state_there_was_is_told),
        TEST(changes_of_one_transaction_are_states_of_their_own),
        TEST(an_unknown_key_has_no_past),
        TEST(a_row_without_entries_has_not_changed),
        TEST(a_row_that_was_edited_by_hand_counts_as_it_was_found),
        TEST(the_past_that_was_forgotten_is_gone),
        TEST(a_key_that_was_forgotten_is_gone),
        TEST(what_was_logged_without_rows_says_nothing),
        TEST(an_image_that_is_too_long_is_not_told_as_absent),
        TEST(a_row_that_fits_no_image_is_not_told_as_absent),
        TEST(a_revision_names_the_newest_of_each_key),
        TEST(a_revision_that_is_not_there_is_refused),
        TEST(a_reset_begins_an_epoch_and_is_told_to_everybody),
        TEST(a_reset_that_is_rolled_back_changes_nothing),
        TEST(settling_tells_the_first_revision),
        TEST(who_names_a_revision_waits_for_the_node),
    };

    return cmocka_run_group_tests_name("past", tests, NULL, NULL);
}
