/* SPDX-License-Identifier: MIT */
#include "dns/name.h"

#include "base/compiler.h"
#include "packet.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h> /* wants the others first */

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz-"
#define LABEL_61 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxy"
#define NAME_253 LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_61

static void host_names_survive_the_wire(void **state)
{
    static const struct {
        const char *label, *host;
        bool is_name;
    } cases[] = {
        {"a domain", "mail.example.org", true},
        {"one label", "localhost", true},
        {"underscores and digits", "_dmarc.1and1.example", true},
        {"the longest label", LABEL_63 ".example", true},
        {"a label too long", LABEL_63 "x.example", false},
        {"the longest name", NAME_253, true},
        {"a name too long", NAME_253 "x", false},
        {"the root", "", false},
        {"an empty label", "a..b", false},
        {"a dot in front", ".a", false},
        {"a dot behind", "a.", false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_dns_name name;
        struct way_dns_name again;
        char host[WAY_KEY_MAX + 1];
        uint8_t message[12 + WAY_DNS_NAME_MAX] = {0};
        size_t end;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(way_dns_name_from_host(cases[i].host, &name), cases[i].is_name);
        if (!cases[i].is_name) {
            continue;
        }
        memcpy(message + 12, name.octets, name.len);
        assert_true(way_dns_name_read(message, 12 + name.len, 12, &again, &end));
        assert_int_equal(end, 12 + name.len);
        assert_true(way_dns_name_equal(&name, &again));
        assert_true(way_dns_name_to_host(&again, host));
        assert_string_equal(host, cases[i].host);
    }
}

static void ancestors_end_where_labels_begin(void **state)
{
    static const struct {
        const char *label, *name, *ancestor;
        bool is_under;
    } cases[] = {
        {"a child", "a.example", "example", true},
        {"a far descendant", "c.b.a.example", "example", true},
        {"itself", "a.example", "a.example", true},
        {"the parent of its parent", "example", "a.example", false},
        {"a sibling", "a.example", "b.example", false},
        {"the same octets, in the middle of a label", "notexample", "example", false},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_dns_name name;
        struct way_dns_name ancestor;

        print_message("    %s\n", cases[i].label);
        assert_true(way_dns_name_from_host(cases[i].name, &name));
        assert_true(way_dns_name_from_host(cases[i].ancestor, &ancestor));
        assert_int_equal(way_dns_name_is_under(&name, &ancestor), cases[i].is_under);
    }
}

/* Twelve octets of header, then what the case says; the name is read at `at`. */
static void compression_leads_only_backwards(void **state)
{
    static const struct {
        const char *label;
        uint8_t bytes[16];
        size_t len, at;
        const char *host; /* NULL: refused */
        size_t end;
    } cases[] = {
        {"a pointer to a name", {1, 'a', 0, 0xc0, 12}, 5, 15, "a", 17},
        {"labels, then a pointer", {1, 'a', 0, 1, 'b', 0xc0, 12}, 7, 15, "b.a", 19},
        {"a pointer to a pointer", {1, 'a', 0, 0xc0, 12, 0xc0, 15}, 7, 17, "a", 19},
        {"a pointer to itself", {0xc0, 12}, 2, 12, NULL, 0},
        {"a pointer to its own labels", {1, 'a', 0xc0, 12}, 4, 12, NULL, 0},
        {"two pointers to each other", {0xc0, 14, 0xc0, 12}, 4, 14, NULL, 0},
        {"a pointer forwards", {0xc0, 14, 1, 'a', 0}, 5, 12, NULL, 0},
        {"a pointer out of the message", {0xff, 0xff}, 2, 12, NULL, 0},
        {"a pointer into the header", {0xc0, 11}, 2, 12, NULL, 0},
        {"half a pointer", {1, 'a', 0, 0xc0}, 4, 15, NULL, 0},
        {"a label type nobody uses", {0x41, 'a', 0}, 3, 12, NULL, 0},
        {"a label longer than the message", {5, 'a', 'b'}, 3, 12, NULL, 0},
        {"no root label", {1, 'a'}, 2, 12, NULL, 0},
        {"nothing", {0}, 0, 12, NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        /* From the heap and as long as the message, so that a sanitizer sees one octet too many. */
        uint8_t *message = calloc(1, 12 + cases[i].len);
        struct way_dns_name name;
        char host[WAY_KEY_MAX + 1];
        size_t end = 0;

        print_message("    %s\n", cases[i].label);
        assert_non_null(message);
        memcpy(message + 12, cases[i].bytes, cases[i].len);
        assert_int_equal(way_dns_name_read(message, 12 + cases[i].len, cases[i].at, &name, &end),
                         cases[i].host != NULL);
        if (cases[i].host != NULL) {
            assert_true(way_dns_name_to_host(&name, host));
            assert_string_equal(host, cases[i].host);
            assert_int_equal(end, cases[i].end);
        }
        free(message);
    }
}

static void names_have_at_most_255_octets(void **state)
{
    static struct packet packet;
    struct way_dns_name name;
    size_t end;

    (void)state;
    /* 126 labels of one octet, a pointer to two more: 1 + 2 * 128 is more than 255. */
    packet.len = 12;
    packet_name(&packet, "x.y");
    for (int i = 0; i < 126; i++) {
        packet_u8(&packet, 1);
        packet_u8(&packet, 'a');
    }
    packet_name(&packet, "@12");
    assert_false(way_dns_name_read(packet.bytes, packet.len, 17, &name, &end));
    /* One label less, and it is the longest there is. */
    assert_true(way_dns_name_read(packet.bytes, packet.len, 19, &name, &end));
    assert_int_equal(name.len, WAY_DNS_NAME_MAX);
}

static void long_chains_of_pointers_are_refused(void **state)
{
    static struct packet packet;
    struct way_dns_name name;
    size_t first;
    size_t end;

    (void)state;
    packet.len = 12;
    packet_name(&packet, "");
    first = packet.len;
    packet_u16(&packet, 0xc000 | 12);
    for (size_t i = 1; i <= WAY_DNS_POINTERS_MAX; i++) {
        packet_u16(&packet, 0xc000U | (unsigned)(packet.len - 2));
    }
    /* The last one needs one pointer more than there may be. */
    assert_true(way_dns_name_read(packet.bytes, packet.len,
                                  first + 2 * (WAY_DNS_POINTERS_MAX - (size_t)1), &name, &end));
    assert_false(way_dns_name_read(packet.bytes, packet.len,
                                   first + 2 * (size_t)WAY_DNS_POINTERS_MAX, &name, &end));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_names_survive_the_wire),
        cmocka_unit_test(ancestors_end_where_labels_begin),
        cmocka_unit_test(compression_leads_only_backwards),
        cmocka_unit_test(names_have_at_most_255_octets),
        cmocka_unit_test(long_chains_of_pointers_are_refused),
    };

    return cmocka_run_group_tests_name("dns/name", tests, NULL, NULL);
}
