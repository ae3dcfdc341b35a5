/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

#define TEXT(literal) (literal), sizeof(literal) - 1 /* NULs and all */
#define LOST          "\\ufffd"                      /* stands for octets that are no UTF-8 */

static void a_string_is_quoted_and_escaped(void **state)
{
    static const struct {
        const char *label, *in;
        size_t len;
        const char *want;
    } cases[] = {
        {"nothing", TEXT(""), "\"\""},
        {"words", TEXT("mail.example"), "\"mail.example\""},
        {"quotes", TEXT("a\"b"), "\"a\\\"b\""},
        {"backslashes", TEXT("a\\b\\"), "\"a\\\\b\\\\\""},
        {"slashes stay", TEXT("a/b"), "\"a/b\""},
        {"line feed and tab", TEXT("a\nb\tc"), "\"a\\nb\\tc\""},
        {"NUL", TEXT("a\0b"), "\"a\\u0000b\""},
        {"control bytes", TEXT("\x01\r\x1b\x1f"), "\"\\u0001\\u000d\\u001b\\u001f\""},
        {"DEL", TEXT("\x7f"), "\"\\u007f\""},
        {"two octets", TEXT("ü"), "\"ü\""},
        {"three", TEXT("日本"), "\"日本\""},
        {"four", TEXT("🙂"), "\"🙂\""},
        {"between others", TEXT("aüb\"c"), "\"aüb\\\"c\""},
        {"Latin-1", TEXT("Gr\xfc\xdf e"), "\"Gr" LOST LOST " e\""},
        {"a lone continuation", TEXT("a\x80z"), "\"a" LOST "z\""},
        {"overlong", TEXT("\xc0\xaf"), "\"" LOST LOST "\""},
        {"a surrogate", TEXT("\xed\xa0\x80"), "\"" LOST LOST LOST "\""},
        {"above Unicode", TEXT("\xf4\x90\x80\x80"), "\"" LOST LOST LOST LOST "\""},
        {"two octets cut", TEXT("a\xc3"), "\"a" LOST "\""},
        {"four octets cut", TEXT("a\xf0\x9f\x99"), "\"a" LOST LOST LOST "\""},
        {"cut by a quote", TEXT("\xe6\x97\"x"), "\"" LOST LOST "\\\"x\""},
        {"good behind bad", TEXT("\xffü"), "\"" LOST "ü\""},
        {"0xff and 0xfe", TEXT("\xff\xfe"), "\"" LOST LOST "\""},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        char *in = malloc(cases[i].len + 1); /* on the heap, so that overruns show */
        struct way_text text;

        print_message("    %s\n", cases[i].label);
        assert_non_null(in);
        memcpy(in, cases[i].in, cases[i].len);
        way_text_init(&text, NULL, 0, 4096);
        way_json_string(&text, in, cases[i].len);
        assert_string_equal(way_text_string(&text), cases[i].want);
        way_text_fini(&text);
        free(in);
    }
}

static void every_octet_gives_valid_text(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            const char in[] = {(char)first, (char)second, 'a'};
            char room[64];
            struct way_text text;

            way_text_init(&text, room, sizeof room, sizeof room);
            way_json_string(&text, in, sizeof in);
            assert_int_equal(way_text_status(&text), WAY_OK);
            assert_true(way_utf8_is_valid(text.data, text.len));
            for (size_t i = 0; i < text.len; i++) {
                assert_false(way_byte_is_control(text.data[i]));
            }
            assert_memory_equal(text.data + text.len - 2, "a\"", 2);
        }
    }
}

static void members_are_separated(void **state)
{
    struct way_text text;

    (void)state;
    way_text_init(&text, NULL, 0, 4096);
    way_text_putc(&text, '{');
    way_json_member_string(&text, "a", "x");
    way_json_member_bytes(&text, "b", "yz", 1);
    way_json_member_u64(&text, "c", UINT64_MAX);
    way_json_member_u64(&text, "d", 0);
    way_json_member_bool(&text, "e", true);
    way_json_member_bool(&text, "f", false);
    way_json_name(&text, "g");
    way_text_putc(&text, '[');
    for (unsigned i = 0; i < 3; i++) {
        way_json_separate(&text);
        way_text_putc(&text, '{');
        way_json_member_u64(&text, "n", i);
        way_text_putc(&text, '}');
    }
    way_text_puts(&text, "]}");
    assert_string_equal(way_text_string(&text),
                        "{\"a\":\"x\",\"b\":\"y\",\"c\":18446744073709551615,\"d\":0,\"e\":true,"
                        "\"f\":false,\"g\":[{\"n\":0},{\"n\":1},{\"n\":2}]}");
    way_text_fini(&text);
}

static void nothing_is_separated_from_nothing(void **state)
{
    struct way_text text;

    (void)state;
    way_text_init(&text, NULL, 0, 64);
    way_json_separate(&text);
    assert_int_equal(text.len, 0);
    way_json_string(&text, "[", 1);
    way_json_separate(&text); /* the bracket is inside the string */
    assert_string_equal(way_text_string(&text), "\"[\",");
    way_text_fini(&text);
}

static void a_full_text_says_so(void **state)
{
    struct way_text text;

    (void)state;
    way_text_init(&text, NULL, 0, 8);
    way_json_member_string(&text, "name", "a value that does not fit");
    assert_int_equal(way_text_status(&text), WAY_TOO_LARGE);
    assert_in_range(text.len, 0, 8);
    way_text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_is_quoted_and_escaped),
        cmocka_unit_test(every_octet_gives_valid_text),
        cmocka_unit_test(members_are_separated),
        cmocka_unit_test(nothing_is_separated_from_nothing),
        cmocka_unit_test(a_full_text_says_so),
    };

    return cmocka_run_group_tests_name("api/json", tests, NULL, NULL);
}
