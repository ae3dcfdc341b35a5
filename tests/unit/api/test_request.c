/* SPDX-License-Identifier: MIT */
#include "api/request.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

/* Adds a piece behind `before`; separators and what is not plain ASCII as <xx>. */
static void add_piece(struct way_text *text, char before, struct api_bytes piece)
{
    way_text_putc(text, before);
    for (size_t at = 0; at < piece.len; at++) {
        unsigned byte = (unsigned char)piece.at[at];

        if (byte > ' ' && byte < 0x7f && strchr("/?&=<>", (int)byte) == NULL) {
            way_text_putc(text, piece.at[at]);
        } else {
            way_text_printf(text, "<%02x>", byte);
        }
    }
}

/* What a target was taken apart into, as one line: "/seg/seg?name=value&name=value". */
static const char *describe(const struct api_request *request, struct way_text *text)
{
    way_text_clear(text);
    for (size_t i = 0; i < request->segment_count; i++) {
        add_piece(text, '/', request->segments[i]);
    }
    for (size_t i = 0; i < request->param_count; i++) {
        add_piece(text, i == 0 ? '?' : '&', request->params[i].name);
        add_piece(text, '=', request->params[i].value);
    }
    return way_text_string(text);
}

static enum way_status parse(const char *target, enum api_method method,
                             struct api_request *request, char *room, size_t size,
                             struct way_error *err)
{
    memset(request, 0x5a, sizeof *request);
    request->method = method;
    (void)snprintf(room, size, "%s", target);
    return api_request_parse_target(room, request, err);
}

static void a_target_is_split_first_and_decoded_once(void **state)
{
    static const struct {
        const char *label, *target, *want;
    } cases[] = {
        {"a path", "/overrides/example.org", "/overrides/example.org"},
        {"one segment", "/resolve", "/resolve"},
        {"the root", "/", "/"},
        {"a slash at the end", "/overrides/", "/overrides/"},
        {"two slashes", "//overrides", "//overrides"},
        {"two slashes in the middle", "/overrides//x", "/overrides//x"},
        {"an encoded octet", "/resolve/ex%61mple", "/resolve/example"},
        {"encoded in either case", "/resolve/%5B%3a%3A%5d", "/resolve/[::]"},
        {"an encoded slash separates nothing", "/resolve/a%2Fb", "/resolve/a<2f>b"},
        {"an encoded question mark", "/resolve/a%3Fb", "/resolve/a<3f>b"},
        {"an encoded percent sign is decoded once", "/resolve/%2541", "/resolve/%41"},
        {"an encoded NUL", "/resolve/a%00b", "/resolve/a<00>b"},
        {"encoded UTF-8", "/resolve/b%C3%BCcher", "/resolve/b<c3><bc>cher"},
        {"raw characters that keys have", "/resolve/user@[2001:db8::1]*",
         "/resolve/user@[2001:db8::1]*"},
        {"plus is plus", "/resolve/a+b?key=a+b", "/resolve/a+b?key=a+b"},
        {"dots are segments like others", "/overrides/../healthz", "/overrides/../healthz"},
        {"encoded dots too", "/overrides/%2e%2E", "/overrides/.."},
        {"a query", "/resolve?key=example.org", "/resolve?key=example.org"},
        {"several parameters", "/overrides?limit=5&sort=-updated_at&q=x",
         "/overrides?limit=5&sort=-updated_at&q=x"},
        {"an empty query", "/resolve?", "/resolve"},
        {"a parameter without a value", "/resolve?key", "/resolve?key="},
        {"an empty value", "/resolve?key=", "/resolve?key="},
        {"an empty name", "/resolve?=x", "/resolve?=x"},
        {"the first equals sign counts", "/resolve?key=a=b", "/resolve?key=a<3d>b"},
        {"empty parts of a query", "/resolve?&&key=x&&", "/resolve?key=x"},
        {"encoded separators of a query", "/resolve?ke%79=a%26b%3Dc", "/resolve?key=a<26>b<3d>c"},
        {"a question mark in a query", "/resolve?key=a?b", "/resolve?key=a<3f>b"},
        {"a slash in a query", "/resolve?key=a/b", "/resolve?key=a<2f>b"},
        {"a parameter twice", "/resolve?key=a&key=b", "/resolve?key=a&key=b"},
        {"a query on the root", "/?x=y", "/?x=y"},
        {"absolute form", "http://waypost.example:8080/resolve/a?fallback=none",
         "/resolve/a?fallback=none"},
        {"absolute form, https, upper case", "HTTPS://waypost.example/mx/a", "/mx/a"},
        {"absolute form with an IPv6 host", "http://[::1]:8080/mx", "/mx"},
        {"absolute form without a path", "http://waypost.example", "/"},
        {"absolute form, query, no path", "http://waypost.example?x=y", "/?x=y"},
        {"a URL in a path is no absolute form", "/resolve/http://x", "/resolve/http://x"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_request request;
        struct way_error err;
        struct way_text got;
        char room[256];

        print_message("    %s\n", cases[i].label);
        way_text_init(&got, NULL, 0, 4096);
        assert_int_equal(parse(cases[i].target, API_GET, &request, room, sizeof room, &err),
                         WAY_OK);
        assert_false(request.is_asterisk);
        assert_string_equal(describe(&request, &got), cases[i].want);
        way_text_fini(&got);
    }
}

static void what_does_not_parse_is_refused(void **state)
{
    static const struct {
        const char *label, *target, *says;
        enum api_method method;
    } cases[] = {
        {"no slash", "resolve", "start with '/'", API_GET},
        {"nothing", "", "start with '/'", API_GET},
        {"only a query", "?key=x", "start with '/'", API_GET},
        {"an asterisk, but no OPTIONS", "*", "start with '/'", API_GET},
        {"an asterisk and more", "*x", "start with '/'", API_OPTIONS},
        {"another scheme", "ftp://example.org/", "start with '/'", API_GET},
        {"a percent sign alone", "/resolve/%", "hexadecimal", API_GET},
        {"one digit", "/resolve/a%2", "hexadecimal", API_GET},
        {"no digit", "/resolve/%zz", "hexadecimal", API_GET},
        {"one digit and a letter", "/resolve/%4g", "hexadecimal", API_GET},
        {"a sign before the digit", "/resolve/%+1", "hexadecimal", API_GET},
        {"in a parameter's name", "/resolve?ke%=x", "hexadecimal", API_GET},
        {"in a parameter's value", "/resolve?key=%1", "hexadecimal", API_GET},
        {"a percent sign cut by an ampersand", "/resolve?key=%&a=bc", "hexadecimal", API_GET},
        {"a percent sign cut by a slash", "/resolve/%4/1", "hexadecimal", API_GET},
        {"a raw blank", "/resolve/a b", "0x20", API_GET},
        {"a raw tab", "/resolve/a\tb", "0x09", API_GET},
        {"a raw line feed", "/resolve?key=\n", "0x0a", API_GET},
        {"raw DEL", "/resolve/\x7f", "0x7f", API_GET},
        {"raw UTF-8", "/resolve/b\xc3\xbc", "0xc3", API_GET},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_request request;
        struct way_error err;
        char room[256];

        print_message("    %s\n", cases[i].label);
        assert_int_equal(parse(cases[i].target, cases[i].method, &request, room, sizeof room, &err),
                         WAY_MALFORMED);
        assert_int_equal(err.status, WAY_MALFORMED);
        assert_non_null(strstr(err.detail, cases[i].says));
    }
}

static void an_asterisk_is_for_options(void **state)
{
    struct api_request request;
    char room[16];

    (void)state;
    assert_int_equal(parse("*", API_OPTIONS, &request, room, sizeof room, NULL), WAY_OK);
    assert_true(request.is_asterisk);
    assert_int_equal(request.segment_count, 0);
    assert_int_equal(request.param_count, 0);
}

static void a_path_that_is_too_deep_matches_nothing(void **state)
{
    static const struct {
        const char *label, *target;
        size_t want;
    } cases[] = {
        {"as deep as may be", "/1/2/3/4/5/6/7/8", 8}, {"one deeper", "/1/2/3/4/5/6/7/8/9", 8},
        {"a slash more", "/1/2/3/4/5/6/7/8/", 8},     {"seven and a slash", "/1/2/3/4/5/6/7/", 8},
        {"slashes only", "//////////////////", 8},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_request request;
        char room[64];

        print_message("    %s\n", cases[i].label);
        assert_int_equal(parse(cases[i].target, API_GET, &request, room, sizeof room, NULL),
                         WAY_OK);
        assert_int_equal(request.segment_count, cases[i].want);
    }
}

static void parameters_are_bounded(void **state)
{
    char target[256] = "/resolve?";
    char room[256];
    struct api_request request;
    struct way_error err;

    (void)state;
    for (unsigned i = 0; i < API_PARAMS_MAX; i++) {
        size_t len = strlen(target);

        (void)snprintf(target + len, sizeof target - len, "p%u=%u&", i, i);
    }
    assert_int_equal(parse(target, API_GET, &request, room, sizeof room, &err), WAY_OK);
    assert_int_equal(request.param_count, API_PARAMS_MAX);
    (void)snprintf(target + strlen(target), sizeof target - strlen(target), "one=more");
    assert_int_equal(parse(target, API_GET, &request, room, sizeof room, &err), WAY_MALFORMED);
    assert_non_null(strstr(err.detail, "16"));
}

/* xorshift64*, with a fixed seed. */
static uint64_t draw(uint64_t *generator, uint64_t below)
{
    *generator ^= *generator >> 12;
    *generator ^= *generator << 25;
    *generator ^= *generator >> 27;
    return ((*generator * UINT64_C(2685821657736338717)) >> 33) % below;
}

static void any_octets_survive_being_encoded(void **state)
{
    uint64_t generator = 3986;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        unsigned char want[40];
        char *target = malloc(2 * sizeof want * 3 + 16); /* on the heap, so that overruns show */
        struct api_request request = {.method = API_GET};
        const struct api_bytes *value;
        size_t len = draw(&generator, sizeof want + 1);
        size_t at = 0;

        assert_non_null(target);
        for (size_t i = 0; i < len; i++) {
            want[i] = (unsigned char)draw(&generator, 256);
        }
        at += (size_t)snprintf(target + at, 8, "/x/");
        for (size_t i = 0; i < len; i++) {
            at += (size_t)snprintf(target + at, 4, "%%%02X", want[i]);
        }
        at += (size_t)snprintf(target + at, 8, "?key=");
        for (size_t i = 0; i < len; i++) {
            at += (size_t)snprintf(target + at, 4, "%%%02x", want[i]);
        }
        assert_int_equal(api_request_parse_target(target, &request, NULL), WAY_OK);
        assert_int_equal(request.segment_count, 2);
        assert_int_equal(request.segments[1].len, len);
        assert_memory_equal(request.segments[1].at, want, len);
        value = api_request_param(&request, "key");
        assert_non_null(value);
        assert_int_equal(value->len, len);
        assert_memory_equal(value->at, want, len);
        free(target);
    }
}

static void parameters_must_be_known_and_given_once(void **state)
{
    static const char *const allowed[] = {"key", "fallback", NULL};

    static const struct {
        const char *label, *target, *field, *says;
    } cases[] = {
        {"none", "/resolve", NULL, NULL},
        {"one", "/resolve?key=x", NULL, NULL},
        {"both, in either order", "/resolve?fallback=none&key=x", NULL, NULL},
        {"an unknown one", "/resolve?keys=x", "keys", "not a parameter"},
        {"an unknown one behind a known one", "/resolve?key=x&a=b", "a", "not a parameter"},
        {"in another case", "/resolve?KEY=x", "KEY", "not a parameter"},
        {"without a name", "/resolve?=x", "", "not a parameter"},
        {"NUL behind the name", "/resolve?key%00=x", "key", "not a parameter"},
        {"twice", "/resolve?key=x&key=x", "key", "once"},
        {"twice, once encoded", "/resolve?key=x&%6bey=y", "key", "once"},
        {"a name longer than a field",
         "/resolve?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=x",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "not a parameter"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_request request;
        struct way_error err;
        char room[256];
        enum way_status status;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(parse(cases[i].target, API_GET, &request, room, sizeof room, NULL),
                         WAY_OK);
        status = api_request_check_params(&request, allowed, &err);
        if (cases[i].field == NULL) {
            assert_int_equal(status, WAY_OK);
            continue;
        }
        assert_int_equal(status, WAY_INVALID);
        assert_string_equal(err.field, cases[i].field);
        assert_non_null(strstr(err.detail, cases[i].says));
    }
}

static void a_parameter_is_found_by_its_whole_name(void **state)
{
    struct api_request request;
    char room[64];

    (void)state;
    assert_int_equal(
        parse("/resolve?key=a&ke=b&keys=c", API_GET, &request, room, sizeof room, NULL), WAY_OK);
    assert_true(api_bytes_equal(*api_request_param(&request, "key"), "a"));
    assert_true(api_bytes_equal(*api_request_param(&request, "ke"), "b"));
    assert_null(api_request_param(&request, "k"));
    assert_null(api_request_param(&request, ""));
}

static void methods_have_names(void **state)
{
    static const struct {
        const char *word;
        enum api_method want;
    } cases[] = {
        {"GET", API_GET},         {"HEAD", API_HEAD},         {"POST", API_POST},
        {"PUT", API_PUT},         {"PATCH", API_PATCH},       {"DELETE", API_DELETE},
        {"OPTIONS", API_OPTIONS}, {"get", API_METHOD_OTHER},  {"TRACE", API_METHOD_OTHER},
        {"", API_METHOD_OTHER},   {"GETS", API_METHOD_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        assert_int_equal(api_method_parse(cases[i].word), cases[i].want);
        if (cases[i].want != API_METHOD_OTHER) {
            assert_string_equal(api_method_name(cases[i].want), cases[i].word);
        }
    }
    assert_string_equal(api_method_name(API_METHOD_OTHER), "OTHER");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_is_split_first_and_decoded_once),
        cmocka_unit_test(what_does_not_parse_is_refused),
        cmocka_unit_test(an_asterisk_is_for_options),
        cmocka_unit_test(a_path_that_is_too_deep_matches_nothing),
        cmocka_unit_test(parameters_are_bounded),
        cmocka_unit_test(any_octets_survive_being_encoded),
        cmocka_unit_test(parameters_must_be_known_and_given_once),
        cmocka_unit_test(a_parameter_is_found_by_its_whole_name),
        cmocka_unit_test(methods_have_names),
    };

    return cmocka_run_group_tests_name("api/request", tests, NULL, NULL);
}
