/* SPDX-License-Identifier: MIT */
#include "model/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

#define TEXT(literal) (literal), sizeof(literal) - 1 /* NULs and all */

static void a_target_has_the_normal_form_of_a_key(void **state)
{
    static const struct {
        const char *label, *in;
        size_t len;
        const char *want;
    } cases[] = {
        {"a host", TEXT("Relay.Example.NET."), "relay.example.net"},
        {"blanks around", TEXT(" relay.example "), "relay.example"},
        {"an IPv4 address", TEXT("10.0.0.5"), "10.0.0.5"},
        {"a literal", TEXT("[10.0.0.5]"), "10.0.0.5"},
        {"an IPv6 address", TEXT("2001:DB8:0::25"), "2001:db8::25"},
        {"an IPv6 literal", TEXT("[IPv6:2001:db8::25]"), "2001:db8::25"},
        {"an IPv6 address that ends like a port", TEXT("2001:db8::1:25"), "2001:db8::1:25"},
        {"an international name", TEXT("bücher.example"), "xn--bcher-kva.example"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_target target;
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(way_target_parse(cases[i].in, cases[i].len, &target, &err), WAY_OK);
        assert_string_equal(target.host.text, cases[i].want);
    }
}

static void what_people_write_by_habit_is_named(void **state)
{
    static const struct {
        const char *label, *in;
        size_t len;
        const char *says;
    } cases[] = {
        {"nothing", TEXT(""), "empty"},
        {"blanks", TEXT("  "), "empty"},
        {"a port behind a name", TEXT("relay.example:25"), "without a port"},
        {"a port behind an IPv4 address", TEXT("10.0.0.5:2525"), "without a port"},
        {"a port behind a literal", TEXT("[10.0.0.5]:25"), "without a port"},
        {"a port behind an IPv6 literal", TEXT("[2001:db8::1]:25"), "without a port"},
        {"a colon and no port", TEXT("relay.example:"), "without a port"},
        {"a URL", TEXT("smtp://relay.example"), "not a URL"},
        {"a URL with a port", TEXT("smtp://relay.example:25"), "not a URL"},
        {"a URL with a path", TEXT("https://relay.example/mail"), "not a URL"},
        {"a scheme and a host", TEXT("smtp:relay.example"), "no scheme"},
        {"a path", TEXT("relay.example/x"), "not a URL"},
        {"a mail address", TEXT("user@relay.example"), "not a mail address"},
        {"a list with commas", TEXT("a.example, b.example"), "not a list"},
        {"a list with semicolons", TEXT("a.example;b.example"), "not a list"},
        {"a list with blanks", TEXT("a.example b.example"), "blank"},
        {"an address out of range", TEXT("10.0.0.256"), "IPv4"},
        {"a zone id", TEXT("fe80::1%eth0"), "zone"},
        {"brackets that do not pair", TEXT("[10.0.0.5"), "brackets"},
        {"NUL", TEXT("relay\0.example"), "0x00"},
        {"only NUL", TEXT("\0"), "0x00"},
        {"not UTF-8", TEXT("relay\xff.example"), "UTF-8"},
        {"a colon and nothing", TEXT(":"), "scheme"},
        {"a wildcard", TEXT("*.example"), "wildcard"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_target target;
        struct way_target before;
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        memset(&target, 0x5a, sizeof target);
        before = target;
        assert_int_equal(way_target_parse(cases[i].in, cases[i].len, &target, &err), WAY_INVALID);
        assert_int_equal(err.status, WAY_INVALID);
        assert_string_equal(err.field, "target_host");
        if (strstr(err.detail, cases[i].says) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.detail, cases[i].says);
        }
        assert_memory_equal(&target, &before, sizeof target);
        assert_int_equal(way_target_parse(cases[i].in, cases[i].len, &target, NULL), WAY_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_has_the_normal_form_of_a_key),
        cmocka_unit_test(what_people_write_by_habit_is_named),
    };

    return cmocka_run_group_tests_name("model/target", tests, NULL, NULL);
}
