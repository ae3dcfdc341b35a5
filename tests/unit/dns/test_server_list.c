/* SPDX-License-Identifier: MIT */
#include "dns/server_list.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

/* "ADDRESS PORT" of each server, one a line. */
static void format(const struct way_dns_server_list *list, char *out, size_t bytes)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        const struct way_dns_server *server = &list->servers[i];
        char address[INET6_ADDRSTRLEN];

        assert_non_null(inet_ntop(server->is_ipv6 ? AF_INET6 : AF_INET, server->address, address,
                                  sizeof address));
        used += (size_t)snprintf(out + used, bytes - used, "%s %u\n", address, server->port);
    }
}

static void lists_are_read(void **state)
{
    static const struct {
        const char *label, *text, *want;
    } cases[] = {
        {"an IPv4 address", "192.0.2.1", "192.0.2.1 53\n"},
        {"with a port", "192.0.2.1:5353", "192.0.2.1 5353\n"},
        {"an IPv6 address", "2001:db8::1", "2001:db8::1 53\n"},
        {"in brackets", "[2001:db8::1]", "2001:db8::1 53\n"},
        {"in brackets, with a port", "[::1]:65535", "::1 65535\n"},
        {"several, in their order", "192.0.2.2,::1,192.0.2.1:54",
         "192.0.2.2 53\n::1 53\n192.0.2.1 54\n"},
        {"as many as may be", "::1,::2,::3,::4,::5,::6,::7,::8",
         "::1 53\n::2 53\n::3 53\n::4 53\n::5 53\n::6 53\n::7 53\n::8 53\n"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_dns_server_list list;
        char text[256];

        print_message("    %s\n", cases[i].label);
        assert_int_equal(way_dns_server_list_parse(cases[i].text, &list, NULL), WAY_OK);
        format(&list, text, sizeof text);
        assert_string_equal(text, cases[i].want);
    }
}

static void wrong_lists_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "the IP address"},
        {",", "the IP address"},
        {"192.0.2.1,", "the IP address"},
        {"localhost", "not the IP address of a DNS server: localhost"},
        {" 192.0.2.1", "the IP address"},
        {"192.0.2.1 ", "the IP address"},
        {"192.0.2", "the IP address"},
        {"192.0.2.256", "the IP address"},
        {"010.0.0.1", "the IP address"},
        {"192.0.2.1:", "port"},
        {"192.0.2.1:0", "port"},
        {"192.0.2.1:65536", "port"},
        {"192.0.2.1:53x", "port"},
        {"192.0.2.1:-1", "port"},
        {"::1:53:", "the IPv6 address"},
        {"fe80::1%eth0", "the IPv6 address"},
        {"[192.0.2.1]", "the IPv6 address"},
        {"[::1", "bracket"},
        {"[::1]53", "port"},
        {"[::1]:", "port"},
        {"::1]", "the IPv6 address"},
        {"\n", "server: \"\\x0a\""},
        {"::1,::2,::3,::4,::5,::6,::7,::8,::9", "more than 8"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_dns_server_list list = {.count = 77};
        struct way_error err;

        print_message("    %s\n", cases[i].text);
        assert_int_equal(way_dns_server_list_parse(cases[i].text, &list, &err), WAY_INVALID);
        assert_string_equal(err.field, "dns");
        assert_non_null(strstr(err.detail, cases[i].reason));
        assert_int_equal(list.count, 77);
    }
}

static void lists_are_compared(void **state)
{
    static const struct {
        const char *label, *a, *b;
        bool is_equal;
    } cases[] = {
        {"another spelling", "::1,192.0.2.1", "[0:0::1]:53,192.0.2.1:53", true},
        {"another order", "::1,::2", "::2,::1", false},
        {"another port", "::1", "[::1]:54", false},
        {"one more", "::1", "::1,::2", false},
        {"another family", "0.0.0.1", "0:1::", false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_dns_server_list a;
        struct way_dns_server_list b;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(way_dns_server_list_parse(cases[i].a, &a, NULL), WAY_OK);
        assert_int_equal(way_dns_server_list_parse(cases[i].b, &b, NULL), WAY_OK);
        assert_int_equal(way_dns_server_list_equal(&a, &b), cases[i].is_equal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(wrong_lists_are_refused_with_a_reason),
        cmocka_unit_test(lists_are_compared),
    };

    return cmocka_run_group_tests_name("dns/server_list", tests, NULL, NULL);
}
