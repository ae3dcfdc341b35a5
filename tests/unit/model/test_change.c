/* SPDX-License-Identifier: MIT */
#include "model/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

enum { THEN_US = 1000, NOW_US = 5000 };

static struct way_key key_of(const char *text)
{
    struct way_key key;

    assert_int_equal(way_key_parse(text, strlen(text), &key, NULL), WAY_OK);
    return key;
}

static struct way_override stored_row(void)
{
    struct way_override row = {
        .lookup_key = key_of("example.org"),
        .target.host = key_of("old.example.net"),
        .is_enabled = true,
        .revision = 7,
        .created_at_us = THEN_US,
        .updated_at_us = THEN_US + 1,
        .created_by = "ann",
        .updated_by = "bob",
        .comment = "why",
    };

    return row;
}

static struct way_wish wish_of(enum way_wish_kind kind, const char *target)
{
    struct way_wish wish = {.kind = kind, .key = key_of("example.org"), .actor = "eve"};

    if (target != NULL && kind != WAY_WISH_DELETE) {
        wish.has_target = true;
        wish.target.host = key_of(target);
    }
    return wish;
}

static void set_comment(struct way_wish *wish, const char *comment)
{
    wish->has_comment = true;
    (void)snprintf(wish->comment, sizeof wish->comment, "%s", comment);
}

static void set_enabled(struct way_wish *wish, bool enabled)
{
    wish->has_enabled = true;
    wish->enabled = enabled;
}

/* --- kind x presence x preconditions x content ------------------------------------------------ */

enum precondition {
    NO_CONDITION,
    MATCH_ANY,      /* If-Match: * */
    MATCH_RIGHT,    /* the row's tag, behind another one */
    MATCH_WRONG,    /* the tag of another version */
    MATCH_WEAK,     /* only weak tags, which the reader leaves out */
    MUST_BE_FREE,   /* If-None-Match: * */
    RIGHT_AND_FREE, /* both headers */
    PRECONDITION_COUNT
};

static void set_precondition(struct way_wish *wish, enum precondition precondition)
{
    struct way_precondition *out = &wish->precondition;
    struct way_override row = stored_row();

    switch (precondition) {
    case MATCH_ANY:
        out->has_if_match = true;
        out->if_match_any = true;
        break;
    case MATCH_RIGHT:
    case RIGHT_AND_FREE:
        out->has_if_match = true;
        out->if_match_count = 2;
        (void)snprintf(out->if_match[0], sizeof out->if_match[0], "\"1-2\"");
        way_override_etag(&row, out->if_match[1]);
        out->if_none_match_any = precondition == RIGHT_AND_FREE;
        break;
    case MATCH_WRONG:
        out->has_if_match = true;
        out->if_match_count = 1;
        row.revision--;
        way_override_etag(&row, out->if_match[0]);
        break;
    case MATCH_WEAK:
        out->has_if_match = true;
        break;
    case MUST_BE_FREE:
        out->if_none_match_any = true;
        break;
    case NO_CONDITION:
    case PRECONDITION_COUNT:
        break;
    }
}

/* C created, H changed, N nothing changes, D deleted; 4 not found, S stale, E exists. */
static char judge(const struct way_wish *wish, const struct way_override *current)
{
    static const char verdicts[] = {[WAY_VERDICT_NONE] = 'N',
                                    [WAY_VERDICT_CREATED] = 'C',
                                    [WAY_VERDICT_CHANGED] = 'H',
                                    [WAY_VERDICT_DELETED] = 'D'};
    struct way_override after;
    enum way_verdict verdict;
    struct way_error err = {.status = WAY_OK};
    enum way_status status = way_wish_judge(wish, current, NOW_US, &verdict, &after, &err);

    assert_int_equal(err.status, status);
    if (status == WAY_OK) {
        return verdicts[verdict];
    }
    assert_int_not_equal(err.detail[0], '\0');
    if (status == WAY_NOT_FOUND) {
        return '4';
    }
    if (status == WAY_STALE) {
        return 'S';
    }
    return status == WAY_EXISTS ? 'E' : '?';
}

static void every_wish_meets_every_row_under_every_precondition(void **state)
{
    static const struct {
        const char *label;
        enum way_wish_kind kind;
        bool is_there, is_same;
        const char *want; /* [precondition] */
    } cases[] = {
        {"create, absent", WAY_WISH_CREATE, false, false, "CSSSSCS"},
        {"create, there", WAY_WISH_CREATE, true, false, "EEESSSS"},
        {"create, there with the same content", WAY_WISH_CREATE, true, true, "EEESSSS"},
        {"put, absent", WAY_WISH_PUT, false, false, "CSSSSCS"},
        {"put, there", WAY_WISH_PUT, true, false, "HHHSSSS"},
        {"put, there with the same content", WAY_WISH_PUT, true, true, "NNNSSSS"},
        {"patch, absent", WAY_WISH_PATCH, false, false, "4444444"},
        {"patch, there", WAY_WISH_PATCH, true, false, "HHHSSSS"},
        {"patch, there with the same content", WAY_WISH_PATCH, true, true, "NNNSSSS"},
        {"delete, absent", WAY_WISH_DELETE, false, false, "4444444"},
        {"delete, there", WAY_WISH_DELETE, true, false, "DDDSSSS"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        char got[PRECONDITION_COUNT + 1] = "";

        print_message("    %s\n", cases[i].label);
        for (unsigned at = 0; at < PRECONDITION_COUNT; at++) {
            struct way_override row = stored_row();
            struct way_wish wish =
                wish_of(cases[i].kind, cases[i].is_same ? "old.example.net" : "new.example.net");

            set_comment(&wish, "why");
            set_precondition(&wish, (enum precondition)at);
            got[at] = judge(&wish, cases[i].is_there ? &row : NULL);
        }
        assert_string_equal(got, cases[i].want);
    }
}

/* --- what becomes of the row ------------------------------------------------------------------ */

static void a_new_row_has_the_defaults(void **state)
{
    static const enum way_wish_kind kinds[] = {WAY_WISH_CREATE, WAY_WISH_PUT};

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(kinds); i++) {
        struct way_wish wish = wish_of(kinds[i], "new.example.net");
        struct way_override after;
        enum way_verdict verdict;

        assert_int_equal(way_wish_judge(&wish, NULL, NOW_US, &verdict, &after, NULL), WAY_OK);
        assert_int_equal(verdict, WAY_VERDICT_CREATED);
        assert_string_equal(after.lookup_key.text, "example.org");
        assert_string_equal(after.target.host.text, "new.example.net");
        assert_true(after.is_enabled);
        assert_string_equal(after.comment, "");
        assert_int_equal(after.created_at_us, NOW_US);
        assert_int_equal(after.updated_at_us, NOW_US);
        assert_string_equal(after.created_by, "eve");
        assert_string_equal(after.updated_by, "eve");
    }
}

static void put_replaces_and_keeps_who_created_it(void **state)
{
    struct way_override row = stored_row();
    struct way_wish wish = wish_of(WAY_WISH_PUT, "new.example.net");
    struct way_override after;
    enum way_verdict verdict;

    (void)state;
    row.is_enabled = false;
    assert_int_equal(way_wish_judge(&wish, &row, NOW_US, &verdict, &after, NULL), WAY_OK);
    assert_int_equal(verdict, WAY_VERDICT_CHANGED);
    assert_string_equal(after.target.host.text, "new.example.net");
    assert_true(after.is_enabled);
    assert_string_equal(after.comment, "");
    assert_int_equal(after.created_at_us, THEN_US);
    assert_string_equal(after.created_by, "ann");
    assert_int_equal(after.updated_at_us, NOW_US);
    assert_string_equal(after.updated_by, "eve");
}

static void put_of_omitted_fields_changes_what_was_not_the_default(void **state)
{
    static const struct {
        const char *label, *comment;
        bool is_enabled;
        enum way_verdict want;
    } cases[] = {
        {"all are the defaults already", "", true, WAY_VERDICT_NONE},
        {"a comment goes", "why", true, WAY_VERDICT_CHANGED},
        {"a disabled row is enabled", "", false, WAY_VERDICT_CHANGED},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_override row = stored_row();
        struct way_wish wish = wish_of(WAY_WISH_PUT, "old.example.net");
        struct way_override after;
        enum way_verdict verdict;

        print_message("    %s\n", cases[i].label);
        (void)snprintf(row.comment, sizeof row.comment, "%s", cases[i].comment);
        row.is_enabled = cases[i].is_enabled;
        assert_int_equal(way_wish_judge(&wish, &row, NOW_US, &verdict, &after, NULL), WAY_OK);
        assert_int_equal(verdict, cases[i].want);
        assert_string_equal(after.comment, "");
        assert_true(after.is_enabled);
    }
}

static void patch_changes_what_it_names(void **state)
{
    static const struct {
        const char *label, *target, *comment;
        int enabled; /* -1: not named */
        enum way_verdict verdict;
        const char *want_target, *want_comment;
        bool want_enabled;
    } cases[] = {
        {"nothing", NULL, NULL, -1, WAY_VERDICT_NONE, "old.example.net", "why", true},
        {"the target", "new.example.net", NULL, -1, WAY_VERDICT_CHANGED, "new.example.net", "why",
         true},
        {"the comment", NULL, "because", -1, WAY_VERDICT_CHANGED, "old.example.net", "because",
         true},
        {"no comment any more", NULL, "", -1, WAY_VERDICT_CHANGED, "old.example.net", "", true},
        {"enabled", NULL, NULL, 0, WAY_VERDICT_CHANGED, "old.example.net", "why", false},
        {"what is so already", "old.example.net", "why", 1, WAY_VERDICT_NONE, "old.example.net",
         "why", true},
        {"everything", "new.example.net", "because", 0, WAY_VERDICT_CHANGED, "new.example.net",
         "because", false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_override row = stored_row();
        struct way_wish wish = wish_of(WAY_WISH_PATCH, cases[i].target);
        struct way_override after;
        enum way_verdict verdict;

        print_message("    %s\n", cases[i].label);
        if (cases[i].comment != NULL) {
            set_comment(&wish, cases[i].comment);
        }
        if (cases[i].enabled >= 0) {
            set_enabled(&wish, cases[i].enabled == 1);
        }
        assert_int_equal(way_wish_judge(&wish, &row, NOW_US, &verdict, &after, NULL), WAY_OK);
        assert_int_equal(verdict, cases[i].verdict);
        assert_string_equal(after.target.host.text, cases[i].want_target);
        assert_string_equal(after.comment, cases[i].want_comment);
        assert_int_equal(after.is_enabled, cases[i].want_enabled);
        assert_int_equal(after.created_at_us, THEN_US);
        assert_string_equal(after.created_by, "ann");
    }
}

static void a_wish_that_changes_nothing_gives_the_row_as_it_is(void **state)
{
    static const enum way_wish_kind kinds[] = {WAY_WISH_PUT, WAY_WISH_PATCH};

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(kinds); i++) {
        struct way_override row = stored_row();
        struct way_wish wish = wish_of(kinds[i], "old.example.net");
        struct way_override after;
        enum way_verdict verdict;

        set_comment(&wish, "why");
        assert_int_equal(way_wish_judge(&wish, &row, NOW_US, &verdict, &after, NULL), WAY_OK);
        assert_int_equal(verdict, WAY_VERDICT_NONE);
        assert_int_equal(after.revision, 7);
        assert_int_equal(after.updated_at_us, THEN_US + 1);
        assert_string_equal(after.updated_by, "bob");
    }
}

static void delete_gives_the_row_that_went(void **state)
{
    struct way_override row = stored_row();
    struct way_wish wish = wish_of(WAY_WISH_DELETE, NULL);
    struct way_override after;
    enum way_verdict verdict;

    (void)state;
    assert_int_equal(way_wish_judge(&wish, &row, NOW_US, &verdict, &after, NULL), WAY_OK);
    assert_int_equal(verdict, WAY_VERDICT_DELETED);
    assert_string_equal(after.lookup_key.text, "example.org");
    assert_string_equal(after.target.host.text, "old.example.net");
    assert_string_equal(after.comment, "why");
}

static void what_breaks_a_rule_is_refused(void **state)
{
    static const struct {
        const char *label;
        enum way_wish_kind kind;
        bool is_there;
        const char *target;
        const char *says;
    } cases[] = {
        {"create without a target", WAY_WISH_CREATE, false, NULL, "missing"},
        {"put without a target", WAY_WISH_PUT, false, NULL, "missing"},
        {"put without a target on a row that has one", WAY_WISH_PUT, true, NULL, "missing"},
        {"create of a target that is the key", WAY_WISH_CREATE, false, "example.org", "differ"},
        {"put of a target that is the key", WAY_WISH_PUT, true, "example.org", "differ"},
        {"patch to a target that is the key", WAY_WISH_PATCH, true, "example.org", "differ"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_override row = stored_row();
        struct way_wish wish = wish_of(cases[i].kind, cases[i].target);
        struct way_override after = {.revision = 99};
        enum way_verdict verdict = WAY_VERDICT_DELETED;
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(
            way_wish_judge(&wish, cases[i].is_there ? &row : NULL, NOW_US, &verdict, &after, &err),
            WAY_INVALID);
        assert_string_equal(err.field, "target_host");
        assert_non_null(strstr(err.detail, cases[i].says));
        assert_int_equal(after.revision, 99);
        assert_int_equal(verdict, WAY_VERDICT_DELETED);
    }
}

static void a_failed_precondition_comes_before_a_broken_rule(void **state)
{
    struct way_override row = stored_row();
    struct way_wish wish = wish_of(WAY_WISH_PUT, "example.org");
    struct way_override after;
    enum way_verdict verdict;

    (void)state;
    set_precondition(&wish, MATCH_WRONG);
    assert_int_equal(way_wish_judge(&wish, &row, NOW_US, &verdict, &after, NULL), WAY_STALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wish_meets_every_row_under_every_precondition),
        cmocka_unit_test(a_new_row_has_the_defaults),
        cmocka_unit_test(put_replaces_and_keeps_who_created_it),
        cmocka_unit_test(put_of_omitted_fields_changes_what_was_not_the_default),
        cmocka_unit_test(patch_changes_what_it_names),
        cmocka_unit_test(a_wish_that_changes_nothing_gives_the_row_as_it_is),
        cmocka_unit_test(delete_gives_the_row_that_went),
        cmocka_unit_test(what_breaks_a_rule_is_refused),
        cmocka_unit_test(a_failed_precondition_comes_before_a_broken_rule),
    };

    return cmocka_run_group_tests_name("model/change", tests, NULL, NULL);
}
