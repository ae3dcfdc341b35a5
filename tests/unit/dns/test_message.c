/* SPDX-License-Identifier: MIT */
#include "dns/message.h"

#include "base/compiler.h"
#include "dns/name.h"
#include "packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h> /* wants the others first */

enum { ANSWER = 0x8180, ANSWER_NO_SUCH_NAME = 0x8183, TRUNCATED = 0x0200 };

enum { QUESTION_NAME = 12 }; /* where the question's name stands */

static struct packet packet;

/* A copy that ends where the message ends, so that a sanitizer sees every octet too many. */
static void parse(size_t len, enum way_dns_type type, const char *name,
                  struct way_dns_message *message)
{
    uint8_t *bytes = malloc(len == 0 ? 1 : len);

    assert_non_null(bytes);
    memcpy(bytes, packet.bytes, len);
    way_dns_message_parse(len == 0 ? bytes + 1 : bytes, len, type, name, message);
    free(bytes);
}

static void one_address(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_a);
    packet_address(&packet, "@12", 300, "192.0.2.7");
}

static void two_addresses(void)
{
    one_address();
    packet_address(&packet, "@12", 60, "192.0.2.8");
}

static void upper_case(void)
{
    packet_start(&packet, ANSWER, "A.eXample", ns_t_a);
    packet_address(&packet, "a.EXAMPLE", 300, "192.0.2.7");
}

static void another_class(void)
{
    size_t data;

    one_address();
    data = packet_record(&packet, SECTION_ANSWER, "@12", ns_t_a, 7);
    packet_put_u16(&packet, data - 8, ns_c_chaos);
    packet_u32(&packet, 0);
    packet_record_end(&packet, data);
}

static void huge_ttl(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_a);
    packet_address(&packet, "@12", 0x80000000, "192.0.2.7");
}

static void ipv6(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_aaaa);
    packet_address(&packet, "@12", 300, "2001:db8::7");
}

static void chain(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_a);
    packet_cname(&packet, "a.example", 100, "b.example");
    packet_cname(&packet, "b.example", 50, "c.example");
    packet_address(&packet, "c.example", 300, "192.0.2.7");
}

static void chain_backwards(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_a);
    packet_address(&packet, "c.example", 300, "192.0.2.7");
    packet_cname(&packet, "b.example", 50, "c.example");
    packet_cname(&packet, "A.EXAMPLE", 100, "B.example");
}

static void stranger(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_a);
    packet_address(&packet, "elsewhere.example", 300, "192.0.2.66");
}

static void links(int count)
{
    char owner[32] = "a.example";
    char target[32];

    packet_start(&packet, ANSWER, owner, ns_t_a);
    for (int i = 0; i < count; i++) {
        (void)snprintf(target, sizeof target, "l%d.example", i);
        packet_cname(&packet, owner, 300, target);
        memcpy(owner, target, sizeof owner);
    }
    packet_address(&packet, owner, 300, "192.0.2.7");
}

static void longest_chain(void)
{
    links(WAY_DNS_CNAMES_MAX);
}

static void chain_too_long(void)
{
    links(WAY_DNS_CNAMES_MAX + 1);
}

static void loop(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_a);
    packet_cname(&packet, "a.example", 100, "b.example");
    packet_cname(&packet, "b.example", 50, "a.example");
}

static void bare_cname(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    packet_cname(&packet, "@12", 100, "B.elsewhere.example");
}

static void bare_cname_with_foreign_soa(void)
{
    bare_cname();
    packet_soa(&packet, "a.example", 900, 600);
}

static void denied_cname(void)
{
    bare_cname();
    packet_soa(&packet, "elsewhere.example", 900, 600);
}

static void bare_cname_to_odd_name(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    packet_cname(&packet, "@12", 100, "b/c.example");
}

static void no_data(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    packet_soa(&packet, "example", 900, 600);
}

static void no_data_short_soa_ttl(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    packet_soa(&packet, "", 60, 600);
}

static void no_data_no_soa(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
}

static void referral(void)
{
    size_t data;

    no_data_no_soa();
    data = packet_record(&packet, SECTION_AUTHORITY, "example", ns_t_ns, 300);
    packet_name(&packet, "ns.example");
    packet_record_end(&packet, data);
}

static void nxdomain(void)
{
    packet_start(&packet, ANSWER_NO_SUCH_NAME, "a.example", ns_t_mx);
    packet_soa(&packet, "example", 900, 600);
}

static void nxdomain_behind_cname(void)
{
    packet_start(&packet, ANSWER_NO_SUCH_NAME, "a.example", ns_t_mx);
    packet_cname(&packet, "@12", 30, "gone.example");
    packet_soa(&packet, "example", 900, 600);
}

static void nxdomain_with_record(void)
{
    one_address();
    packet_put_u16(&packet, 2, ANSWER_NO_SUCH_NAME);
}

static void mail_hosts(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    packet_mx(&packet, "@12", 300, 20, "Backup.@12");
    packet_mx(&packet, "@12", 300, 10, "MX.Example.ORG");
}

static void null_mx(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    packet_mx(&packet, "@12", 300, 0, "");
}

static void some_odd_hosts(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    packet_mx(&packet, "@12", 300, 5, "m x.example");
    packet_mx(&packet, "@12", 300, 10, "_mx-1.example");
    packet_mx(&packet, "@12", 300, 15, "m\xc3\xbcller.example");
}

static void only_odd_hosts(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    packet_mx(&packet, "@12", 300, 5, "m\\x.example");
}

static void dot_inside_label(void)
{
    size_t data;

    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    data = packet_record(&packet, SECTION_ANSWER, "@12", ns_t_mx, 300);
    packet_u16(&packet, 10);
    packet_u8(&packet, 3);
    packet_u8(&packet, 'a');
    packet_u8(&packet, '.');
    packet_u8(&packet, 'b');
    packet_u8(&packet, 0);
    packet_record_end(&packet, data);
}

static void records(unsigned count)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    for (unsigned i = 0; i < count; i++) {
        packet_mx(&packet, "@12", 300, i, "mx.@12");
    }
}

static void three_hundred(void)
{
    records(300);
}

static void most_records(void)
{
    records(WAY_DNS_RECORDS_MAX);
}

static void too_many_records(void)
{
    records(WAY_DNS_RECORDS_MAX + 1);
}

static void short_address(void)
{
    one_address();
    packet.len--;
    packet_record_end(&packet, packet.len - 3);
}

static void mx_with_rest(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    packet_mx(&packet, "@12", 300, 10, "mx.example");
    packet_u8(&packet, 0);
    packet_record_end(&packet, packet.len - 15);
}

static void mx_without_host(void)
{
    size_t data;

    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    data = packet_record(&packet, SECTION_ANSWER, "@12", ns_t_mx, 300);
    packet_u16(&packet, 10);
    packet_record_end(&packet, data);
}

static void mx_loop(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_mx);
    packet_mx(&packet, "@12", 300, 10, "@41"); /* its own host */
}

static void pointer_forward(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_a);
    packet_address(&packet, "@43", 300, "192.0.2.7");
    packet_name(&packet, "a.example");
}

static void soa_without_minimum(void)
{
    size_t data;

    no_data_no_soa();
    data = packet_record(&packet, SECTION_AUTHORITY, "example", ns_t_soa, 300);
    packet_name(&packet, "ns.example");
    packet_name(&packet, "hostmaster.example");
    for (uint32_t number = 1; number <= 4; number++) {
        packet_u32(&packet, number);
    }
    packet_record_end(&packet, data);
}

static void wrong_name(void)
{
    packet_start(&packet, ANSWER, "b.example", ns_t_a);
    packet_address(&packet, "@12", 300, "192.0.2.7");
}

static void wrong_type(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_aaaa);
}

static void wrong_class(void)
{
    one_address();
    packet_put_u16(&packet, QUESTION_NAME + 11 + 2, ns_c_chaos);
}

static void no_question(void)
{
    one_address();
    packet_put_u16(&packet, 4, 0);
}

static void two_questions(void)
{
    one_address();
    packet_put_u16(&packet, 4, 2);
}

static void a_question(void)
{
    one_address();
    packet_put_u16(&packet, 2, 0x0100);
}

static void another_opcode(void)
{
    one_address();
    packet_put_u16(&packet, 2, ANSWER | 0x2000);
}

static void truncated(void)
{
    one_address();
    packet_put_u16(&packet, 2, ANSWER | TRUNCATED);
}

static void servfail(void)
{
    packet_start(&packet, 0x8182, "a.example", ns_t_a);
}

static void refused(void)
{
    packet_start(&packet, 0x8185, "a.example", ns_t_a);
}

static void formerr_without_question(void)
{
    packet_start(&packet, 0x8181, "a.example", ns_t_a);
    packet_put_u16(&packet, 4, 0);
    packet.len = 12;
}

static void with_opt(void)
{
    size_t data;

    one_address();
    data = packet_record(&packet, SECTION_ADDITIONAL, "", ns_t_opt, 0);
    packet_record_end(&packet, data);
}

static void bad_version(void)
{
    packet_start(&packet, ANSWER, "a.example", ns_t_a);
    packet_record_end(&packet, packet_record(&packet, SECTION_ADDITIONAL, "", ns_t_opt, 1U << 24));
}

static void rest_behind(void)
{
    one_address();
    packet_u32(&packet, 0xdeadbeef);
}

struct message_case {
    const char *label;
    void (*build)(void);
    enum way_dns_type type;
    enum way_dns_verdict verdict;
    uint32_t ttl;
    size_t count;
    unsigned links;
    const char *target;
};

#define FOUND   WAY_DNS_SAYS_FOUND
#define NONE    WAY_DNS_SAYS_NO_DATA
#define GONE    WAY_DNS_SAYS_NXDOMAIN
#define AGAIN   WAY_DNS_SAYS_ASK_AGAIN
#define FAILURE WAY_DNS_SAYS_FAILURE

/* clang-format off */
static const struct message_case cases[] = {
    /* label                                    build                  type          verdict  ttl count links target */
    { "one address",                            one_address,           WAY_DNS_A,    FOUND,   300, 1, 0, "" },
    { "the least TTL counts",                   two_addresses,         WAY_DNS_A,    FOUND,    60, 2, 0, "" },
    { "letter case does not matter",            upper_case,            WAY_DNS_A,    FOUND,   300, 1, 0, "" },
    { "records of another class do not count",  another_class,         WAY_DNS_A,    FOUND,   300, 1, 0, "" },
    { "a TTL above 2^31 is 0",                  huge_ttl,              WAY_DNS_A,    FOUND,     0, 1, 0, "" },
    { "an IPv6 address",                        ipv6,                  WAY_DNS_AAAA, FOUND,   300, 1, 0, "" },
    { "octets behind the message do no harm",   rest_behind,           WAY_DNS_A,    FOUND,   300, 1, 0, "" },
    { "OPT does no harm",                       with_opt,              WAY_DNS_A,    FOUND,   300, 1, 0, "" },

    { "a chain",                                chain,                 WAY_DNS_A,    FOUND,    50, 1, 2, "" },
    { "a chain in the wrong order",             chain_backwards,       WAY_DNS_A,    FOUND,    50, 1, 2, "" },
    { "the longest chain",                      longest_chain,         WAY_DNS_A,    FOUND,   300, 1, 8, "" },
    { "a chain too long",                       chain_too_long,        WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "a loop of CNAMEs",                       loop,                  WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "a bare CNAME",                           bare_cname,            WAY_DNS_MX,   AGAIN,   100, 0, 1, "b.elsewhere.example" },
    { "a SOA of another zone denies nothing",   bare_cname_with_foreign_soa, WAY_DNS_MX, AGAIN, 100, 0, 1, "b.elsewhere.example" },
    { "a CNAME whose target has no data",       denied_cname,          WAY_DNS_MX,   NONE,    100, 0, 1, "" },
    { "a CNAME to a name nobody can ask for",   bare_cname_to_odd_name, WAY_DNS_MX,  FAILURE,   0, 0, 0, "" },

    { "no data",                                no_data,               WAY_DNS_MX,   NONE,    600, 0, 0, "" },
    { "no data, and the SOA's TTL is less",     no_data_short_soa_ttl, WAY_DNS_MX,   NONE,     60, 0, 0, "" },
    { "no data, no SOA",                        no_data_no_soa,        WAY_DNS_MX,   NONE,      0, 0, 0, "" },
    { "a record of another name is no data",    stranger,              WAY_DNS_A,    NONE,      0, 0, 0, "" },
    { "a referral is not an answer",            referral,              WAY_DNS_MX,   FAILURE,   0, 0, 0, "" },
    { "no such name",                           nxdomain,              WAY_DNS_MX,   GONE,    600, 0, 0, "" },
    { "a CNAME to no such name",                nxdomain_behind_cname, WAY_DNS_MX,   GONE,     30, 0, 1, "" },
    { "no such name, and its address",          nxdomain_with_record,  WAY_DNS_A,    FAILURE,   0, 0, 0, "" },

    { "mail hosts",                             mail_hosts,            WAY_DNS_MX,   FOUND,   300, 2, 0, "" },
    { "null MX",                                null_mx,               WAY_DNS_MX,   FOUND,   300, 1, 0, "" },
    { "odd hosts are left out",                 some_odd_hosts,        WAY_DNS_MX,   FOUND,   300, 1, 0, "" },
    { "only odd hosts",                         only_odd_hosts,        WAY_DNS_MX,   FAILURE,   0, 0, 0, "" },
    { "a dot inside a label",                   dot_inside_label,      WAY_DNS_MX,   FAILURE,   0, 0, 0, "" },
    { "300 records",                            three_hundred,         WAY_DNS_MX,   FOUND,   300, 300, 0, "" },
    { "as many records as we keep",             most_records,          WAY_DNS_MX,   FOUND,   300, WAY_DNS_RECORDS_MAX, 0, "" },
    { "one record more",                        too_many_records,      WAY_DNS_MX,   FAILURE,   0, 0, 0, "" },

    { "an address of three octets",             short_address,         WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "octets behind an MX host",               mx_with_rest,          WAY_DNS_MX,   FAILURE,   0, 0, 0, "" },
    { "an MX without a host",                   mx_without_host,       WAY_DNS_MX,   FAILURE,   0, 0, 0, "" },
    { "a host that points to itself",           mx_loop,               WAY_DNS_MX,   FAILURE,   0, 0, 0, "" },
    { "an owner that points forwards",          pointer_forward,       WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "a SOA without its minimum",              soa_without_minimum,   WAY_DNS_MX,   FAILURE,   0, 0, 0, "" },
    { "another name's answer",                  wrong_name,            WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "another type's answer",                  wrong_type,            WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "another class's answer",                 wrong_class,           WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "no question",                            no_question,           WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "two questions",                          two_questions,         WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "a question, not an answer",              a_question,            WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "another opcode",                         another_opcode,        WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "a truncated answer",                     truncated,             WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "SERVFAIL",                               servfail,              WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "REFUSED",                                refused,               WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
    { "FORMERR without the question",           formerr_without_question, WAY_DNS_A, WAY_DNS_SAYS_FORMERR, 0, 0, 0, "" },
    { "BADVERS, which only OPT tells",          bad_version,           WAY_DNS_A,    FAILURE,   0, 0, 0, "" },
};

/* clang-format on */

static void messages_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        const struct message_case *it = &cases[i];
        struct way_dns_message message;

        print_message("    %s\n", it->label);
        it->build();
        parse(packet.len, it->type, "a.example", &message);
        assert_int_equal(message.verdict, it->verdict);
        assert_int_equal(message.ttl, it->ttl);
        assert_int_equal(message.count, it->count);
        assert_int_equal(message.links, it->links);
        assert_string_equal(message.target, it->target);
        assert_int_equal(message.records != NULL, it->count > 0);
        way_dns_message_fini(&message);
    }
}

/* Whatever the server wanted to say, a part of it is not to be believed. */
static void every_truncation_is_a_failure(void **state)
{
    static void (*const whole[])(void) = {two_addresses, ipv6,     chain,    mail_hosts,  null_mx,
                                          no_data,       nxdomain, with_opt, denied_cname};

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(whole); i++) {
        size_t len;

        whole[i]();
        len = packet.len;
        for (size_t cut = 0; cut < len; cut++) {
            for (int type = 0; type < WAY_DNS_TYPE_COUNT; type++) {
                struct way_dns_message message;

                parse(cut, (enum way_dns_type)type, "a.example", &message);
                assert_int_equal(message.verdict, WAY_DNS_SAYS_FAILURE);
                assert_null(message.records);
            }
        }
    }
}

/* One octet wrong, anywhere: any verdict will do, as long as it keeps its promises. */
static void wrong_octets_do_no_harm(void **state)
{
    static void (*const whole[])(void) = {two_addresses, chain, mail_hosts, no_data, with_opt};
    static const uint8_t values[] = {0x00, 0x01, 0x3f, 0x40, 0xc0, 0xff};

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(whole); i++) {
        whole[i]();
        for (size_t at = 0; at < packet.len * WAY_COUNT_OF(values); at++) {
            uint8_t *octet = &packet.bytes[at / WAY_COUNT_OF(values)];
            uint8_t before = *octet;
            struct way_dns_message message;

            *octet = values[at % WAY_COUNT_OF(values)];
            parse(packet.len, i < 2 ? WAY_DNS_A : WAY_DNS_MX, "a.example", &message);
            assert_int_equal(message.verdict == WAY_DNS_SAYS_FOUND, message.count > 0);
            way_dns_message_fini(&message);
            *octet = before;
        }
    }
}

static void addresses_keep_their_octets(void **state)
{
    static const uint8_t first[] = {192, 0, 2, 7};
    static const uint8_t second[] = {192, 0, 2, 8};
    static const uint8_t sixth[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
    struct way_dns_message message;

    (void)state;
    two_addresses();
    parse(packet.len, WAY_DNS_A, "a.example", &message);
    assert_memory_equal(message.records[0].of.ipv4, first, sizeof first);
    assert_memory_equal(message.records[1].of.ipv4, second, sizeof second);
    way_dns_message_fini(&message);
    ipv6();
    parse(packet.len, WAY_DNS_AAAA, "a.example", &message);
    assert_memory_equal(message.records[0].of.ipv6, sixth, sizeof sixth);
    way_dns_message_fini(&message);
}

static void mail_hosts_are_normal_names_in_wire_order(void **state)
{
    struct way_dns_message message;

    (void)state;
    mail_hosts();
    parse(packet.len, WAY_DNS_MX, "a.example", &message);
    assert_int_equal(message.records[0].of.mx.preference, 20);
    assert_string_equal(message.records[0].of.mx.host, "backup.a.example");
    assert_int_equal(message.records[1].of.mx.preference, 10);
    assert_string_equal(message.records[1].of.mx.host, "mx.example.org");
    way_dns_message_fini(&message);
    null_mx();
    parse(packet.len, WAY_DNS_MX, "a.example", &message);
    assert_string_equal(message.records[0].of.mx.host, "");
    way_dns_message_fini(&message);
    some_odd_hosts();
    parse(packet.len, WAY_DNS_MX, "a.example", &message);
    assert_string_equal(message.records[0].of.mx.host, "_mx-1.example");
    way_dns_message_fini(&message);
}

/* The dearest message we know: as long as one can be, every owner almost the one that is sought and
 * told through as many pointers as are allowed. */
static void the_dearest_message_is_bounded(void **state)
{
    struct way_dns_message message;
    char owner[32] = "@12";

    (void)state;
    packet_start(&packet, ANSWER, "a.example", ns_t_a);
    for (int i = 0; packet.len < PACKET_MAX - 100; i++) {
        size_t start = packet.len;

        packet_cname(&packet, owner, 1, "@12");
        if (i < WAY_DNS_POINTERS_MAX - 1) {
            (void)snprintf(owner, sizeof owner, "@%zu", start);
        }
    }
    parse(packet.len, WAY_DNS_A, "a.example", &message);
    assert_int_equal(message.verdict, WAY_DNS_SAYS_FAILURE); /* a loop */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_judged),
        cmocka_unit_test(every_truncation_is_a_failure),
        cmocka_unit_test(wrong_octets_do_no_harm),
        cmocka_unit_test(addresses_keep_their_octets),
        cmocka_unit_test(mail_hosts_are_normal_names_in_wire_order),
        cmocka_unit_test(the_dearest_message_is_bounded),
    };

    return cmocka_run_group_tests_name("dns/message", tests, NULL, NULL);
}
