/* SPDX-License-Identifier: MIT */
#include "model/override.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

#define TEXT(literal) (literal), sizeof(literal) - 1 /* NULs and all */

static struct way_key key_of(const char *text)
{
    struct way_key key;

    assert_int_equal(way_key_parse(text, strlen(text), &key, NULL), WAY_OK);
    return key;
}

static struct way_override sample(void)
{
    struct way_override row = {
        .lookup_key = key_of("example.org"),
        .target.host = key_of("relay.example.net"),
        .is_enabled = true,
        .revision = 7,
        .created_at_us = 1000,
        .updated_at_us = 2000,
        .created_by = "ann",
        .updated_by = "bob",
        .comment = "moved",
    };

    return row;
}

static void a_comment_is_a_piece_of_text(void **state)
{
    static const struct {
        const char *label, *in;
        size_t len;
        const char *says; /* NULL: accepted */
    } cases[] = {
        {"nothing", TEXT(""), NULL},
        {"words", TEXT("moved to the new relay"), NULL},
        {"any script", TEXT("Grüße, 日本, 🙂"), NULL},
        {"tab and line feed", TEXT("one\n\ttwo"), NULL},
        {"quotes and backslashes", TEXT("\"a\\b\""), NULL},
        {"NUL", TEXT("a\0b"), "0x00 at byte 1"},
        {"carriage return", TEXT("a\r\n"), "0x0d at byte 1"},
        {"escape", TEXT("\x1b[1m"), "0x1b at byte 0"},
        {"DEL", TEXT("ab\x7f"), "0x7f at byte 2"},
        {"Latin-1", TEXT("Gr\xfc\xdf"), "UTF-8"},
        {"overlong UTF-8", TEXT("\xe0\x80\x80"), "UTF-8"},
        {"a surrogate", TEXT("\xed\xbf\xbf"), "UTF-8"},
        {"cut UTF-8", TEXT("abc\xf0\x9f\x99"), "UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        char out[WAY_COMMENT_BYTES_MAX + 1] = "before";
        struct way_error err;
        enum way_status status = way_comment_parse(cases[i].in, cases[i].len, out, &err);

        print_message("    %s\n", cases[i].label);
        if (cases[i].says == NULL) {
            assert_int_equal(status, WAY_OK);
            assert_memory_equal(out, cases[i].in, cases[i].len + 1);
            continue;
        }
        assert_int_equal(status, WAY_INVALID);
        assert_string_equal(err.field, "comment");
        assert_non_null(strstr(err.detail, cases[i].says));
        assert_string_equal(out, "before");
    }
}

static void a_comment_is_measured_in_characters(void **state)
{
    static const struct {
        const char *label, *character;
    } cases[] = {
        {"one octet each", "a"},
        {"two", "ü"},
        {"three", "日"},
        {"four", "🙂"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        char in[(WAY_COMMENT_MAX + 1) * 4];
        char out[WAY_COMMENT_BYTES_MAX + 1];
        struct way_error err;
        size_t step = strlen(cases[i].character);

        print_message("    %s\n", cases[i].label);
        for (size_t j = 0; j <= WAY_COMMENT_MAX; j++) {
            memcpy(in + j * step, cases[i].character, step);
        }
        assert_int_equal(way_comment_parse(in, WAY_COMMENT_MAX * step, out, &err), WAY_OK);
        assert_int_equal(strlen(out), WAY_COMMENT_MAX * step);
        assert_int_equal(way_comment_parse(in, (WAY_COMMENT_MAX + 1) * step, out, &err),
                         WAY_INVALID);
        assert_string_equal(err.field, "comment");
        assert_non_null(strstr(err.detail, "1024"));
    }
}

static void a_target_must_differ_from_its_key(void **state)
{
    static const struct {
        const char *label, *key, *target;
        bool is_fine;
    } cases[] = {
        {"another name", "example.org", "relay.example.org", true},
        {"the same name", "example.org", "example.org", false},
        {"the same name in another spelling", "[Example.ORG.]", "example.org", false},
        {"the same address in another spelling", "2001:db8:0::1", "[IPv6:2001:DB8::1]", false},
        {"the mapped form is another address", "192.0.2.1", "::ffff:192.0.2.1", true},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_override row = sample();
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        row.lookup_key = key_of(cases[i].key);
        row.target.host = key_of(cases[i].target);
        if (cases[i].is_fine) {
            assert_int_equal(way_override_check(&row, &err), WAY_OK);
            continue;
        }
        assert_int_equal(way_override_check(&row, &err), WAY_INVALID);
        assert_string_equal(err.field, "target_host");
        assert_non_null(strstr(err.detail, "lookup_key"));
    }
}

/* --- what a change of a field means ----------------------------------------------------------- */

static void change_target(struct way_override *row)
{
    row->target.host = key_of("other.example.net");
}

static void lengthen_target(struct way_override *row)
{
    row->target.host = key_of("relay.example.netm");
    (void)snprintf(row->comment, sizeof row->comment, "oved");
}

static void change_comment(struct way_override *row)
{
    row->comment[0] = 'r';
}

static void empty_comment(struct way_override *row)
{
    row->comment[0] = '\0';
}

static void disable(struct way_override *row)
{
    row->is_enabled = false;
}

static void change_revision(struct way_override *row)
{
    row->revision++;
}

static void change_updated_at(struct way_override *row)
{
    row->updated_at_us++;
}

static void change_created_at(struct way_override *row)
{
    row->created_at_us++;
}

static void change_created_by(struct way_override *row)
{
    row->created_by[0] = 'x';
}

static void change_updated_by(struct way_override *row)
{
    row->updated_by[0] = 'x';
}

static void fill_behind_the_comment(struct way_override *row)
{
    memset(row->comment + strlen(row->comment) + 1, 'x', 100);
}

static void fill_behind_the_target(struct way_override *row)
{
    memset(row->target.host.text + row->target.host.len + 1, 'x', 10);
}

static void each_field_has_its_part_in_the_tag_and_in_the_content(void **state)
{
    static const struct {
        const char *label;
        void (*change)(struct way_override *row);
        bool is_other_tag, is_other_content;
    } cases[] = {
        {"the target", change_target, true, true},
        {"letters that move from comment to target", lengthen_target, true, true},
        {"the comment", change_comment, true, true},
        {"no comment", empty_comment, true, true},
        {"enabled", disable, true, true},
        {"the revision", change_revision, true, false},
        {"the time of the change", change_updated_at, true, false},
        {"the time of creation", change_created_at, false, false},
        {"who created it", change_created_by, false, false},
        {"who changed it", change_updated_by, false, false},
        {"what lies behind the comment", fill_behind_the_comment, false, false},
        {"what lies behind the target", fill_behind_the_target, false, false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_override row = sample();
        struct way_override changed = row;
        char before[WAY_ETAG_MAX];
        char after[WAY_ETAG_MAX];

        print_message("    %s\n", cases[i].label);
        cases[i].change(&changed);
        way_override_etag(&row, before);
        way_override_etag(&changed, after);
        assert_int_equal(strcmp(before, after) != 0, cases[i].is_other_tag);
        assert_int_equal(!way_override_same(&row, &changed), cases[i].is_other_content);
        assert_int_equal(!way_override_same(&changed, &row), cases[i].is_other_content);
    }
}

static void a_tag_is_strong_and_well_formed(void **state)
{
    static const uint64_t revisions[] = {0, 1, 255, UINT32_MAX, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(revisions); i++) {
        struct way_override row = sample();
        char tag[WAY_ETAG_MAX];
        size_t len;

        row.revision = revisions[i];
        way_override_etag(&row, tag);
        len = strlen(tag);
        assert_in_range(len, 3, WAY_ETAG_MAX - 1);
        assert_int_equal(tag[0], '"');
        assert_int_equal(tag[len - 1], '"');
        /* RFC 9110 8.8.3: no quote, blank or control byte inside */
        assert_int_equal(strspn(tag + 1, "0123456789abcdef-"), len - 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_comment_is_a_piece_of_text),
        cmocka_unit_test(a_comment_is_measured_in_characters),
        cmocka_unit_test(a_target_must_differ_from_its_key),
        cmocka_unit_test(each_field_has_its_part_in_the_tag_and_in_the_content),
        cmocka_unit_test(a_tag_is_strong_and_well_formed),
    };

    return cmocka_run_group_tests_name("model/override", tests, NULL, NULL);
}
