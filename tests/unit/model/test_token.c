/* SPDX-License-Identifier: MIT */
#include "model/token.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

/* The digests of "one", "two" and "three". */
#define ONE   "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
#define TWO   "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
#define THREE "8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f"
#define LONG  "a23456789012345678901234567890123456789012345678901234567890123" /* 63 characters */

static struct way_token_table table;

static enum way_status parse(const char *text, struct way_error *err)
{
    return way_tokens_parse(text, strlen(text), &table, err);
}

static void a_file_names_roles_and_digests(void **state)
{
    (void)state;
    assert_int_equal(parse("# who may\n\n  relay-1\treader  " ONE "\r\n"
                           "\t# more\nops editor " TWO "\nboss admin " THREE,
                           NULL),
                     WAY_OK);
    assert_int_equal(table.count, 3);
    assert_string_equal(table.tokens[0].name, "relay-1");
    assert_int_equal(table.tokens[0].role, WAY_ROLE_READER);
    assert_string_equal(table.tokens[2].name, "boss");
    assert_int_equal(table.tokens[2].role, WAY_ROLE_ADMIN);
}

static void a_file_without_tokens_lets_nobody_in(void **state)
{
    static const char *const files[] = {"\n", "# nothing yet", "  \t \n#\n"};

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(files); i++) {
        assert_int_equal(parse(files[i], NULL), WAY_OK);
        assert_int_equal(table.count, 0);
        assert_null(way_tokens_find(&table, "", 0));
        assert_null(way_tokens_find(&table, "one", 3));
    }
}

static void a_name_may_be_any_word(void **state)
{
    static const char *const names[] = {"a", "--", "a#b", "\"quoted\"", "~", (LONG "4")};

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(names); i++) {
        char line[256];

        (void)snprintf(line, sizeof line, "%s reader " ONE, names[i]);
        print_message("    %s\n", names[i]);
        assert_int_equal(parse(line, NULL), WAY_OK);
        assert_string_equal(table.tokens[0].name, names[i]);
    }
}

static void a_fault_is_told_with_its_line_and_the_whole_file_refused(void **state)
{
    static const struct {
        const char *label, *text, *says;
    } cases[] = {
        {"nothing at all", "", "the file is empty"},
        {"a secret alone", "wp_secret", "line 1: a line is"},
        {"two words", "a reader", "line 1: a line is"},
        {"four words", "a reader " ONE " # mine", "line 1: a line is"},
        {"an unknown role", "\n\na king " ONE, "line 3: the role"},
        {"a role in capitals", "a READER " ONE, "line 1: the role"},
        {"the beginning of a role", "a read " ONE, "line 1: the role"},
        {"a digest that is too short", "a reader abc", "line 1: the digest"},
        {"a digest that is cut", "a reader " ONE "\nb reader 3fc4", "line 2: the digest"},
        {"a digest that is too long", "a reader " ONE "0", "line 1: the digest"},
        {"a digit that is none",
         "a reader g692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
         "line 1: the digest"},
        {"a name twice", "a reader " ONE "\na admin " TWO, "line 2: another line has this name"},
        {"a digest twice", "a reader " ONE "\n#\nb admin " ONE,
         "line 3: another line has this digest"},
        {"nobody's name", "- reader " ONE, "line 1: the name -"},
        {"a name that is too long", LONG "45 reader " ONE, "line 1: a name has 1 to 64"},
        {"a name with other letters", "b\xc3\xbc reader " ONE, "line 1: a name is printable"},
        {"a name with a control byte", "a\x7f reader " ONE, "line 1: a name is printable"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(parse(cases[i].text, &err), WAY_INVALID);
        assert_string_equal(err.field, "tokens");
        if (strncmp(err.detail, cases[i].says, strlen(cases[i].says)) != 0) {
            fail_msg("\"%s\" does not begin with \"%s\"", err.detail, cases[i].says);
        }
        assert_null(strstr(err.detail, "secret"));
        assert_int_equal(table.count, 0);
        assert_int_equal(parse(cases[i].text, NULL), WAY_INVALID);
    }
    assert_int_equal(way_tokens_parse("a\0b reader " ONE, strlen(ONE) + 11, &table, NULL),
                     WAY_INVALID);
}

static void a_file_has_a_largest_size(void **state)
{
    char *text = malloc(WAY_TOKEN_FILE_MAX + 1);
    struct way_text lines;
    struct way_error err;

    (void)state;
    assert_non_null(text);
    memset(text, '#', WAY_TOKEN_FILE_MAX + 1);
    assert_int_equal(way_tokens_parse(text, WAY_TOKEN_FILE_MAX, &table, &err), WAY_OK);
    assert_int_equal(way_tokens_parse(text, WAY_TOKEN_FILE_MAX + 1, &table, &err), WAY_INVALID);
    assert_non_null(strstr(err.detail, "65536"));
    free(text);
    way_text_init(&lines, NULL, 0, WAY_TOKEN_FILE_MAX);
    for (unsigned i = 0; i < WAY_TOKENS_MAX; i++) {
        way_text_printf(&lines, "name-%u reader %064x\n", i, i);
    }
    assert_int_equal(way_tokens_parse(lines.data, lines.len, &table, &err), WAY_OK);
    assert_int_equal(table.count, WAY_TOKENS_MAX);
    way_text_puts(&lines, "one-more reader " ONE);
    assert_int_equal(way_tokens_parse(lines.data, lines.len, &table, &err), WAY_INVALID);
    assert_non_null(strstr(err.detail, "line 257: a file has at most 256"));
    way_text_fini(&lines);
}

static void a_secret_leads_to_its_name(void **state)
{
    static const struct {
        const char *secret, *name; /* name NULL: nobody's */
    } cases[] = {
        {"one", "first"}, {"two", "second"}, {"three", "third"}, {"four", NULL},
        {"", NULL},       {"On", NULL},      {"one ", NULL},     {ONE, NULL},
    };

    (void)state;
    assert_int_equal(
        parse("first reader " ONE "\nsecond editor " TWO "\nthird auditor " THREE, NULL), WAY_OK);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        const struct way_token *token =
            way_tokens_find(&table, cases[i].secret, strlen(cases[i].secret));

        print_message("    \"%s\"\n", cases[i].secret);
        if (cases[i].name == NULL) {
            assert_null(token);
        } else {
            assert_non_null(token);
            assert_string_equal(token->name, cases[i].name);
        }
    }
}

static void a_role_may_what_its_row_says(void **state)
{
    static const struct {
        const char *role;
        enum way_scope scope;
        bool may;
    } cases[] = {
        {"reader", WAY_SCOPE_READ, true},     {"reader", WAY_SCOPE_REVIEW, false},
        {"reader", WAY_SCOPE_CHANGE, false},  {"reader", WAY_SCOPE_ADMIN, false},
        {"editor", WAY_SCOPE_READ, true},     {"editor", WAY_SCOPE_REVIEW, true},
        {"editor", WAY_SCOPE_CHANGE, true},   {"editor", WAY_SCOPE_ADMIN, false},
        {"auditor", WAY_SCOPE_READ, true},    {"auditor", WAY_SCOPE_REVIEW, true},
        {"auditor", WAY_SCOPE_CHANGE, false}, {"auditor", WAY_SCOPE_ADMIN, false},
        {"admin", WAY_SCOPE_READ, true},      {"admin", WAY_SCOPE_REVIEW, true},
        {"admin", WAY_SCOPE_CHANGE, true},    {"admin", WAY_SCOPE_ADMIN, true},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        enum way_role role;

        print_message("    %s, %s\n", cases[i].role, way_scope_name(cases[i].scope));
        assert_true(way_role_parse(cases[i].role, strlen(cases[i].role), &role));
        assert_string_equal(way_role_name(role), cases[i].role);
        assert_int_equal(way_role_may(role, cases[i].scope), cases[i].may);
        assert_true(way_role_may(role, WAY_SCOPE_OPEN));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_names_roles_and_digests),
        cmocka_unit_test(a_file_without_tokens_lets_nobody_in),
        cmocka_unit_test(a_name_may_be_any_word),
        cmocka_unit_test(a_fault_is_told_with_its_line_and_the_whole_file_refused),
        cmocka_unit_test(a_file_has_a_largest_size),
        cmocka_unit_test(a_secret_leads_to_its_name),
        cmocka_unit_test(a_role_may_what_its_row_says),
    };

    return cmocka_run_group_tests_name("model/token", tests, NULL, NULL);
}
