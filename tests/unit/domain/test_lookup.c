/* SPDX-License-Identifier: MIT */
#include "domain/lookup.h"

#include "domain/meter.h"
#include "fake_resolver.h"

#include <stdlib.h>

enum { DEADLINE_MS = 123456, WAITING_MAX = 3 };

/* One answer, kept: what the real one points at is borrowed. */
struct heard {
    int calls;
    struct way_answer answer;
    char addresses[256]; /* "192.0.2.1 2001:db8::1" */
    char hosts[1024];    /* "10 mx.example 20 ..." */
};

struct fixture {
    struct fake_resolver fake;
    struct way_index *index;
    struct way_meter *meter;
    struct way_lookup *lookup;
    bool has_data;
    struct heard heard;
};

static bool has_data(const void *owner)
{
    const struct fixture *fixture = owner;

    return fixture->has_data;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct way_lookup_options options;

    assert_non_null(fixture);
    fake_resolver_init(&fixture->fake);
    fixture->has_data = true;
    fixture->index = way_index_new();
    fixture->meter = way_meter_new();
    assert_non_null(fixture->index);
    assert_non_null(fixture->meter);
    options = (struct way_lookup_options){
        .index = fixture->index,
        .resolver = &fixture->fake.resolver,
        .meter = fixture->meter,
        .waiting_max = WAITING_MAX,
        .log = WAY_LOG_LOOKUPS_NONE,
        .has_data = has_data,
        .owner = fixture,
    };
    fixture->lookup = way_lookup_new(&options);
    assert_non_null(fixture->lookup);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    way_lookup_free(fixture->lookup);
    way_resolver_free(&fixture->fake.resolver);
    way_meter_free(fixture->meter);
    way_index_free(fixture->index);
    free(fixture);
    return 0;
}

static struct way_key key_of(const char *text)
{
    struct way_key key;

    assert_int_equal(way_key_parse(text, strlen(text), &key, NULL), WAY_OK);
    return key;
}

static void override(struct fixture *fixture, const char *key, const char *target,
                     uint64_t revision)
{
    struct way_index_change change = {
        .key = key_of(key), .is_live = true, .target.host = key_of(target), .revision = revision};

    assert_int_equal(way_index_apply(fixture->index, &change, 1, revision), WAY_OK);
}

static struct way_question question_of(enum way_lookup_kind kind, const char *key)
{
    struct way_question question = {.kind = kind,
                                    .is_dns_wanted = true,
                                    .key = key_of(key),
                                    .door = "test",
                                    .request_id = "r1",
                                    .deadline_ms = DEADLINE_MS};

    return question;
}

static void keep(void *owner, const struct way_answer *answer)
{
    struct heard *heard = owner;
    size_t len = 0;

    heard->calls++;
    heard->answer = *answer;
    heard->addresses[0] = '\0';
    heard->hosts[0] = '\0';
    for (size_t i = 0; i < answer->address_count; i++) {
        len += (size_t)snprintf(heard->addresses + len, sizeof heard->addresses - len, "%s%s",
                                i > 0 ? " " : "", answer->addresses[i].text);
        assert_in_range(len, 0, sizeof heard->addresses - 1);
    }
    len = 0;
    for (size_t i = 0; i < answer->host_count; i++) {
        len += (size_t)snprintf(heard->hosts + len, sizeof heard->hosts - len, "%s%u %s",
                                i > 0 ? " " : "", (unsigned)answer->hosts[i].preference,
                                answer->hosts[i].host);
        assert_in_range(len, 0, sizeof heard->hosts - 1);
    }
}

/* Asks what only DNS can answer. */
static struct way_pending *begin(struct fixture *fixture, enum way_lookup_kind kind,
                                 const char *key)
{
    struct way_question question = question_of(kind, key);
    struct way_answer answer;
    struct way_pending *pending;

    fixture->heard.calls = 0;
    assert_false(way_lookup_now(fixture->lookup, &question, &answer));
    pending = way_lookup_wait(fixture->lookup, &question, keep, &fixture->heard);
    assert_non_null(pending);
    assert_int_equal(fixture->heard.calls, 0);
    return pending;
}

/* What the meter says of one series. */
static uint64_t counted(const struct fixture *fixture, const char *series)
{
    struct way_meter_gauges gauges = {0};
    struct way_text text;
    const char *found;
    uint64_t value = 0;

    way_text_init(&text, NULL, 0, (size_t)1024 * 1024);
    way_meter_render(fixture->meter, &gauges, &text);
    found = strstr(way_text_string(&text), series);
    if (found != NULL) {
        value = strtoull(found + strlen(series), NULL, 10);
    }
    way_text_fini(&text);
    return value;
}

/* --- without DNS ------------------------------------------------------------------------------ */

static void what_needs_no_dns_is_answered_at_once(void **state)
{
    static const struct {
        const char *label;
        enum way_lookup_kind kind;
        const char *key;
        bool is_dns_wanted;
        enum way_source want;
        const char *target; /* of an override */
    } cases[] = {
        {"an override of a name", WAY_LOOKUP_RESOLVE, "Example.ORG.", true, WAY_SOURCE_OVERRIDE,
         "relay.example.net"},
        {"without DNS all the same", WAY_LOOKUP_RESOLVE, "example.org", false, WAY_SOURCE_OVERRIDE,
         "relay.example.net"},
        {"mx of an override", WAY_LOOKUP_MX, "example.org", true, WAY_SOURCE_OVERRIDE,
         "relay.example.net"},
        {"an override of an address", WAY_LOOKUP_RESOLVE, "[192.0.2.9]", true, WAY_SOURCE_OVERRIDE,
         "10.0.0.5"},
        {"mx of an address with one", WAY_LOOKUP_MX, "192.0.2.9", false, WAY_SOURCE_OVERRIDE,
         "10.0.0.5"},
        {"an address", WAY_LOOKUP_RESOLVE, "192.0.2.1", true, WAY_SOURCE_LITERAL, NULL},
        {"an address without DNS", WAY_LOOKUP_RESOLVE, "2001:db8::1", false, WAY_SOURCE_LITERAL,
         NULL},
        {"mx of an address", WAY_LOOKUP_MX, "[IPv6:2001:db8::1]", true, WAY_SOURCE_LITERAL, NULL},
        {"a name without DNS", WAY_LOOKUP_RESOLVE, "mail.example", false, WAY_SOURCE_NONE, NULL},
        {"mx of a name without DNS", WAY_LOOKUP_MX, "mail.example", false, WAY_SOURCE_NONE, NULL},
        {"a name under an override is another name", WAY_LOOKUP_RESOLVE, "a.example.org", false,
         WAY_SOURCE_NONE, NULL},
        {"the target's own override plays no part", WAY_LOOKUP_RESOLVE, "first.example", true,
         WAY_SOURCE_OVERRIDE, "second.example"},
    };
    struct fixture *fixture = *state;

    override(fixture, "example.org", "relay.example.net", 7);
    override(fixture, "192.0.2.9", "10.0.0.5", 8);
    override(fixture, "first.example", "second.example", 9);
    override(fixture, "second.example", "third.example", 10);
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_question question = question_of(cases[i].kind, cases[i].key);
        struct way_answer answer;

        print_message("    %s\n", cases[i].label);
        memset(&answer, 0x5a, sizeof answer);
        question.is_dns_wanted = cases[i].is_dns_wanted;
        assert_true(way_lookup_now(fixture->lookup, &question, &answer));
        assert_int_equal(answer.kind, cases[i].kind);
        assert_int_equal(answer.outcome, WAY_LOOKUP_ANSWERED);
        assert_int_equal(answer.source, cases[i].want);
        assert_int_equal(answer.address_count, 0);
        assert_int_equal(answer.host_count, 0);
        assert_false(answer.is_null_mx);
        assert_false(answer.is_implicit);
        if (cases[i].target != NULL) {
            assert_string_equal(answer.target.host.text, cases[i].target);
            assert_in_range(answer.revision, 7, 10);
        }
    }
    assert_int_equal(fixture->fake.count, 0);
}

static void an_override_carries_the_revision_of_its_row(void **state)
{
    struct fixture *fixture = *state;
    struct way_question question = question_of(WAY_LOOKUP_RESOLVE, "example.org");
    struct way_answer answer;

    override(fixture, "example.org", "relay.example.net", 7);
    override(fixture, "other.example", "relay.example.net", 8);
    assert_true(way_lookup_now(fixture->lookup, &question, &answer));
    assert_int_equal(answer.revision, 7);
    override(fixture, "example.org", "10.0.0.5", 9);
    assert_true(way_lookup_now(fixture->lookup, &question, &answer));
    assert_int_equal(answer.revision, 9);
    assert_string_equal(answer.target.host.text, "10.0.0.5");
    assert_int_equal(answer.target.host.kind, WAY_KEY_IPV4);
}

static void without_data_no_route_is_invented(void **state)
{
    static const struct {
        const char *label, *key;
        bool is_dns_wanted;
    } cases[] = {
        {"a name", "mail.example", true},
        {"a name without DNS", "mail.example", false},
        {"an address", "192.0.2.1", true},
        {"what is in the index by chance", "example.org", true},
    };
    struct fixture *fixture = *state;

    override(fixture, "example.org", "relay.example.net", 7);
    fixture->has_data = false;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        for (unsigned kind = 0; kind < WAY_LOOKUP_KIND_COUNT; kind++) {
            struct way_question question = question_of((enum way_lookup_kind)kind, cases[i].key);
            struct way_answer answer = {.source = WAY_SOURCE_NONE};

            print_message("    %s\n", cases[i].label);
            question.is_dns_wanted = cases[i].is_dns_wanted;
            assert_true(way_lookup_now(fixture->lookup, &question, &answer));
            assert_int_equal(answer.outcome, WAY_LOOKUP_NOT_READY);
        }
    }
    assert_int_equal(fixture->fake.count, 0);
}

/* --- every pair of outcomes ------------------------------------------------------------------- */

/* [A][AAAA] in the order found, no_data, nxdomain, failure, timeout.
 * + answered, 0 exists without an address, x nxdomain, f failure, t timeout. */
static const char *const pairs[] = {
    [WAY_DNS_FOUND] = "+++++",   [WAY_DNS_NO_DATA] = "+00ft", [WAY_DNS_NXDOMAIN] = "+0xft",
    [WAY_DNS_FAILURE] = "+ffft", [WAY_DNS_TIMEOUT] = "+tttt",
};

static enum way_lookup_outcome outcome_of(char letter, enum way_lookup_kind kind)
{
    switch (letter) {
    case '+':
        return WAY_LOOKUP_ANSWERED;
    case '0':
        return kind == WAY_LOOKUP_MX ? WAY_LOOKUP_NO_MAIL_HOST : WAY_LOOKUP_NO_ADDRESS;
    case 'x':
        return WAY_LOOKUP_NXDOMAIN;
    case 't':
        return WAY_LOOKUP_DNS_TIMEOUT;
    default:
        return WAY_LOOKUP_DNS_FAILURE;
    }
}

/* Both families answer, in one order or the other; stops when the lookup is answered. */
static void say_both(struct fixture *fixture, enum way_dns_outcome a, enum way_dns_outcome aaaa,
                     bool is_a_first)
{
    enum way_dns_type first = is_a_first ? WAY_DNS_A : WAY_DNS_AAAA;
    enum way_dns_type second = is_a_first ? WAY_DNS_AAAA : WAY_DNS_A;

    assert_int_equal(fixture->fake.open, 2);
    fake_resolver_say(&fixture->fake, first, is_a_first ? a : aaaa);
    if (fixture->heard.calls == 0) {
        fake_resolver_say(&fixture->fake, second, is_a_first ? aaaa : a);
    }
    assert_int_equal(fixture->heard.calls, 1);
    assert_int_equal(fixture->fake.open, 0);
}

static const char *addresses_of(enum way_dns_outcome a, enum way_dns_outcome aaaa)
{
    if (a == WAY_DNS_FOUND) {
        return aaaa == WAY_DNS_FOUND ? "192.0.2.1 2001:db8::1" : "192.0.2.1";
    }
    return aaaa == WAY_DNS_FOUND ? "2001:db8::1" : "";
}

static void check_resolve(struct fixture *fixture, enum way_dns_outcome a,
                          enum way_dns_outcome aaaa, bool is_a_first)
{
    const struct heard *heard = &fixture->heard;

    (void)begin(fixture, WAY_LOOKUP_RESOLVE, "mail.example");
    say_both(fixture, a, aaaa, is_a_first);
    assert_int_equal(heard->answer.kind, WAY_LOOKUP_RESOLVE);
    assert_int_equal(heard->answer.outcome, outcome_of(pairs[a][aaaa], WAY_LOOKUP_RESOLVE));
    assert_string_equal(heard->addresses, addresses_of(a, aaaa));
    assert_string_equal(heard->hosts, "");
    if (heard->answer.outcome == WAY_LOOKUP_ANSWERED) {
        assert_int_equal(heard->answer.source, WAY_SOURCE_DNS);
        assert_int_equal(heard->answer.ttl, 300);
    }
}

static void check_implicit(struct fixture *fixture, enum way_dns_outcome a,
                           enum way_dns_outcome aaaa, bool is_a_first)
{
    const struct heard *heard = &fixture->heard;

    (void)begin(fixture, WAY_LOOKUP_MX, "mail.example");
    fake_resolver_say(&fixture->fake, WAY_DNS_MX, WAY_DNS_NO_DATA);
    fixture->fake.cancelled = 0;
    say_both(fixture, a, aaaa, is_a_first);
    assert_int_equal(heard->answer.kind, WAY_LOOKUP_MX);
    assert_int_equal(heard->answer.outcome, outcome_of(pairs[a][aaaa], WAY_LOOKUP_MX));
    /* one address says enough: the other family is not waited for */
    assert_int_equal(fixture->fake.cancelled, (is_a_first ? a : aaaa) == WAY_DNS_FOUND);
    if (heard->answer.outcome == WAY_LOOKUP_ANSWERED) {
        assert_int_equal(heard->answer.source, WAY_SOURCE_DNS);
        assert_true(heard->answer.is_implicit);
        assert_false(heard->answer.is_null_mx);
        assert_string_equal(heard->hosts, "0 mail.example");
        assert_int_equal(heard->answer.ttl, 300);
    }
}

typedef void (*check_fn)(struct fixture *fixture, enum way_dns_outcome a, enum way_dns_outcome aaaa,
                         bool is_a_first);

static void check_every_pair(struct fixture *fixture, check_fn check)
{
    for (unsigned a = 0; a < WAY_DNS_OUTCOME_COUNT; a++) {
        for (unsigned aaaa = 0; aaaa < WAY_DNS_OUTCOME_COUNT; aaaa++) {
            print_message("    A %u, AAAA %u\n", a, aaaa);
            check(fixture, (enum way_dns_outcome)a, (enum way_dns_outcome)aaaa, true);
            check(fixture, (enum way_dns_outcome)a, (enum way_dns_outcome)aaaa, false);
        }
    }
}

static void resolve_combines_both_families(void **state)
{
    check_every_pair(*state, check_resolve);
}

static void an_implicit_mx_needs_one_address(void **state)
{
    check_every_pair(*state, check_implicit);
}

static void mx_alone_decides_unless_there_is_no_mx(void **state)
{
    static const struct {
        const char *label;
        enum way_dns_outcome mx;
        enum way_lookup_outcome want;
    } cases[] = {
        {"found", WAY_DNS_FOUND, WAY_LOOKUP_ANSWERED},
        {"nxdomain", WAY_DNS_NXDOMAIN, WAY_LOOKUP_NXDOMAIN},
        {"failure is never implicit", WAY_DNS_FAILURE, WAY_LOOKUP_DNS_FAILURE},
        {"time-out is never implicit", WAY_DNS_TIMEOUT, WAY_LOOKUP_DNS_TIMEOUT},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        size_t asked = fixture->fake.count;

        print_message("    %s\n", cases[i].label);
        (void)begin(fixture, WAY_LOOKUP_MX, "mail.example");
        assert_int_equal(fixture->fake.count, asked + 1);
        fake_resolver_say(&fixture->fake, WAY_DNS_MX, cases[i].mx);
        assert_int_equal(fixture->heard.calls, 1);
        assert_int_equal(fixture->heard.answer.outcome, cases[i].want);
        assert_int_equal(fixture->fake.count, asked + 1);
        assert_string_equal(fixture->heard.hosts,
                            cases[i].mx == WAY_DNS_FOUND ? "10 mx.example" : "");
        assert_false(fixture->heard.answer.is_implicit);
        assert_false(fixture->heard.answer.is_null_mx);
    }
}

/* --- what records become ---------------------------------------------------------------------- */

static void mail_hosts_come_in_ascending_preference(void **state)
{
    static const struct {
        const char *label;
        size_t count;

        struct {
            uint16_t preference;
            const char *host;
        } records[5];

        const char *want;
        bool is_null_mx;
    } cases[] = {
        {"one", 1, {{10, "a.example"}}, "10 a.example", false},
        {"turned round",
         3,
         {{30, "c.example"}, {20, "b.example"}, {10, "a.example"}},
         "10 a.example 20 b.example 30 c.example",
         false},
        {"the extremes",
         3,
         {{65535, "c.example"}, {0, "a.example"}, {256, "b.example"}},
         "0 a.example 256 b.example 65535 c.example",
         false},
        {"equals in a fixed order",
         3,
         {{10, "c.example"}, {10, "a.example"}, {5, "b.example"}},
         "5 b.example 10 a.example 10 c.example",
         false},
        {"a null MX alone", 1, {{0, ""}}, "", true},
        {"a null MX with a preference", 1, {{10, ""}}, "", true},
        {"a null MX beside a real one does not count",
         2,
         {{0, ""}, {10, "a.example"}},
         "10 a.example",
         false},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_dns_record records[5] = {0};

        print_message("    %s\n", cases[i].label);
        for (size_t j = 0; j < cases[i].count; j++) {
            records[j].of.mx.preference = cases[i].records[j].preference;
            (void)snprintf(records[j].of.mx.host, sizeof records[j].of.mx.host, "%s",
                           cases[i].records[j].host);
        }
        (void)begin(fixture, WAY_LOOKUP_MX, "mail.example");
        fake_resolver_answer(&fixture->fake, WAY_DNS_MX, WAY_DNS_FOUND, 60, records,
                             cases[i].count);
        assert_int_equal(fixture->heard.calls, 1);
        assert_int_equal(fixture->heard.answer.outcome, WAY_LOOKUP_ANSWERED);
        assert_string_equal(fixture->heard.hosts, cases[i].want);
        assert_int_equal(fixture->heard.answer.is_null_mx, cases[i].is_null_mx);
        assert_false(fixture->heard.answer.is_implicit);
        assert_int_equal(fixture->heard.answer.ttl, 60);
    }
}

static void addresses_are_canonical_and_live_as_long_as_the_shorter(void **state)
{
    struct fixture *fixture = *state;
    struct way_dns_record ipv4[2] = {0};
    struct way_dns_record ipv6[2] = {0};

    memcpy(ipv4[0].of.ipv4, (const uint8_t[]){203, 0, 113, 255}, 4);
    memcpy(ipv4[1].of.ipv4, (const uint8_t[]){0, 0, 0, 0}, 4);
    memcpy(ipv6[0].of.ipv6, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [7] = 1}, 16);
    memcpy(ipv6[1].of.ipv6, (const uint8_t[16]){[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2},
           16);
    for (uint32_t ttl = 10; ttl <= 30; ttl += 20) {
        (void)begin(fixture, WAY_LOOKUP_RESOLVE, "mail.example");
        fake_resolver_answer(&fixture->fake, WAY_DNS_A, WAY_DNS_FOUND, 20, ipv4, 2);
        fake_resolver_answer(&fixture->fake, WAY_DNS_AAAA, WAY_DNS_FOUND, ttl, ipv6, 2);
        assert_int_equal(fixture->heard.calls, 1);
        assert_string_equal(fixture->heard.addresses,
                            "203.0.113.255 0.0.0.0 2001:db8:0:1:: ::ffff:192.0.2.0");
        assert_int_equal(fixture->heard.answer.ttl, ttl < 20 ? ttl : 20);
    }
    /* a negative answer's TTL says nothing about the addresses there are */
    (void)begin(fixture, WAY_LOOKUP_RESOLVE, "mail.example");
    fake_resolver_answer(&fixture->fake, WAY_DNS_A, WAY_DNS_NO_DATA, 5, NULL, 0);
    fake_resolver_answer(&fixture->fake, WAY_DNS_AAAA, WAY_DNS_FOUND, 900, ipv6, 1);
    assert_int_equal(fixture->heard.answer.ttl, 900);
}

static void one_deadline_and_one_name_for_every_question(void **state)
{
    struct fixture *fixture = *state;

    (void)begin(fixture, WAY_LOOKUP_MX, "Mail.Example.");
    fake_resolver_say(&fixture->fake, WAY_DNS_MX, WAY_DNS_NO_DATA);
    fake_resolver_say(&fixture->fake, WAY_DNS_A, WAY_DNS_NO_DATA);
    fake_resolver_say(&fixture->fake, WAY_DNS_AAAA, WAY_DNS_NO_DATA);
    (void)begin(fixture, WAY_LOOKUP_RESOLVE, "mail.example");
    fake_resolver_say(&fixture->fake, WAY_DNS_A, WAY_DNS_FOUND);
    fake_resolver_say(&fixture->fake, WAY_DNS_AAAA, WAY_DNS_FOUND);
    assert_int_equal(fixture->fake.count, 5);
    for (size_t i = 0; i < fixture->fake.count; i++) {
        assert_int_equal(fixture->fake.asks[i].deadline_ms, DEADLINE_MS);
        assert_string_equal(fixture->fake.asks[i].name, "mail.example");
    }
}

/* --- how many may wait ------------------------------------------------------------------------ */

static void too_many_at_a_time_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct way_question question = question_of(WAY_LOOKUP_RESOLVE, "mail.example");
    struct way_pending *pending[WAITING_MAX];
    struct way_answer answer;
    size_t asked;

    for (size_t i = 0; i < WAITING_MAX; i++) {
        pending[i] = begin(fixture, i % 2 == 0 ? WAY_LOOKUP_RESOLVE : WAY_LOOKUP_MX, "a.example");
    }
    asked = fixture->fake.count;
    assert_null(way_lookup_wait(fixture->lookup, &question, keep, &fixture->heard));
    assert_int_equal(fixture->fake.count, asked);
    way_lookup_refuse(fixture->lookup, &question, WAY_LOOKUP_BUSY, &answer);
    assert_int_equal(answer.outcome, WAY_LOOKUP_BUSY);
    assert_int_equal(answer.kind, WAY_LOOKUP_RESOLVE);
    assert_int_equal(counted(fixture, "waypost_lookups_total{kind=\"resolve\",source=\"busy\"} "),
                     1);

    /* one that is over, and one that is given up, make room for two */
    fake_resolver_say(&fixture->fake, WAY_DNS_A, WAY_DNS_FOUND);
    fake_resolver_say(&fixture->fake, WAY_DNS_AAAA, WAY_DNS_FOUND);
    assert_int_equal(fixture->heard.calls, 1);
    way_lookup_cancel(pending[1]);
    pending[0] = begin(fixture, WAY_LOOKUP_MX, "b.example");
    pending[1] = begin(fixture, WAY_LOOKUP_MX, "c.example");
    assert_null(way_lookup_wait(fixture->lookup, &question, keep, &fixture->heard));
    for (size_t i = 0; i < WAITING_MAX; i++) {
        way_lookup_cancel(pending[i]);
    }
    assert_int_equal(fixture->fake.open, 0);
}

static void what_is_cancelled_is_never_answered(void **state)
{
    static const struct {
        const char *label;
        enum way_lookup_kind kind;
        int said; /* answers of DNS before it */
        size_t want_cancelled;
    } cases[] = {
        {"resolve, at once", WAY_LOOKUP_RESOLVE, 0, 2},
        {"resolve, after one family", WAY_LOOKUP_RESOLVE, 1, 1},
        {"mx, at once", WAY_LOOKUP_MX, 0, 1},
        {"mx, while addresses are asked", WAY_LOOKUP_MX, 1, 2},
        {"mx, after one family", WAY_LOOKUP_MX, 2, 1},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_pending *pending = begin(fixture, cases[i].kind, "mail.example");
        int said = 0;

        print_message("    %s\n", cases[i].label);
        fixture->fake.cancelled = 0;
        if (said < cases[i].said && cases[i].kind == WAY_LOOKUP_MX) {
            fake_resolver_say(&fixture->fake, WAY_DNS_MX, WAY_DNS_NO_DATA);
            said++;
        }
        if (said < cases[i].said) {
            fake_resolver_say(&fixture->fake, WAY_DNS_A,
                              cases[i].kind == WAY_LOOKUP_MX ? WAY_DNS_NO_DATA : WAY_DNS_FOUND);
        }
        way_lookup_cancel(pending);
        assert_int_equal(fixture->heard.calls, 0);
        assert_int_equal(fixture->fake.open, 0);
        assert_int_equal(fixture->fake.cancelled, cases[i].want_cancelled);
    }
}

/* --- what is counted -------------------------------------------------------------------------- */

static void every_answer_is_counted_once_by_its_end(void **state)
{
    struct fixture *fixture = *state;
    struct way_question question = question_of(WAY_LOOKUP_RESOLVE, "example.org");
    struct way_answer answer;

    override(fixture, "example.org", "relay.example.net", 7);
    assert_true(way_lookup_now(fixture->lookup, &question, &answer));
    assert_true(way_lookup_now(fixture->lookup, &question, &answer));
    question = question_of(WAY_LOOKUP_MX, "192.0.2.1");
    assert_true(way_lookup_now(fixture->lookup, &question, &answer));
    (void)begin(fixture, WAY_LOOKUP_MX, "mail.example");
    fake_resolver_say(&fixture->fake, WAY_DNS_MX, WAY_DNS_FOUND);
    (void)begin(fixture, WAY_LOOKUP_MX, "mail.example");
    fake_resolver_say(&fixture->fake, WAY_DNS_MX, WAY_DNS_NXDOMAIN);
    way_lookup_cancel(begin(fixture, WAY_LOOKUP_MX, "mail.example"));

    assert_int_equal(
        counted(fixture, "waypost_lookups_total{kind=\"resolve\",source=\"override\"} "), 2);
    assert_int_equal(counted(fixture, "waypost_lookups_total{kind=\"mx\",source=\"literal\"} "), 1);
    assert_int_equal(counted(fixture, "waypost_lookups_total{kind=\"mx\",source=\"dns\"} "), 1);
    assert_int_equal(counted(fixture, "waypost_lookups_total{kind=\"mx\",source=\"nxdomain\"} "),
                     1);
    assert_int_equal(counted(fixture, "waypost_lookups_total{kind=\"mx\",source=\"override\"} "),
                     0);
}

static void every_source_and_outcome_has_a_word(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WAY_SOURCE_COUNT; i++) {
        assert_int_not_equal(way_source_name((enum way_source)i)[0], '\0');
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(way_source_name((enum way_source)i),
                                    way_source_name((enum way_source)j));
        }
    }
    for (unsigned i = 0; i < WAY_LOOKUP_OUTCOME_COUNT; i++) {
        assert_int_not_equal(way_lookup_outcome_name((enum way_lookup_outcome)i)[0], '\0');
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(way_lookup_outcome_name((enum way_lookup_outcome)i),
                                    way_lookup_outcome_name((enum way_lookup_outcome)j));
        }
    }
    assert_string_equal(way_source_name(WAY_SOURCE_OVERRIDE), "override");
    assert_string_equal(way_source_name(WAY_SOURCE_LITERAL), "literal");
    assert_string_equal(way_source_name(WAY_SOURCE_DNS), "dns");
    assert_string_equal(way_source_name(WAY_SOURCE_NONE), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_needs_no_dns_is_answered_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_override_carries_the_revision_of_its_row, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_data_no_route_is_invented, set_up, tear_down),
        cmocka_unit_test_setup_teardown(resolve_combines_both_families, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mx_alone_decides_unless_there_is_no_mx, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_implicit_mx_needs_one_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mail_hosts_come_in_ascending_preference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(addresses_are_canonical_and_live_as_long_as_the_shorter,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_deadline_and_one_name_for_every_question, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(too_many_at_a_time_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_cancelled_is_never_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_answer_is_counted_once_by_its_end, set_up, tear_down),
        cmocka_unit_test(every_source_and_outcome_has_a_word),
    };

    return cmocka_run_group_tests_name("domain/lookup", tests, NULL, NULL);
}
