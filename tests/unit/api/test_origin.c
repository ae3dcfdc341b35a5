/* SPDX-License-Identifier: MIT */
#include "api/origin.h"

#include "base/compiler.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h> /* wants the others first */

#define LABEL_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789-"
#define NAME_253                           \
    LABEL_63 "." LABEL_63 "." LABEL_63 "." \
             "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz012345678"

static struct api_origin parsed(const char *text)
{
    struct api_origin origin;

    assert_int_equal(api_origin_parse(text, strlen(text), &origin, NULL), WAY_OK);
    return origin;
}

static void an_origin_has_one_form(void **state)
{
    static const struct {
        const char *label, *in, *want; /* NULL: as it is */
    } cases[] = {
        {"a name", "https://dash.example.org", NULL},
        {"a port", "https://dash.example.org:8443", NULL},
        {"plain http", "http://dash.example.org", NULL},
        {"one label", "http://dash", NULL},
        {"the default port of https goes", "https://dash.example.org:443",
         "https://dash.example.org"},
        {"the default port of http goes", "http://dash.example.org:80", "http://dash.example.org"},
        {"that of the other scheme stays", "http://dash.example.org:443", NULL},
        {"and the other way round", "https://dash.example.org:80", NULL},
        {"upper case is folded", "HTTPS://Dash.EXAMPLE.org", "https://dash.example.org"},
        {"the last port", "http://a:65535", NULL},
        {"hyphens and underscores", "http://a-b_c.xn--bcher-kva.example", NULL},
        {"digits", "http://4711.example", NULL},
        {"a dot at the end is another host", "http://dash.example.org.", NULL},
        {"the longest", "https://" NAME_253 ":65535", NULL},
        {"IPv4", "http://192.0.2.7:8080", NULL},
        {"IPv6", "http://[2001:db8::1]:8080", NULL},
        {"IPv6 in a long form", "http://[2001:0DB8:0:0:0:0:0:1]", "http://[2001:db8::1]"},
        {"IPv6 with two runs of zeros", "http://[1:0:0:2:0:0:0:3]", "http://[1:0:0:2::3]"},
        {"with two of one length", "http://[1:0:0:2:3:0:0:4]", "http://[1::2:3:0:0:4]"},
        {"with a single zero", "http://[1:0:2:3:4:5:6:7]", NULL},
        {"with zeros at the end", "http://[1:2:0:0:0:0:0:0]", "http://[1:2::]"},
        {"IPv4 in IPv6 has no dots", "http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]"},
        {"nothing but zeros", "http://[0:0:0:0:0:0:0:0]", "http://[::]"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("%s\n", cases[i].label);
        assert_string_equal(parsed(cases[i].in).text,
                            cases[i].want == NULL ? cases[i].in : cases[i].want);
    }
}

static void everything_else_is_refused(void **state)
{
    static const struct {
        const char *label, *in;
    } cases[] = {
        {"nothing", ""},
        {"no scheme", "dash.example.org"},
        {"no host", "https://"},
        {"a port alone", "https://:443"},
        {"another scheme", "ftp://dash.example.org"},
        {"one that begins as ours", "httpss://dash.example.org"},
        {"no slashes", "https:dash.example.org"},
        {"one slash", "https:/dash.example.org"},
        {"a slash at the end", "https://dash.example.org/"},
        {"a path", "https://dash.example.org/a"},
        {"a query", "https://dash.example.org?a"},
        {"a fragment", "https://dash.example.org#a"},
        {"a user", "https://me@dash.example.org"},
        {"a user and a password", "https://me:secret@dash.example.org"},
        {"a colon without a port", "https://dash.example.org:"},
        {"a port that is no number", "https://dash.example.org:https"},
        {"a sign", "https://dash.example.org:+443"},
        {"port 0", "https://dash.example.org:0"},
        {"a zero in front", "https://dash.example.org:0443"},
        {"a port too large", "https://dash.example.org:65536"},
        {"two ports", "https://dash.example.org:1:2"},
        {"two origins", "https://a.example https://b.example"},
        {"two origins with a comma", "https://a.example,https://b.example"},
        {"a blank in front", " https://dash.example.org"},
        {"a blank behind", "https://dash.example.org "},
        {"a wildcard in front", "https://*.example.org"},
        {"an empty label", "https://dash..example.org"},
        {"a dot in front", "https://.example.org"},
        {"a percent sign", "https://dash%2eexample.org"},
        {"a letter beyond ASCII", "https://b\xc3\xbc"
                                  "cher.example"},
        {"a line break", "https://dash.example.org\r\nX: y"},
        {"one octet too long", "https://a" NAME_253},
        {"IPv4 with three parts", "http://127.0.1"},
        {"IPv4 with five", "http://1.127.0.0.1"},
        {"IPv4 with a leading zero", "http://127.0.0.01"},
        {"IPv4 as one number", "http://2130706433"},
        {"a last part in hexadecimal", "http://127.0.0.0x1"},
        {"IPv4 with a part too large", "http://127.0.0.256"},
        {"IPv4 with a dot at the end", "http://127.0.0.1."},
        {"IPv6 without brackets", "http://2001:db8::1"},
        {"a bracket that is not closed", "http://[2001:db8::1"},
        {"empty brackets", "http://[]"},
        {"IPv4 in brackets", "http://[127.0.0.1]"},
        {"IPv6 with a zone", "http://[fe80::1%25eth0]"},
        {"something behind the bracket", "http://[::1]a"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_origin origin = {.port = 7};
        struct way_error err = {0};

        print_message("%s\n", cases[i].label);
        assert_int_equal(api_origin_parse(cases[i].in, strlen(cases[i].in), &origin, &err),
                         WAY_INVALID);
        assert_string_equal(err.field, "cors-origin");
        assert_int_equal(origin.port, 7); /* untouched */
    }
}

static void a_nul_ends_nothing(void **state)
{
    static const char in_host[] = "http://a\0b";
    static const char in_brackets[] = "http://[::1\0]";
    static const char in_port[] = "http://a:1\0";
    struct api_origin origin;

    (void)state;
    assert_int_equal(api_origin_parse(in_host, sizeof in_host - 1, &origin, NULL), WAY_INVALID);
    assert_int_equal(api_origin_parse(in_brackets, sizeof in_brackets - 1, &origin, NULL),
                     WAY_INVALID);
    assert_int_equal(api_origin_parse(in_port, sizeof in_port - 1, &origin, NULL), WAY_INVALID);
}

static void pages_of_anybody_are_refused_by_name(void **state)
{
    static const char *const anybody[] = {"null", "*"};
    struct api_origin_list list = {0};
    struct way_error err;

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(anybody); i++) {
        assert_int_equal(api_origins_add(&list, anybody[i], &err), WAY_INVALID);
        assert_non_null(strstr(err.detail, anybody[i]));
        assert_non_null(strstr(err.detail, "anybody"));
    }
    assert_int_equal(list.count, 0);
}

static void loopback_is_a_matter_of_the_host(void **state)
{
    static const struct {
        const char *in;
        bool want;
    } cases[] = {
        {"http://localhost", true},
        {"https://localhost", true},
        {"http://LOCALHOST:5173", true},
        {"http://127.0.0.1", true},
        {"http://127.0.0.1:8080", true},
        {"https://127.255.255.254:1", true},
        {"http://[::1]:8080", true},
        {"http://[0:0:0:0:0:0:0:1]", true},
        {"http://app.localhost", false},
        {"http://localhost.", false},
        {"http://localhost.example.org", false},
        {"http://127.0.0.1.example.org", false},
        {"http://126.0.0.1", false},
        {"http://128.0.0.1", false},
        {"http://0.0.0.0", false},
        {"http://[::]", false},
        {"http://[::2]", false},
        {"http://[1::1]", false},
        {"http://[::ffff:127.0.0.1]", false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        print_message("%s\n", cases[i].in);
        assert_int_equal(parsed(cases[i].in).is_loopback, cases[i].want);
    }
}

static void a_list_knows_what_was_added(void **state)
{
    struct api_origin_list list = {0};
    struct api_origin origin;
    char text[64];

    (void)state;
    for (unsigned i = 1; i <= API_ORIGINS_MAX; i++) {
        (void)snprintf(text, sizeof text, "https://Dash-%u.example:443", i);
        assert_int_equal(api_origins_add(&list, text, NULL), WAY_OK);
    }
    assert_int_equal(api_origins_add(&list, "https://more.example", NULL), WAY_INVALID);
    assert_int_equal(list.count, API_ORIGINS_MAX);
    origin = parsed("https://dash-16.example");
    assert_true(api_origins_have(&list, &origin));
    origin = parsed("http://dash-16.example");
    assert_false(api_origins_have(&list, &origin));
    origin = parsed("https://dash-16.example:444");
    assert_false(api_origins_have(&list, &origin));
    origin = parsed("https://dash-17.example");
    assert_false(api_origins_have(&list, &origin));
}

/* "ADDRESS PORT", "unix" or NULL. */
static const struct sockaddr *local_address(const char *host, uint16_t port)
{
    static struct sockaddr_storage storage;
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)&storage;

    if (host == NULL) {
        return NULL;
    }
    memset(&storage, 0, sizeof storage);
    if (strcmp(host, "unix") == 0) {
        storage.ss_family = AF_UNIX;
    } else if (strchr(host, ':') != NULL) {
        ipv6->sin6_family = AF_INET6;
        ipv6->sin6_port = htons(port);
        assert_int_equal(inet_pton(AF_INET6, host, &ipv6->sin6_addr), 1);
    } else {
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons(port);
        assert_int_equal(inet_pton(AF_INET, host, &ipv4->sin_addr), 1);
    }
    return (const struct sockaddr *)(const void *)&storage;
}

/* Listeners: 192.0.2.7:8080, all of IPv4 on 9090 with TLS, all of IPv6 on 80. */
static void who_may_change_something(void **state)
{
    static const struct {
        const char *label, *origin, *local;
        uint16_t port;
        bool want;
    } cases[] = {
        {"loopback", "http://localhost:5173", "192.0.2.7", 8080, true},
        {"one of the list", "https://dash.example", "192.0.2.7", 8080, true},
        {"of the list with another scheme", "http://dash.example", "192.0.2.7", 8080, false},
        {"our own address", "http://192.0.2.7:8080", "192.0.2.7", 8080, true},
        {"our own, on another connection", "http://192.0.2.7:8080", "unix", 0, true},
        {"our own with another scheme", "https://192.0.2.7:8080", "192.0.2.7", 8080, false},
        {"our own with another port", "http://192.0.2.7:8081", "192.0.2.7", 8080, false},
        {"our own without the port", "http://192.0.2.7", "192.0.2.7", 8080, false},
        {"a name that points here", "http://evil.example:8080", "192.0.2.7", 8080, false},
        {"the address of a wildcard", "https://198.51.100.1:9090", "198.51.100.1", 9090, true},
        {"with another scheme", "http://198.51.100.1:9090", "198.51.100.1", 9090, false},
        {"another than was connected to", "https://198.51.100.2:9090", "198.51.100.1", 9090, false},
        {"a name that points to a wildcard", "https://evil.example:9090", "198.51.100.1", 9090,
         false},
        {"the wildcard itself", "https://0.0.0.0:9090", "198.51.100.1", 9090, true},
        {"no wildcard on that port", "http://198.51.100.1:8080", "198.51.100.1", 8080, false},
        {"a wildcard of IPv6 on the default port", "http://[2001:db8::1]", "2001:db8::1", 80, true},
        {"with a long form", "http://[2001:DB8:0::1]:80", "2001:db8::1", 80, true},
        {"a wildcard, over a unix socket", "https://198.51.100.1:9090", "unix", 0, false},
        {"a wildcard, address unknown", "https://198.51.100.1:9090", NULL, 0, false},
        {"somebody else", "https://evil.example", "192.0.2.7", 8080, false},
    };
    struct api_origins origins = {0};

    (void)state;
    assert_int_equal(api_origins_add(&origins.allowed, "https://dash.example", NULL), WAY_OK);
    assert_int_equal(api_origins_add(&origins.own, "http://192.0.2.7:8080", NULL), WAY_OK);
    assert_int_equal(api_origins_add(&origins.own, "https://0.0.0.0:9090", NULL), WAY_OK);
    assert_int_equal(api_origins_add(&origins.own, "http://[::]:80", NULL), WAY_OK);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_origin origin = parsed(cases[i].origin);

        print_message("%s\n", cases[i].label);
        assert_int_equal(
            api_origins_may_change(&origins, &origin, local_address(cases[i].local, cases[i].port)),
            cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_origin_has_one_form),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(a_nul_ends_nothing),
        cmocka_unit_test(pages_of_anybody_are_refused_by_name),
        cmocka_unit_test(loopback_is_a_matter_of_the_host),
        cmocka_unit_test(a_list_knows_what_was_added),
        cmocka_unit_test(who_may_change_something),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
