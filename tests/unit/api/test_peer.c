/* SPDX-License-Identifier: MIT */
#include "api/peer.h"

#include "base/compiler.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h> /* wants the others first */

static struct api_peer peer_of(const char *text)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)&storage;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)&storage;
    struct api_peer peer;

    if (strchr(text, ':') != NULL) {
        storage.ss_family = AF_INET6;
        ipv6->sin6_port = 1; /* plays no part */
        assert_int_equal(inet_pton(AF_INET6, text, &ipv6->sin6_addr), 1);
    } else {
        storage.ss_family = AF_INET;
        ipv4->sin_port = 2;
        assert_int_equal(inet_pton(AF_INET, text, &ipv4->sin_addr), 1);
    }
    api_peer_read((struct sockaddr *)(void *)&storage, &peer);
    return peer;
}

static void an_address_is_one_client(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_same;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},          {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},   {"2001:db8::1", "2001:db8::2", true}, /* a /64 */
        {"2001:db8::1", "2001:db8:0:1::1", false}, {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_peer a = peer_of(cases[i].a);
        struct api_peer b = peer_of(cases[i].b);

        print_message("    %s and %s\n", cases[i].a, cases[i].b);
        assert_int_equal(api_peer_equal(&a, &b), cases[i].is_same);
        assert_false(api_peer_is_unix(&a));
    }
}

static void a_peer_is_written(void **state)
{
    static const char *const cases[][2] = {{"192.0.2.1", "192.0.2.1"},
                                           {"::ffff:192.0.2.1", "192.0.2.1"},
                                           {"2001:db8::1", "2001:db8::"}};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct api_peer peer;
    char text[API_PEER_TEXT];

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        peer = peer_of(cases[i][0]);
        assert_string_equal(api_peer_write(&peer, text), cases[i][1]);
    }
    api_peer_read((struct sockaddr *)(void *)&local, &peer);
    assert_true(api_peer_is_unix(&peer));
    assert_string_equal(api_peer_write(&peer, text), "unix");
    api_peer_read(NULL, &peer);
    assert_true(api_peer_is_unix(&peer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_one_client),
        cmocka_unit_test(a_peer_is_written),
    };

    return cmocka_run_group_tests_name("api/peer", tests, NULL, NULL);
}
