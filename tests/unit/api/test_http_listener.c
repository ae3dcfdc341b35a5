/* SPDX-License-Identifier: MIT */
#include "api/http_listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

/* As the program would write it, with what matters behind it. */
static void describe(const struct api_listen_address *address, char *out, size_t size)
{
    const void *any = &address->address;
    char host[INET6_ADDRSTRLEN];

    switch (address->address.ss_family) {
    case AF_INET:
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)any)->sin_addr, host, sizeof host);
        (void)snprintf(out, size, "%s:%u", host,
                       (unsigned)ntohs(((const struct sockaddr_in *)any)->sin_port));
        assert_int_equal(address->len, sizeof(struct sockaddr_in));
        break;
    case AF_INET6:
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)any)->sin6_addr, host,
                        sizeof host);
        (void)snprintf(out, size, "[%s]:%u", host,
                       (unsigned)ntohs(((const struct sockaddr_in6 *)any)->sin6_port));
        assert_int_equal(address->len, sizeof(struct sockaddr_in6));
        break;
    default:
        assert_int_equal(address->address.ss_family, AF_UNIX);
        (void)snprintf(out, size, "unix:%s", ((const struct sockaddr_un *)any)->sun_path);
        if (address->has_mode) {
            (void)snprintf(out + strlen(out), size - strlen(out), " %04o", address->mode);
        }
        if (address->group[0] != '\0') {
            (void)snprintf(out + strlen(out), size - strlen(out), " %s", address->group);
        }
    }
}

#define PATH_107                                                                                 \
    "/run/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaaaaaaaaa"

static void an_address_is_read(void **state)
{
    static const struct {
        const char *label, *text, *want;
        bool is_loopback;
    } cases[] = {
        {"IPv4", "127.0.0.1:8080", "127.0.0.1:8080", true},
        {"any loopback address", "127.1.2.3:80", "127.1.2.3:80", true},
        {"all addresses", "0.0.0.0:8080", "0.0.0.0:8080", false},
        {"a public one", "192.0.2.1:1", "192.0.2.1:1", false},
        {"almost loopback", "128.0.0.1:1", "128.0.0.1:1", false},
        {"any free port", "127.0.0.1:0", "127.0.0.1:0", true},
        {"the highest port", "127.0.0.1:65535", "127.0.0.1:65535", true},
        {"IPv6", "[::1]:8080", "[::1]:8080", true},
        {"all IPv6 addresses", "[::]:8080", "[::]:8080", false},
        {"a long IPv6 address", "[2001:DB8:0:0:0:0:0:1]:25", "[2001:db8::1]:25", false},
        {"a name for loopback", "localhost:8080", "127.0.0.1:8080", true},
        {"a unix socket", "unix:/run/waypost.sock", "unix:/run/waypost.sock", true},
        {"a relative path", "unix:waypost.sock", "unix:waypost.sock", true},
        {"a path with a colon", "unix:/run/a:b", "unix:/run/a:b", true},
        {"a mode", "unix:/run/w?mode=0660", "unix:/run/w 0660", true},
        {"a mode of three digits", "unix:/run/w?mode=600", "unix:/run/w 0600", true},
        {"mode zero", "unix:/run/w?mode=0", "unix:/run/w 0000", true},
        {"a group", "unix:/run/w?group=postfix", "unix:/run/w postfix", true},
        {"both", "unix:/run/w?mode=0660&group=postfix", "unix:/run/w 0660 postfix", true},
        {"both, turned round", "unix:/run/w?group=postfix&mode=0660", "unix:/run/w 0660 postfix",
         true},
        {"the longest path", "unix:" PATH_107, "unix:" PATH_107, true},
        {"TLS", "192.0.2.1:443?tls=on", "192.0.2.1:443", false},
        {"no TLS", "[::1]:80?tls=off", "[::1]:80", true},
    };

    (void)state;
    assert_int_equal(strlen(PATH_107), 107);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_listen_address address;
        struct way_error err = {.detail = ""};
        char got[256];

        print_message("    %s\n", cases[i].label);
        memset(&address, 0x5a, sizeof address);
        assert_int_equal(api_listen_parse(cases[i].text, &address, &err), WAY_OK);
        describe(&address, got, sizeof got);
        assert_string_equal(got, cases[i].want);
        assert_int_equal(address.is_loopback, cases[i].is_loopback);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    static const struct {
        const char *label, *text;
    } cases[] = {
        {"nothing", ""},
        {"a colon", ":"},
        {"a port alone", "8080"},
        {"a port behind a colon", ":8080"},
        {"a host alone", "127.0.0.1"},
        {"no port behind the colon", "127.0.0.1:"},
        {"a port out of range", "127.0.0.1:65536"},
        {"a port with a sign", "127.0.0.1:+80"},
        {"a port with a blank", "127.0.0.1: 80"},
        {"a port that is a word", "127.0.0.1:http"},
        {"a long port", "127.0.0.1:99999999999999999999"},
        {"an address out of range", "127.0.0.256:80"},
        {"an address with leading zeros", "127.0.0.01:80"},
        {"three numbers", "127.0.1:80"},
        {"a name", "mail.example:80"},
        {"a star", "*:80"},
        {"a blank in front", " 127.0.0.1:80"},
        {"IPv6 without brackets", "::1:8080"},
        {"IPv6 in brackets without a port", "[::1]"},
        {"an opening bracket", "[::1:80"},
        {"a closing bracket", "::1]:80"},
        {"empty brackets", "[]:80"},
        {"IPv4 in brackets", "[127.0.0.1]:80"},
        {"a name in brackets", "[localhost]:80"},
        {"a zone", "[fe80::1%lo]:80"},
        {"something behind the brackets", "[::1]x:80"},
        {"a long host",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:80"},
        {"a URL", "http://127.0.0.1:80"},
        {"an option of a unix socket", "127.0.0.1:80?mode=0660"},
        {"a question mark behind a port", "127.0.0.1:80?"},
        {"half an option", "127.0.0.1:80?tls"},
        {"TLS perhaps", "127.0.0.1:80?tls=maybe"},
        {"TLS twice", "127.0.0.1:80?tls=on&tls=on"},
        {"an option before the port", "127.0.0.1?tls=on:80"},
        {"TLS on a unix socket", "unix:/run/w?tls=on"},
        {"no path", "unix:"},
        {"no path before the options", "unix:?mode=0660"},
        {"a path too long", "unix:" PATH_107 "a"},
        {"a question mark and nothing", "unix:/run/w?"},
        {"an empty option", "unix:/run/w?mode=0660&"},
        {"an unknown option", "unix:/run/w?user=root"},
        {"an option without a value", "unix:/run/w?mode"},
        {"an empty mode", "unix:/run/w?mode="},
        {"a mode that is not octal", "unix:/run/w?mode=0680"},
        {"a mode that is a word", "unix:/run/w?mode=rw"},
        {"a mode too long", "unix:/run/w?mode=00660"},
        {"an empty group", "unix:/run/w?group="},
        {"a group too long",
         "unix:/run/w?group=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_listen_address address = {.len = 77};
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(api_listen_parse(cases[i].text, &address, &err), WAY_INVALID);
        assert_string_equal(err.field, "listen");
        assert_int_not_equal(err.detail[0], '\0');
        assert_int_equal(address.len, 77);
    }
}

static void who_speaks_tls(void **state)
{
    static const struct {
        const char *label, *text;
        bool with, without; /* a certificate */
    } cases[] = {
        {"nothing is said", "127.0.0.1:80", true, false},
        {"IPv6, nothing is said", "[::1]:80", true, false},
        {"on", "127.0.0.1:80?tls=on", true, false},
        {"off", "127.0.0.1:80?tls=off", false, false},
        {"a unix socket", "unix:/run/w", false, false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_listen_address address;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(api_listen_parse(cases[i].text, &address, NULL), WAY_OK);
        assert_int_equal(api_listen_speaks_tls(&address, true), cases[i].with);
        assert_int_equal(api_listen_speaks_tls(&address, false), cases[i].without);
    }
}

/* --- sockets ---------------------------------------------------------------------------------- */

static struct api_listen_address address_of(const char *text)
{
    struct api_listen_address address;

    assert_int_equal(api_listen_parse(text, &address, NULL), WAY_OK);
    return address;
}

static void each_loop_gets_a_descriptor_on_one_port(void **state)
{
    struct api_listen_address address = address_of("127.0.0.1:0");
    struct api_listener listener;
    struct api_listener second;
    struct way_error err = {.detail = ""};

    (void)state;
    assert_int_equal(api_listener_open(&address, 3, &listener, &err), WAY_OK);
    assert_int_equal(listener.count, 3);
    assert_false(listener.is_unix);
    assert_int_equal(strncmp(listener.text, "127.0.0.1:", 10), 0);
    assert_string_not_equal(listener.text, "127.0.0.1:0");
    for (size_t i = 0; i < listener.count; i++) {
        struct sockaddr_in bound = {.sin_port = 0};
        socklen_t len = sizeof bound;
        char port[8];

        assert_int_equal(getsockname(listener.descriptors[i], (struct sockaddr *)&bound, &len), 0);
        (void)snprintf(port, sizeof port, "%u", (unsigned)ntohs(bound.sin_port));
        assert_string_equal(listener.text + 10, port);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(listener.descriptors[i], listener.descriptors[j]);
        }
    }
    address = address_of(listener.text);
    assert_int_equal(api_listener_open(&address, 1, &second, &err), WAY_UNAVAILABLE);
    assert_non_null(strstr(err.detail, listener.text));
    api_listener_close(&listener);
    assert_int_equal(api_listener_open(&address, 1, &second, &err), WAY_OK);
    api_listener_close(&second);
}

static void a_unix_socket_is_made_kept_and_removed(void **state)
{
    char folder[] = "/tmp/waypost-unit-XXXXXX";
    char text[128];
    char path[64];
    struct api_listen_address address;
    struct api_listener listener;
    struct api_listener second;
    struct way_error err = {.detail = ""};
    struct stat info;
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    (void)snprintf(text, sizeof text, "unix:%s?mode=0640", path);
    address = address_of(text);

    assert_int_equal(api_listener_open(&address, 2, &listener, &err), WAY_OK);
    assert_true(listener.is_unix);
    assert_int_equal(listener.count, 2);
    assert_int_equal(listener.descriptors[0], listener.descriptors[1]);
    (void)snprintf(text, sizeof text, "unix:%s", path);
    assert_string_equal(listener.text, text);
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISSOCK(info.st_mode));
    assert_int_equal(info.st_mode & 07777, 0640);

    /* one that is in use is left alone */
    assert_int_equal(api_listener_open(&address, 1, &second, &err), WAY_UNAVAILABLE);
    assert_non_null(strstr(err.detail, path));
    assert_int_equal(stat(path, &info), 0);

    /* one that nobody answers on is replaced */
    (void)close(listener.descriptors[0]);
    assert_int_equal(api_listener_open(&address, 1, &second, &err), WAY_OK);
    api_listener_close(&second);
    assert_int_not_equal(stat(path, &info), 0);

    /* what is no socket is not touched */
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(api_listener_open(&address, 1, &second, &err), WAY_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "not a socket"));
    assert_int_equal(stat(path, &info), 0);
    (void)unlink(path);

    (void)snprintf(text, sizeof text, "unix:%s?group=no-such-group-here", path);
    address = address_of(text);
    assert_int_equal(api_listener_open(&address, 1, &second, &err), WAY_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "no-such-group-here"));
    assert_int_not_equal(stat(path, &info), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_read),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(who_speaks_tls),
        cmocka_unit_test(each_loop_gets_a_descriptor_on_one_port),
        cmocka_unit_test(a_unix_socket_is_made_kept_and_removed),
    };

    return cmocka_run_group_tests_name("api/http_listener", tests, NULL, NULL);
}
