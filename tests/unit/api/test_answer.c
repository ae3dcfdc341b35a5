/* SPDX-License-Identifier: MIT */
#include "api/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static const struct way_address addresses[] = {{"192.0.2.7"}, {"2001:db8::7"}};
static const struct way_mail_host hosts[] = {{10, "mx1.example.org"}, {65535, "mx2.example.org"}};
static const struct way_mail_host itself[] = {{0, "example.org"}};

struct shown {
    const char *label;
    const char *key;
    const char *target; /* of an override */
    struct way_answer answer;
    const char *json, *text;
};

/* Design section 2, example by example. */
static const struct shown resolve_answers[] = {
    {"an override to an address",
     "example.org",
     "10.0.0.5",
     {.source = WAY_SOURCE_OVERRIDE, .revision = 7},
     "{\"lookup_key\":\"example.org\",\"override\":true,\"source\":\"override\","
     "\"target_host\":\"10.0.0.5\",\"revision\":7}",
     "10.0.0.5\n"},
    {"an override to a host",
     "2001:db8::1",
     "relay.example.net",
     {.source = WAY_SOURCE_OVERRIDE, .revision = 18446744073709551615U},
     "{\"lookup_key\":\"2001:db8::1\",\"override\":true,\"source\":\"override\","
     "\"target_host\":\"relay.example.net\",\"revision\":18446744073709551615}",
     "relay.example.net\n"},
    {"DNS",
     "example.org",
     NULL,
     {.source = WAY_SOURCE_DNS, .ttl = 300, .address_count = 2, .addresses = addresses},
     "{\"lookup_key\":\"example.org\",\"override\":false,\"source\":\"dns\",\"target_host\":\"\","
     "\"addresses\":[\"192.0.2.7\",\"2001:db8::7\"],\"ttl\":300}",
     "192.0.2.7\n2001:db8::7\n"},
    {"a literal",
     "192.0.2.1",
     NULL,
     {.source = WAY_SOURCE_LITERAL},
     "{\"lookup_key\":\"192.0.2.1\",\"override\":false,\"source\":\"literal\","
     "\"target_host\":\"\",\"addresses\":[\"192.0.2.1\"]}",
     "192.0.2.1\n"},
    {"nothing",
     "example.org",
     NULL,
     {.source = WAY_SOURCE_NONE},
     "{\"lookup_key\":\"example.org\",\"override\":false,\"source\":\"none\",\"target_host\":\"\"}",
     ""},
};

static const struct shown mx_answers[] = {
    {"an override",
     "example.org",
     "staging.example.net",
     {.kind = WAY_LOOKUP_MX, .source = WAY_SOURCE_OVERRIDE, .revision = 7},
     "{\"domain\":\"example.org\",\"override\":true,\"source\":\"override\","
     "\"records\":[{\"host\":\"staging.example.net\",\"preference\":0}],\"revision\":7}",
     "0 staging.example.net\n"},
    {"an override to an IPv6 address",
     "example.org",
     "2001:db8::5",
     {.kind = WAY_LOOKUP_MX, .source = WAY_SOURCE_OVERRIDE, .revision = 8},
     "{\"domain\":\"example.org\",\"override\":true,\"source\":\"override\","
     "\"records\":[{\"host\":\"2001:db8::5\",\"preference\":0}],\"revision\":8}",
     "0 2001:db8::5\n"},
    {"DNS",
     "example.org",
     NULL,
     {.kind = WAY_LOOKUP_MX, .source = WAY_SOURCE_DNS, .ttl = 60, .host_count = 2, .hosts = hosts},
     "{\"domain\":\"example.org\",\"override\":false,\"source\":\"dns\",\"records\":["
     "{\"host\":\"mx1.example.org\",\"preference\":10},"
     "{\"host\":\"mx2.example.org\",\"preference\":65535}],\"ttl\":60}",
     "10 mx1.example.org\n65535 mx2.example.org\n"},
    {"an implicit MX",
     "example.org",
     NULL,
     {.kind = WAY_LOOKUP_MX,
      .source = WAY_SOURCE_DNS,
      .ttl = 0,
      .is_implicit = true,
      .host_count = 1,
      .hosts = itself},
     "{\"domain\":\"example.org\",\"override\":false,\"source\":\"dns\","
     "\"records\":[{\"host\":\"example.org\",\"preference\":0}],\"ttl\":0,\"implicit\":true}",
     "0 example.org\n"},
    {"a null MX",
     "example.org",
     NULL,
     {.kind = WAY_LOOKUP_MX, .source = WAY_SOURCE_DNS, .ttl = 60, .is_null_mx = true},
     "{\"domain\":\"example.org\",\"override\":false,\"source\":\"dns\",\"records\":[],"
     "\"ttl\":60,\"null_mx\":true}",
     "0 .\n"},
    {"a literal",
     "2001:db8::1",
     NULL,
     {.kind = WAY_LOOKUP_MX, .source = WAY_SOURCE_LITERAL},
     "{\"domain\":\"2001:db8::1\",\"override\":false,\"source\":\"literal\","
     "\"records\":[{\"host\":\"2001:db8::1\",\"preference\":0}]}",
     "0 2001:db8::1\n"},
    {"nothing",
     "example.org",
     NULL,
     {.kind = WAY_LOOKUP_MX, .source = WAY_SOURCE_NONE},
     "{\"domain\":\"example.org\",\"override\":false,\"source\":\"none\",\"records\":[]}",
     ""},
};

static void check(const struct shown *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct way_answer answer = cases[i].answer;
        struct way_text text;
        struct way_key key;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(way_key_parse(cases[i].key, strlen(cases[i].key), &key, NULL), WAY_OK);
        if (cases[i].target != NULL) {
            assert_int_equal(
                way_key_parse(cases[i].target, strlen(cases[i].target), &answer.target.host, NULL),
                WAY_OK);
        } else {
            /* left over from another answer: only an override redirects */
            assert_int_equal(way_key_parse("left.example", 12, &answer.target.host, NULL), WAY_OK);
            answer.revision = 99;
        }
        way_text_init(&text, NULL, 0, 4096);
        api_answer_json(&text, &key, &answer);
        assert_string_equal(way_text_string(&text), cases[i].json);
        way_text_clear(&text);
        api_answer_text(&text, &key, &answer);
        assert_string_equal(way_text_string(&text), cases[i].text);
        way_text_fini(&text);
    }
}

static void every_source_of_resolve_is_shown(void **state)
{
    (void)state;
    check(resolve_answers, WAY_COUNT_OF(resolve_answers));
}

static void every_source_of_mx_is_shown(void **state)
{
    (void)state;
    check(mx_answers, WAY_COUNT_OF(mx_answers));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_source_of_resolve_is_shown),
        cmocka_unit_test(every_source_of_mx_is_shown),
    };

    return cmocka_run_group_tests_name("api/answer", tests, NULL, NULL);
}
