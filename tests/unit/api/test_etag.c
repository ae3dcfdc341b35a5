/* SPDX-License-Identifier: MIT */
#include "api/etag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

/* "*" for any; else the tags, one behind the other. */
static void describe(const struct way_precondition *precondition, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    if (precondition->if_match_any) {
        len += (size_t)snprintf(out, size, "*");
    }
    for (size_t i = 0; i < precondition->if_match_count; i++) {
        len += (size_t)snprintf(out + len, size - len, "%s", precondition->if_match[i]);
        assert_in_range(len, 0, size - 1);
    }
}

static void if_match_is_a_list_of_strong_tags(void **state)
{
    static const struct {
        const char *label, *value, *want; /* NULL: refused */
    } cases[] = {
        {"anything", "*", "*"},
        {"anything, with blanks", " *\t", "*"},
        {"one tag", "\"7-abc\"", "\"7-abc\""},
        {"two", "\"a\", \"b\"", "\"a\"\"b\""},
        {"without a blank", "\"a\",\"b\"", "\"a\"\"b\""},
        {"with blanks, tabs and empty elements", " ,\t\"a\" , ,\"b\",", "\"a\"\"b\""},
        {"an empty tag", "\"\"", "\"\""},
        {"a comma inside", "\"a,b\"", "\"a,b\""},
        {"a star that is a tag", "\"*\"", "\"*\""},
        {"a weak one matches nothing", "W/\"a\"", ""},
        {"a weak one beside a strong one", "W/\"a\", \"b\"", "\"b\""},
        {"one too long to be ours", "\"0123456789012345678901234567890123456789\", \"b\"", "\"b\""},
        {"the longest that could be ours", "\"0123456789012345678901234567890123456\"",
         "\"0123456789012345678901234567890123456\""},
        {"nothing", "", ""},
        {"only a comma", ",", ""},
        {"without quotes", "7-abc", NULL},
        {"a quote that is not closed", "\"a", NULL},
        {"only a quote", "\"", NULL},
        {"a weak mark alone", "W/", NULL},
        {"a weak mark without quotes", "W/a", NULL},
        {"a weak mark in lower case", "w/\"a\"", NULL},
        {"something behind the quote", "\"a\"b", NULL},
        {"a second tag without quotes", "\"a\", b", NULL},
        {"two tags without a separator", "\"a\"\"b\"", NULL},
        {"a star among tags", "\"a\", *", NULL},
        {"two stars", "*, *", NULL},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_headers headers = {.if_match = cases[i].value};
        struct way_precondition precondition;
        struct way_error err;
        char got[WAY_IF_MATCH_MAX * WAY_ETAG_MAX];
        enum way_status status;

        print_message("    %s\n", cases[i].label);
        memset(&precondition, 0x5a, sizeof precondition);
        status = api_etag_read_precondition(&headers, &precondition, &err);
        if (cases[i].want == NULL) {
            assert_int_equal(status, WAY_MALFORMED);
            assert_non_null(strstr(err.detail, "If-Match"));
            continue;
        }
        assert_int_equal(status, WAY_OK);
        assert_true(precondition.has_if_match);
        assert_false(precondition.if_none_match_any);
        describe(&precondition, got, sizeof got);
        assert_string_equal(got, cases[i].want);
    }
}

static void if_match_is_bounded(void **state)
{
    char value[256] = "";
    struct api_headers headers = {.if_match = value};
    struct way_precondition precondition;
    struct way_error err;

    (void)state;
    for (unsigned i = 0; i < WAY_IF_MATCH_MAX; i++) {
        size_t len = strlen(value);

        (void)snprintf(value + len, sizeof value - len, "\"%u\", W/\"x\", ", i);
    }
    assert_int_equal(api_etag_read_precondition(&headers, &precondition, &err), WAY_OK);
    assert_int_equal(precondition.if_match_count, WAY_IF_MATCH_MAX);
    (void)snprintf(value + strlen(value), sizeof value - strlen(value), "\"more\"");
    assert_int_equal(api_etag_read_precondition(&headers, &precondition, &err), WAY_MALFORMED);
    assert_non_null(strstr(err.detail, "8"));
}

static void if_none_match_of_a_write_is_a_star(void **state)
{
    static const struct {
        const char *label, *none_match, *match;
        bool is_fine, want_any;
    } cases[] = {
        {"neither header", NULL, NULL, true, false},
        {"a star", "*", NULL, true, true},
        {"a star with blanks", " * ", NULL, true, true},
        {"a star beside If-Match", "*", "\"a\"", true, true},
        {"a tag", "\"a\"", NULL, false, false},
        {"nothing", "", NULL, false, false},
        {"two stars", "*,*", NULL, false, false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_headers headers = {.if_none_match = cases[i].none_match,
                                      .if_match = cases[i].match};
        struct way_precondition precondition;
        struct way_error err;
        enum way_status status;

        print_message("    %s\n", cases[i].label);
        memset(&precondition, 0x5a, sizeof precondition);
        status = api_etag_read_precondition(&headers, &precondition, &err);
        if (!cases[i].is_fine) {
            assert_int_equal(status, WAY_MALFORMED);
            assert_non_null(strstr(err.detail, "If-None-Match"));
            continue;
        }
        assert_int_equal(status, WAY_OK);
        assert_int_equal(precondition.if_none_match_any, cases[i].want_any);
        assert_int_equal(precondition.has_if_match, cases[i].match != NULL);
        assert_int_equal(precondition.if_match_count, cases[i].match != NULL ? 1 : 0);
        assert_false(precondition.if_match_any);
    }
}

/* RFC 9110 13.1.2: weak comparison. */
static void a_read_knows_its_tag_again(void **state)
{
    static const struct {
        const char *label, *header, *tag;
        bool want;
    } cases[] = {
        {"no header", NULL, "\"a\"", false},
        {"anything", "*", "\"a\"", true},
        {"anything, with blanks", "\t* ", "\"a\"", true},
        {"the tag", "\"a\"", "\"a\"", true},
        {"another", "\"b\"", "\"a\"", false},
        {"a longer one", "\"ab\"", "\"a\"", false},
        {"a shorter one", "\"a\"", "\"ab\"", false},
        {"among others", "\"x\", \"a\" , \"y\"", "\"a\"", true},
        {"weak and strong are one", "W/\"a\"", "\"a\"", true},
        {"strong and weak are one", "\"a\"", "W/\"a\"", true},
        {"weak and weak", "W/\"x\",W/\"a\"", "W/\"a\"", true},
        {"another weak one", "W/\"b\"", "W/\"a\"", false},
        {"without quotes", "a", "\"a\"", false},
        {"behind something broken", "a, \"a\"", "\"a\"", false},
        {"nothing", "", "\"a\"", false},
        {"in another case", "\"A\"", "\"a\"", false},
        {"longer than any of ours", "\"0123456789012345678901234567890123456789\", \"a\"", "\"a\"",
         true},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("    %s\n", cases[i].label);
        assert_int_equal(api_etag_is_known(cases[i].header, cases[i].tag), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(if_match_is_a_list_of_strong_tags),
        cmocka_unit_test(if_match_is_bounded),
        cmocka_unit_test(if_none_match_of_a_write_is_a_star),
        cmocka_unit_test(a_read_knows_its_tag_again),
    };

    return cmocka_run_group_tests_name("api/etag", tests, NULL, NULL);
}
