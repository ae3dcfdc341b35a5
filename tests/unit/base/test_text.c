/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

#define TEXT(literal) (literal), sizeof(literal) - 1 /* NULs and all */

/* --- the buffer ------------------------------------------------------------------------------- */

static void a_short_text_stays_in_lent_storage(void **state)
{
    char room[16];
    struct way_text text;

    (void)state;
    way_text_init(&text, room, sizeof room, 100);
    way_text_puts(&text, "0123456789abcde");
    assert_string_equal(way_text_string(&text), "0123456789abcde");
    assert_ptr_equal(text.data, room);
    way_text_putc(&text, 'f'); /* fits, and NUL does not any more */
    assert_ptr_equal(text.data, room);
    assert_string_equal(way_text_string(&text), "0123456789abcdef");
    assert_ptr_not_equal(text.data, room);
    assert_memory_equal(room, "0123456789abcdef", 16);
    way_text_fini(&text);
    way_text_fini(&text); /* again is fine */
}

static void a_text_grows_as_it_must(void **state)
{
    struct way_text text;
    const char *content;

    (void)state;
    way_text_init(&text, NULL, 0, (size_t)1024 * 1024);
    for (unsigned i = 0; i < 100000; i++) {
        way_text_putc(&text, (char)('a' + i % 26));
    }
    assert_int_equal(way_text_status(&text), WAY_OK);
    assert_int_equal(text.len, 100000);
    content = way_text_string(&text);
    for (unsigned i = 0; i < 100000; i++) {
        assert_int_equal(content[i], 'a' + i % 26);
    }
    assert_int_equal(content[100000], '\0');
    way_text_fini(&text);
}

static void the_first_append_over_the_limit_sticks(void **state)
{
    char room[8];
    struct way_text text;

    (void)state;
    for (unsigned is_lent = 0; is_lent < 2; is_lent++) {
        way_text_init(&text, is_lent == 1 ? room : NULL, is_lent == 1 ? sizeof room : 0, 8);
        way_text_append(&text, "12345678", 8);
        assert_int_equal(way_text_status(&text), WAY_OK);
        assert_int_equal(text.len, 8);
        way_text_append(&text, "", 0);
        assert_int_equal(way_text_status(&text), WAY_OK);
        way_text_putc(&text, '9');
        assert_int_equal(way_text_status(&text), WAY_TOO_LARGE);
        assert_int_equal(text.len, 8);
        way_text_clear(&text);
        assert_int_equal(way_text_status(&text), WAY_OK);
        way_text_puts(&text, "123456");
        way_text_puts(&text, "789"); /* all of it or nothing */
        way_text_putc(&text, 'x');   /* would fit by itself */
        assert_int_equal(way_text_status(&text), WAY_TOO_LARGE);
        assert_int_equal(text.len, 6);
        assert_memory_equal(text.data, "123456", 6);
        assert_string_equal(way_text_string(&text), "");
        way_text_fini(&text);
    }
}

static void octets_are_kept_as_they_are(void **state)
{
    struct way_text text;

    (void)state;
    way_text_init(&text, NULL, 0, 64);
    way_text_append(&text, TEXT("a\0b\xff"));
    way_text_putc(&text, '\0');
    assert_int_equal(text.len, 5);
    assert_memory_equal(way_text_string(&text), "a\0b\xff\0\0", 6);
    way_text_fini(&text);
}

static void numbers_are_written_in_decimal(void **state)
{
    static const struct {
        uint64_t number;
        const char *want;
    } cases[] = {
        {0, "0"},
        {9, "9"},
        {10, "10"},
        {4294967296, "4294967296"},
        {UINT64_MAX, "18446744073709551615"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_text text;

        way_text_init(&text, NULL, 0, 64);
        way_text_put_u64(&text, cases[i].number);
        assert_string_equal(way_text_string(&text), cases[i].want);
        way_text_fini(&text);
    }
}

static void formats_are_written_whole(void **state)
{
    char room[8];
    struct way_text text;

    (void)state;
    way_text_init(&text, room, sizeof room, 64);
    way_text_puts(&text, "a=");
    way_text_printf(&text, "%d", 7);
    assert_ptr_equal(text.data, room);
    way_text_printf(&text, " b=%s", "longer than the room");
    way_text_printf(&text, "%s", "");
    assert_string_equal(way_text_string(&text), "a=7 b=longer than the room");
    way_text_printf(&text, "%064d", 1);
    assert_int_equal(way_text_status(&text), WAY_TOO_LARGE);
    assert_int_equal(text.len, 26);
    way_text_fini(&text);
}

/* --- UTF-8 ------------------------------------------------------------------------------------ */

static void utf8_is_judged_by_rfc_3629(void **state)
{
    static const struct {
        const char *label, *in;
        size_t len;
        bool is_valid;
        size_t count; /* of characters */
    } cases[] = {
        {"nothing", TEXT(""), true, 0},
        {"ASCII", TEXT("mail"), true, 4},
        {"NUL", TEXT("a\0b"), true, 3},
        {"DEL", TEXT("\x7f"), true, 1},
        {"the first of two", TEXT("\xc2\x80"), true, 1},
        {"the last of two", TEXT("\xdf\xbf"), true, 1},
        {"the first of three", TEXT("\xe0\xa0\x80"), true, 1},
        {"the last before the surrogates", TEXT("\xed\x9f\xbf"), true, 1},
        {"the first behind the surrogates", TEXT("\xee\x80\x80"), true, 1},
        {"the last of three", TEXT("\xef\xbf\xbf"), true, 1},
        {"the first of four", TEXT("\xf0\x90\x80\x80"), true, 1},
        {"the last of all", TEXT("\xf4\x8f\xbf\xbf"), true, 1},
        {"a mixture", TEXT("aü日🙂z"), true, 5},
        {"a lone continuation", TEXT("\x80"), false, 0},
        {"the last continuation", TEXT("\xbf"), false, 0},
        {"overlong slash, two octets", TEXT("\xc0\xaf"), false, 0},
        {"overlong, two octets", TEXT("\xc1\xbf"), false, 0},
        {"overlong, three octets", TEXT("\xe0\x9f\xbf"), false, 0},
        {"overlong NUL, three octets", TEXT("\xe0\x80\x80"), false, 0},
        {"overlong, four octets", TEXT("\xf0\x8f\xbf\xbf"), false, 0},
        {"the first surrogate", TEXT("\xed\xa0\x80"), false, 0},
        {"the last surrogate", TEXT("\xed\xbf\xbf"), false, 0},
        {"a pair of surrogates", TEXT("\xed\xa0\xbd\xed\xb9\x82"), false, 0},
        {"above Unicode", TEXT("\xf4\x90\x80\x80"), false, 0},
        {"five octets", TEXT("\xf8\x88\x80\x80\x80"), false, 0},
        {"0xfe", TEXT("\xfe"), false, 0},
        {"0xff", TEXT("\xff"), false, 0},
        {"two octets cut", TEXT("\xc3"), false, 0},
        {"three octets cut", TEXT("\xe6\x97"), false, 0},
        {"four octets cut", TEXT("\xf0\x9f\x99"), false, 0},
        {"a bad second octet", TEXT("\xc3("), false, 0},
        {"a bad third octet", TEXT("\xe6\x97("), false, 0},
        {"a bad fourth octet", TEXT("\xf0\x9f\x99("), false, 0},
        {"a third octet that starts another", TEXT("\xe6\x97\xc3"), false, 0},
        {"bad at the end", TEXT("mail\xff"), false, 0},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        char *in =
            malloc(cases[i].len > 0 ? cases[i].len : 1); /* on the heap, so that overruns show */

        print_message("    %s\n", cases[i].label);
        assert_non_null(in);
        memcpy(in, cases[i].in, cases[i].len);
        assert_int_equal(way_utf8_is_valid(in, cases[i].len), cases[i].is_valid);
        if (cases[i].is_valid) {
            assert_int_equal(way_utf8_count(in, cases[i].len), cases[i].count);
        }
        free(in);
    }
}

/* Encodes a code point the plain way, surrogates and all. */
static size_t encode(uint32_t point, char out[static 4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

static void every_code_point_but_surrogates_is_valid(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x110400; point++) {
        char octets[4];
        size_t len = encode(point, octets);
        bool want = point < 0x110000 && (point < 0xd800 || point > 0xdfff);

        if (way_utf8_is_valid(octets, len) != want || way_utf8_count(octets, len) != 1 ||
            (len > 1 && way_utf8_is_valid(octets, len - 1))) {
            fail_msg("U+%04X", (unsigned)point);
        }
    }
}

static void every_pair_of_octets_is_judged_alike_by_a_table(void **state)
{
    size_t valid = 0;

    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            const char octets[2] = {(char)first, (char)second};

            valid += way_utf8_is_valid(octets, 2);
        }
    }
    assert_int_equal(valid, 128 * 128 + 0x800 - 0x80);
}

/* --- octets ----------------------------------------------------------------------------------- */

static void control_bytes_and_letters_are_those_of_ascii(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool is_upper = byte >= 'A' && byte <= 'Z';
        bool is_lower = byte >= 'a' && byte <= 'z';

        assert_int_equal(way_byte_is_control((char)byte), byte < 0x20 || byte == 0x7f);
        assert_int_equal(way_ascii_lower((char)byte), (char)(is_upper ? byte + 32 : byte));
        assert_int_equal(way_ascii_upper((char)byte), (char)(is_lower ? byte - 32 : byte));
    }
}

static void words_are_compared_without_case(void **state)
{
    static const struct {
        const char *a, *b;
        bool want;
    } cases[] = {
        {"", "", true},       {"abc", "ABC", true}, {"aBc-1", "AbC-1", true}, {"abc", "abd", false},
        {"abc", "ab", false}, {"ü", "Ü", false},    {"[", "{", false},        {"@", "`", false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        assert_int_equal(
            way_ascii_equal_nocase(cases[i].a, strlen(cases[i].a), cases[i].b, strlen(cases[i].b)),
            cases[i].want);
    }
}

static void numbers_are_read_strictly(void **state)
{
    static const struct {
        const char *label, *in;
        size_t len;
        uint64_t max;
        bool is_fine;
        uint64_t want;
    } cases[] = {
        {"zero", TEXT("0"), 10, true, 0},
        {"a number", TEXT("1000"), 1000, true, 1000},
        {"leading zeros", TEXT("007"), 10, true, 7},
        {"the largest", TEXT("18446744073709551615"), UINT64_MAX, true, UINT64_MAX},
        {"many leading zeros", TEXT("0000000000000000000000000000001"), 1, true, 1},
        {"over the limit", TEXT("1001"), 1000, false, 0},
        {"one more than the largest", TEXT("18446744073709551616"), UINT64_MAX, false, 0},
        {"ten times the largest", TEXT("184467440737095516150"), UINT64_MAX, false, 0},
        {"twenty nines", TEXT("99999999999999999999"), UINT64_MAX, false, 0},
        {"nothing", TEXT(""), 10, false, 0},
        {"a sign", TEXT("+1"), 10, false, 0},
        {"a minus", TEXT("-1"), 10, false, 0},
        {"a blank in front", TEXT(" 1"), 10, false, 0},
        {"a blank behind", TEXT("1 "), 10, false, 0},
        {"hexadecimal", TEXT("0x1"), 10, false, 0},
        {"a fraction", TEXT("1.0"), 10, false, 0},
        {"an exponent", TEXT("1e1"), 10, false, 0},
        {"NUL behind", TEXT("1\0"), 10, false, 0},
        {"the octet before 0", TEXT("/"), 100, false, 0},
        {"the octet behind 9", TEXT(":"), 100, false, 0},
        {"a high octet", TEXT("\xb1"), 1000, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        uint64_t out = 4711;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(way_u64_parse(cases[i].in, cases[i].len, cases[i].max, &out),
                         cases[i].is_fine);
        assert_int_equal(out, cases[i].is_fine ? cases[i].want : 4711);
    }
}

static void a_hexadecimal_digit_has_a_value_in_either_case(void **state)
{
    static const char digits[] = "0123456789abcdefABCDEF";

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char *at = byte == 0 ? NULL : strchr(digits, byte);
        int want = at == NULL ? -1 : (int)(at - digits);

        assert_int_equal(way_hex_digit((char)byte), want > 15 ? want - 6 : want);
    }
}

static void what_is_on_the_heap_comes_out_of_a_budget(void **state)
{
    enum { SPARE = 1024, MAX = 64 * 1024, HALF = MAX / 2 };
    struct way_budget budget;
    struct way_text first;
    struct way_text second;
    char block[SPARE] = {0};

    (void)state;
    way_budget_init(&budget, MAX);
    way_text_init(&first, NULL, 0, (size_t)4 * MAX);
    way_text_charge(&first, &budget, SPARE);
    way_text_append(&first, block, sizeof block);
    assert_int_equal(way_budget_used(&budget), 0); /* not more than is spare */
    way_text_putc(&first, 'x');
    assert_int_equal(way_budget_used(&budget), first.capacity);
    while (first.len < HALF) {
        way_text_append(&first, block, sizeof block / 2);
    }
    assert_int_equal(way_budget_used(&budget), first.capacity);

    way_text_init(&second, NULL, 0, (size_t)4 * MAX);
    way_text_charge(&second, &budget, 0);
    while (way_text_status(&second) == WAY_OK) {
        way_text_append(&second, block, sizeof block);
    }
    assert_int_equal(way_text_status(&second), WAY_NO_MEMORY);
    assert_true(second.is_starved);
    assert_int_equal(way_budget_used(&budget), first.capacity + second.capacity);
    way_text_clear(&second); /* keeps its storage, so it is still counted */
    assert_int_equal(way_budget_used(&budget), first.capacity + second.capacity);
    way_text_fini(&first);
    assert_int_equal(way_budget_used(&budget), second.capacity);
    way_text_fini(&second);
    way_text_fini(&second);
    assert_int_equal(way_budget_used(&budget), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_text_stays_in_lent_storage),
        cmocka_unit_test(a_text_grows_as_it_must),
        cmocka_unit_test(the_first_append_over_the_limit_sticks),
        cmocka_unit_test(octets_are_kept_as_they_are),
        cmocka_unit_test(numbers_are_written_in_decimal),
        cmocka_unit_test(formats_are_written_whole),
        cmocka_unit_test(utf8_is_judged_by_rfc_3629),
        cmocka_unit_test(every_code_point_but_surrogates_is_valid),
        cmocka_unit_test(every_pair_of_octets_is_judged_alike_by_a_table),
        cmocka_unit_test(control_bytes_and_letters_are_those_of_ascii),
        cmocka_unit_test(words_are_compared_without_case),
        cmocka_unit_test(numbers_are_read_strictly),
        cmocka_unit_test(what_is_on_the_heap_comes_out_of_a_budget),
        cmocka_unit_test(a_hexadecimal_digit_has_a_value_in_either_case),
    };

    return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}
