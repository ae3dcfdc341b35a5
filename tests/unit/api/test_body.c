/* SPDX-License-Identifier: MIT */
#include "api/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

#define BODY(literal)                  \
    {                                  \
        (literal), sizeof(literal) - 1 \
    } /* NULs and all */
#define CREATE WAY_WISH_CREATE
#define PUT    WAY_WISH_PUT
#define PATCH  WAY_WISH_PATCH

static enum way_status read_override(enum way_wish_kind kind, struct api_bytes body,
                                     struct way_wish *wish, struct way_error *err)
{
    memset(wish, 0, sizeof *wish);
    wish->kind = kind;
    if (kind != CREATE) {
        assert_int_equal(way_key_parse("example.org", 11, &wish->key, NULL), WAY_OK);
    }
    return api_body_read_override(body, wish, err);
}

/* What a wish holds, as "key>target c=comment e=1". */
static void describe(const struct way_wish *wish, char *out, size_t size)
{
    (void)snprintf(out, size, "%s>%s%s%s%s", wish->key.text,
                   wish->has_target ? wish->target.host.text : "-", wish->has_comment ? " c=" : "",
                   wish->has_comment ? wish->comment : "",
                   !wish->has_enabled ? ""
                   : wish->enabled    ? " e=1"
                                      : " e=0");
}

static void an_override_is_read(void **state)
{
    static const struct {
        const char *label;
        enum way_wish_kind kind;
        struct api_bytes body;
        const char *want;
    } cases[] = {
        {"all fields", CREATE,
         BODY("{\"lookup_key\":\"A.example.\",\"target_host\":\"[10.0.0.5]\",\"comment\":\"x\","
              "\"enabled\":false}"),
         "a.example>10.0.0.5 c=x e=0"},
        {"what is needed", CREATE, BODY("{\"target_host\":\"b.example\",\"lookup_key\":\"a\"}"),
         "a>b.example"},
        {"white space", PUT, BODY(" \r\n\t{ \"target_host\" : \"b.example\" } \n"),
         "example.org>b.example"},
        {"the key of the path, in another spelling", PUT,
         BODY("{\"lookup_key\":\"[Example.ORG.]\",\"target_host\":\"b.example\"}"),
         "example.org>b.example"},
        {"what was read before", PUT,
         BODY(
             "{\"lookup_key\":\"example.org\",\"target_host\":\"b.example\",\"comment\":\"\","
             "\"enabled\":true,\"created_at\":\"2026-01-01T00:00:00.000000Z\",\"created_by\":\"-\","
             "\"updated_at\":\"9999-12-31T23:59:59.999999Z\",\"updated_by\":\"a "
             "b\",\"revision\":7}"),
         "example.org>b.example c= e=1"},
        {"a revision that is whole", PUT, BODY("{\"target_host\":\"b\",\"revision\":7.0}"),
         "example.org>b"},
        {"a patch of nothing", PATCH, BODY("{}"), "example.org>-"},
        {"a patch of one field", PATCH, BODY("{\"enabled\":false}"), "example.org>- e=0"},
        {"null is the default of a patch", PATCH, BODY("{\"comment\":null,\"enabled\":null}"),
         "example.org>- c= e=1"},
        {"escapes", PUT,
         BODY("{\"target_host\":\"\\u0062.example\",\"comment\":\"\\\"\\n\\u00fc\"}"),
         "example.org>b.example c=\"\nü"},
        {"a surrogate pair", PUT, BODY("{\"target_host\":\"b\",\"comment\":\"\\ud83d\\ude42\"}"),
         "example.org>b c=🙂"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_wish wish;
        struct way_error err = {.detail = ""};
        char got[WAY_COMMENT_BYTES_MAX + 2 * WAY_KEY_MAX + 32];

        print_message("    %s\n", cases[i].label);
        assert_int_equal(read_override(cases[i].kind, cases[i].body, &wish, &err), WAY_OK);
        describe(&wish, got, sizeof got);
        assert_string_equal(got, cases[i].want);
    }
}

static void what_is_no_json_is_malformed(void **state)
{
    static const struct {
        const char *label;
        struct api_bytes body;
    } cases[] = {
        {"nothing", BODY("")},
        {"blanks", BODY("  \n ")},
        {"a word", BODY("example.org")},
        {"cut short", BODY("{\"target_host\":\"b.exam")},
        {"two documents", BODY("{\"target_host\":\"b\"}{}")},
        {"something behind it", BODY("{\"target_host\":\"b\"} x")},
        {"NUL behind it", BODY("{\"target_host\":\"b\"}\0")},
        {"NUL between", BODY("{\0\"target_host\":\"b\"}")},
        {"raw NUL in a string", BODY("{\"target_host\":\"b\0c\"}")},
        {"a raw line feed in a string", BODY("{\"comment\":\"a\nb\"}")},
        {"single quotes", BODY("{'target_host':'b'}")},
        {"a comma too many", BODY("{\"target_host\":\"b\",}")},
        {"no quotes around a name", BODY("{target_host:\"b\"}")},
        {"a comment", BODY("{/* */\"target_host\":\"b\"}")},
        {"not UTF-8", BODY("{\"comment\":\"Gr\xfc\xdf\"}")},
        {"overlong UTF-8", BODY("{\"comment\":\"\xc0\xaf\"}")},
        {"half a surrogate pair", BODY("{\"comment\":\"\\ud83d\"}")},
        {"the other half", BODY("{\"comment\":\"\\ude42\"}")},
        {"an unknown escape", BODY("{\"comment\":\"\\x41\"}")},
        {"NaN", BODY("{\"revision\":NaN}")},
        {"a number out of range", BODY("{\"revision\":1e999}")},
        {"NUL in a name", BODY("{\"tar\\u0000get_host\":\"b\"}")},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_wish wish;
        struct way_error err = {.detail = ""};

        print_message("    %s\n", cases[i].label);
        assert_int_equal(read_override(PATCH, cases[i].body, &wish, &err), WAY_MALFORMED);
        assert_int_equal(err.status, WAY_MALFORMED);
        assert_int_not_equal(err.detail[0], '\0');
    }
}

static const struct {
    const char *label;
    enum way_wish_kind kind;
    struct api_bytes body;
    const char *field, *says;
} broken_rules[] = {
    {"a list", PUT, BODY("[]"), "body", "object"},
    {"a list of objects", PUT, BODY("[{\"target_host\":\"b\"}]"), "body", "object"},
    {"a key is missing", CREATE, BODY("{\"target_host\":\"b.example\"}"), "lookup_key", "missing"},
    {"a target is missing", CREATE, BODY("{\"lookup_key\":\"a.example\"}"), "target_host",
     "missing"},
    {"a target is missing in a put", PUT, BODY("{}"), "target_host", "missing"},
    {"another key than the path's", PUT,
     BODY("{\"lookup_key\":\"other.example\",\"target_host\":\"b\"}"), "lookup_key", "path"},
    {"another key than the path's in a patch", PATCH, BODY("{\"lookup_key\":\"a.example\"}"),
     "lookup_key", "path"},
    {"a key that is none", CREATE, BODY("{\"lookup_key\":\"a b\",\"target_host\":\"b\"}"),
     "lookup_key", "blank"},
    {"a key that is a number", CREATE, BODY("{\"lookup_key\":1,\"target_host\":\"b\"}"),
     "lookup_key", "string"},
    {"a key that is null", PATCH, BODY("{\"lookup_key\":null}"), "lookup_key", "string"},
    {"an empty key", CREATE, BODY("{\"lookup_key\":\"\",\"target_host\":\"b\"}"), "lookup_key",
     "empty"},
    {"NUL in a key", CREATE, BODY("{\"lookup_key\":\"a\\u0000b\",\"target_host\":\"b\"}"),
     "lookup_key", "0x00"},
    {"an empty target", PUT, BODY("{\"target_host\":\"\"}"), "target_host", "empty"},
    {"a target that is a number", PUT, BODY("{\"target_host\":10}"), "target_host", "string"},
    {"a target that is null", PUT, BODY("{\"target_host\":null}"), "target_host", "string"},
    {"a patch to no target", PATCH, BODY("{\"target_host\":null}"), "target_host", "string"},
    {"a target that is a list", PUT, BODY("{\"target_host\":[\"b\"]}"), "target_host", "string"},
    {"a target that is a URL", PUT, BODY("{\"target_host\":\"smtp://b\"}"), "target_host", "URL"},
    {"a target with a port", PATCH, BODY("{\"target_host\":\"b.example:25\"}"), "target_host",
     "port"},
    {"NUL in a target", PATCH, BODY("{\"target_host\":\"b\\u0000.example\"}"), "target_host",
     "0x00"},
    {"NUL behind a target", PATCH, BODY("{\"target_host\":\"b.example\\u0000\"}"), "target_host",
     "0x00"},
    {"a target equal to its key", PUT, BODY("{\"target_host\":\"[EXAMPLE.org.]\"}"), "target_host",
     "differ"},
    {"a target equal to the key behind it", CREATE,
     BODY("{\"target_host\":\"a\",\"lookup_key\":\"A.\"}"), "target_host", "differ"},
    {"a comment that is a number", PUT, BODY("{\"target_host\":\"b\",\"comment\":1}"), "comment",
     "string"},
    {"a comment that is null", PUT, BODY("{\"target_host\":\"b\",\"comment\":null}"), "comment",
     "string"},
    {"NUL in a comment", PUT, BODY("{\"target_host\":\"b\",\"comment\":\"a\\u0000b\"}"), "comment",
     "0x00"},
    {"a control byte in a comment", PATCH, BODY("{\"comment\":\"a\\u001bb\"}"), "comment", "0x1b"},
    {"enabled as a word", PATCH, BODY("{\"enabled\":\"true\"}"), "enabled", "true or false"},
    {"enabled as a number", PATCH, BODY("{\"enabled\":1}"), "enabled", "true or false"},
    {"enabled as null in a put", PUT, BODY("{\"target_host\":\"b\",\"enabled\":null}"), "enabled",
     "true or false"},
    {"an unknown field", PATCH, BODY("{\"target\":\"b\"}"), "target", "not a field"},
    {"an unknown field that is null", PATCH, BODY("{\"targets\":null}"), "targets", "not a field"},
    {"in another case", PATCH, BODY("{\"Comment\":\"b\"}"), "Comment", "not a field"},
    {"an empty name", PATCH, BODY("{\"\":1}"), "", "not a field"},
    {"a field twice", PATCH, BODY("{\"comment\":\"a\",\"comment\":\"b\"}"), "comment", "once"},
    {"a field twice, the same", PUT, BODY("{\"target_host\":\"b\",\"target_host\":\"b\"}"),
     "target_host", "once"},
    {"a field twice, among others", CREATE,
     BODY("{\"lookup_key\":\"a\",\"target_host\":\"b\",\"comment\":\"\",\"lookup_key\":\"c\"}"),
     "lookup_key", "once"},
    {"a time that is null", PUT, BODY("{\"target_host\":\"b\",\"created_at\":null}"), "created_at",
     "time"},
    {"a time that no answer has", PUT,
     BODY("{\"target_host\":\"b\",\"updated_at\":\"2026-01-02T03:04:05Z\"}"), "updated_at", "time"},
    {"a day that no month has", PATCH, BODY("{\"updated_at\":\"2026-02-30T03:04:05.678901Z\"}"),
     "updated_at", "time"},
    {"NUL behind a time", PATCH, BODY("{\"created_at\":\"2026-01-02T03:04:05.678901Z\\u0000\"}"),
     "created_at", "time"},
    {"an actor that is a number", PATCH, BODY("{\"updated_by\":7}"), "updated_by", "ASCII"},
    {"an actor that is empty", PATCH, BODY("{\"created_by\":\"\"}"), "created_by", "ASCII"},
    {"an actor that is not ASCII", PATCH, BODY("{\"created_by\":\"\\u00fc\"}"), "created_by",
     "ASCII"},
    {"an actor of 65 characters", PATCH,
     BODY("{\"created_by\":\"0123456789012345678901234567890123456789012345678901234567890abcd\"}"),
     "created_by", "64"},
    {"a revision that is text", PATCH, BODY("{\"revision\":\"7\"}"), "revision", "number"},
    {"a revision that is zero", PATCH, BODY("{\"revision\":0}"), "revision", "number"},
    {"a revision that is not whole", PATCH, BODY("{\"revision\":7.5}"), "revision", "number"},
    {"a revision that is huge", PATCH, BODY("{\"revision\":1e19}"), "revision", "number"},
    {"a field twice that does not matter", PATCH, BODY("{\"revision\":1,\"revision\":2}"),
     "revision", "once"},
};

static void a_broken_rule_names_its_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(broken_rules); i++) {
        struct way_wish wish;
        struct way_error err = {.detail = ""};

        print_message("    %s\n", broken_rules[i].label);
        assert_int_equal(read_override(broken_rules[i].kind, broken_rules[i].body, &wish, &err),
                         WAY_INVALID);
        assert_int_equal(err.status, WAY_INVALID);
        assert_string_equal(err.field, broken_rules[i].field);
        if (strstr(err.detail, broken_rules[i].says) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", err.detail, broken_rules[i].says);
        }
    }
}

/* Rows in a change log may be older than the rules of today. */
static void what_was_stored_may_say_anything_of_who_and_when(void **state)
{
    static const struct api_bytes body =
        BODY("{\"target_host\":\"b.example\",\"created_at\":\"yesterday\",\"created_by\":\"\","
             "\"updated_at\":null,\"updated_by\":7,\"revision\":\"x\"}");
    struct way_wish wish = {.kind = PUT};
    struct way_error err;

    (void)state;
    assert_int_equal(api_body_read_override(body, &wish, &err), WAY_INVALID);
    assert_int_equal(api_body_read_stored(body, &wish, &err), WAY_OK);
    assert_string_equal(wish.target.host.text, "b.example");
}

/* Gives, for free(), a text of `depth` times `open`, then `middle`, then `depth` times `close`. */
static char *nest(const char *open, const char *middle, const char *close, size_t depth,
                  struct api_bytes *out)
{
    size_t len = depth * (strlen(open) + strlen(close)) + strlen(middle);
    char *text = malloc(len + 1);
    size_t at = 0;

    assert_non_null(text);
    for (size_t i = 0; i < depth; i++) {
        at += (size_t)snprintf(text + at, len + 1 - at, "%s", open);
    }
    at += (size_t)snprintf(text + at, len + 1 - at, "%s", middle);
    for (size_t i = 0; i < depth; i++) {
        at += (size_t)snprintf(text + at, len + 1 - at, "%s", close);
    }
    *out = (struct api_bytes){text, at};
    return text;
}

static void deep_nesting_is_refused_not_followed(void **state)
{
    static const struct {
        const char *label, *open, *middle, *close;
    } cases[] = {
        {"lists", "[", "", "]"},
        {"objects", "{\"a\":", "1", "}"},
        {"lists that are never closed", "[", "", ""},
        {"objects that are never closed", "{\"a\":", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_bytes body;
        char *text = nest(cases[i].open, cases[i].middle, cases[i].close, 100000, &body);
        struct way_wish wish;
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(read_override(PATCH, body, &wish, &err), WAY_MALFORMED);
        free(text);
    }
}

/* "[UNIT,UNIT,...]", where the unit is short and what the library would make of it is not. */
static size_t write_bomb(char *out, size_t size, const char *unit)
{
    size_t len = 0;

    out[len++] = '[';
    while (len + strlen(unit) + 3 < size) {
        len += (size_t)snprintf(out + len, size - len, "%s,", unit);
    }
    return len + (size_t)snprintf(out + len, size - len, "1]");
}

static void a_body_of_very_many_values_is_refused_unread(void **state)
{
    static const char *const units[] = {"{}", "[]", "1", "\"\"", "{\"a\":1}", "\"\\\"\""};

    enum { BOMB_BYTES = 128 * 1024 };

    char *bomb = malloc(BOMB_BYTES);
    struct way_wish wish;
    struct api_keys *keys = NULL;
    struct way_error err;

    (void)state;
    assert_non_null(bomb);
    for (size_t i = 0; i < WAY_COUNT_OF(units); i++) {
        struct api_bytes body = {bomb, write_bomb(bomb, BOMB_BYTES, units[i])};

        assert_int_equal(read_override(PUT, body, &wish, &err), WAY_MALFORMED);
        assert_non_null(strstr(err.detail, "values"));
        assert_int_equal(api_body_read_keys(body, &keys, &err), WAY_INVALID);
        assert_string_equal(err.field, "keys");
    }
    free(bomb);
}

static void what_stands_in_a_string_is_no_value(void **state)
{
    enum { TEXT_BYTES = 4000 };

    char json[2 * TEXT_BYTES];
    char text[TEXT_BYTES + 1];
    struct way_wish wish;
    struct way_error err;
    int len;

    (void)state;
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        text[i] = ",[{\\\""[i % 5];
    }
    text[TEXT_BYTES] = '\0';
    len = snprintf(json, sizeof json, "{\"comment\":\"%s\",\"target_host\":\"b\"}", text);
    assert_int_equal(read_override(PUT, (struct api_bytes){json, (size_t)len}, &wish, &err),
                     WAY_INVALID);
    assert_string_equal(err.field, "comment"); /* for it is too long */
}

static void a_long_field_name_is_cut(void **state)
{
    struct way_wish wish;
    struct way_error err;
    struct api_bytes body;
    char text[256] = "{\"";

    (void)state;
    memset(text + 2, 'x', 100);
    (void)snprintf(text + 102, sizeof text - 102, "\":1}");
    body = (struct api_bytes){text, strlen(text)};
    assert_int_equal(read_override(PATCH, body, &wish, &err), WAY_INVALID);
    assert_int_equal(strlen(err.field), WAY_ERROR_FIELD_MAX - 1);
    (void)snprintf(text + 102, sizeof text - 102, "\":1,");
    memcpy(text + 106, text + 1, 101);
    (void)snprintf(text + 207, sizeof text - 207, "\":1}");
    body.len = strlen(text);
    assert_int_equal(read_override(PATCH, body, &wish, &err), WAY_INVALID);
    assert_non_null(strstr(err.detail, "once"));
}

/* --- batches ---------------------------------------------------------------------------------- */

static void the_keys_of_a_batch_are_read_as_they_were_sent(void **state)
{
    static const struct api_bytes body =
        BODY("{\"keys\":[\"Example.ORG.\",\"\",\"a\\u0000b\",\"b\\u00fc\"]}");
    struct api_keys *keys = NULL;

    (void)state;
    assert_int_equal(api_body_read_keys(body, &keys, NULL), WAY_OK);
    assert_int_equal(api_keys_count(keys), 4);
    assert_true(api_bytes_equal(api_keys_at(keys, 0), "Example.ORG."));
    assert_int_equal(api_keys_at(keys, 1).len, 0);
    assert_int_equal(api_keys_at(keys, 2).len, 3);
    assert_memory_equal(api_keys_at(keys, 2).at, "a\0b", 3);
    assert_true(api_bytes_equal(api_keys_at(keys, 3), "bü"));
    api_keys_free(keys);
    api_keys_free(NULL);
}

static void a_batch_may_be_empty(void **state)
{
    static const struct api_bytes body = BODY("{\"keys\":[]}");
    struct api_keys *keys = NULL;

    (void)state;
    assert_int_equal(api_body_read_keys(body, &keys, NULL), WAY_OK);
    assert_int_equal(api_keys_count(keys), 0);
    api_keys_free(keys);
}

static void a_batch_is_bounded(void **state)
{
    (void)state;
    for (size_t count = API_BATCH_KEYS_MAX; count <= API_BATCH_KEYS_MAX + 1; count++) {
        size_t size = count * 4 + 16;
        char *text = malloc(size);
        struct api_keys *keys = NULL;
        struct way_error err;
        size_t at;
        enum way_status status;

        assert_non_null(text);
        at = (size_t)snprintf(text, size, "{\"keys\":[");
        for (size_t i = 0; i < count; i++) {
            at += (size_t)snprintf(text + at, size - at, "%s\"a\"", i > 0 ? "," : "");
        }
        at += (size_t)snprintf(text + at, size - at, "]}");
        status = api_body_read_keys((struct api_bytes){text, at}, &keys, &err);
        if (count == API_BATCH_KEYS_MAX) {
            assert_int_equal(status, WAY_OK);
            assert_int_equal(api_keys_count(keys), count);
            api_keys_free(keys);
        } else {
            assert_int_equal(status, WAY_INVALID);
            assert_string_equal(err.field, "keys");
            assert_non_null(strstr(err.detail, "10000"));
            assert_null(keys);
        }
        free(text);
    }
}

static void a_broken_batch_names_what_is_wrong(void **state)
{
    static const struct {
        const char *label;
        struct api_bytes body;
        enum way_status want;
        const char *field;
    } cases[] = {
        {"nothing", BODY(""), WAY_MALFORMED, ""},
        {"no JSON", BODY("{"), WAY_MALFORMED, ""},
        {"a list", BODY("[\"a\"]"), WAY_INVALID, "body"},
        {"no keys", BODY("{}"), WAY_INVALID, "keys"},
        {"keys are a string", BODY("{\"keys\":\"a\"}"), WAY_INVALID, "keys"},
        {"keys are null", BODY("{\"keys\":null}"), WAY_INVALID, "keys"},
        {"keys are an object", BODY("{\"keys\":{}}"), WAY_INVALID, "keys"},
        {"a number among them", BODY("{\"keys\":[\"a\",1]}"), WAY_INVALID, "keys[1]"},
        {"null among them", BODY("{\"keys\":[null]}"), WAY_INVALID, "keys[0]"},
        {"a list among them", BODY("{\"keys\":[\"a\",\"b\",[\"c\"]]}"), WAY_INVALID, "keys[2]"},
        {"another member", BODY("{\"keys\":[],\"more\":1}"), WAY_INVALID, "more"},
        {"another member before it", BODY("{\"fallback\":\"none\",\"keys\":[]}"), WAY_INVALID,
         "fallback"},
        {"keys twice", BODY("{\"keys\":[],\"keys\":[]}"), WAY_INVALID, "keys"},
        {"not UTF-8", BODY("{\"keys\":[\"\xff\"]}"), WAY_MALFORMED, ""},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_keys *keys = NULL;
        struct way_error err;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(api_body_read_keys(cases[i].body, &keys, &err), cases[i].want);
        assert_int_equal(err.status, cases[i].want);
        assert_string_equal(err.field, cases[i].field);
        assert_int_not_equal(err.detail[0], '\0');
        assert_null(keys);
    }
}

static void a_revision_is_read(void **state)
{
    static const struct {
        const char *label;
        struct api_bytes body;
        uint64_t want;
    } cases[] = {
        {"one", BODY("{\"revision\":1}"), 1},
        {"before the first", BODY(" { \"revision\" : 0 } "), 0},
        {"the last of all", BODY("{\"revision\":9223372036854775807}"), INT64_MAX},
        {"a real number that is whole", BODY("{\"revision\":1.0}"), 1},
        {"an exponent", BODY("{\"revision\":1e3}"), 1000},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        uint64_t got = 99;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(api_body_read_revision(cases[i].body, &got, NULL), WAY_OK);
        assert_int_equal(got, cases[i].want);
    }
}

static void what_names_no_revision_is_refused(void **state)
{
    static const struct {
        const char *label;
        struct api_bytes body;
        enum way_status status;
        const char *field;
    } cases[] = {
        {"nothing", BODY(""), WAY_MALFORMED, ""},
        {"no JSON", BODY("{revision:1}"), WAY_MALFORMED, ""},
        {"a list", BODY("[1]"), WAY_INVALID, "body"},
        {"a number alone", BODY("1"), WAY_MALFORMED, ""},
        {"an empty object", BODY("{}"), WAY_INVALID, "revision"},
        {"null", BODY("{\"revision\":null}"), WAY_INVALID, "revision"},
        {"below zero", BODY("{\"revision\":-1}"), WAY_INVALID, "revision"},
        {"a fraction", BODY("{\"revision\":1.5}"), WAY_INVALID, "revision"},
        {"a real number that is too large", BODY("{\"revision\":9223372036854775808.0}"),
         WAY_INVALID, "revision"},
        {"a real number below zero", BODY("{\"revision\":-1.0}"), WAY_INVALID, "revision"},
        {"a fraction behind an exponent", BODY("{\"revision\":15e-1}"), WAY_INVALID, "revision"},
        {"a text", BODY("{\"revision\":\"1\"}"), WAY_INVALID, "revision"},
        {"too large", BODY("{\"revision\":9223372036854775808}"), WAY_MALFORMED, ""},
        {"twice", BODY("{\"revision\":1,\"revision\":1}"), WAY_INVALID, "revision"},
        {"something else", BODY("{\"revision\":1,\"at\":2}"), WAY_INVALID, "at"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct way_error err = {.field = ""};
        uint64_t got;

        print_message("    %s\n", cases[i].label);
        assert_int_equal(api_body_read_revision(cases[i].body, &got, &err), cases[i].status);
        assert_string_equal(err.field, cases[i].field);
        assert_int_not_equal(err.detail[0], '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_override_is_read),
        cmocka_unit_test(what_is_no_json_is_malformed),
        cmocka_unit_test(a_broken_rule_names_its_field),
        cmocka_unit_test(what_was_stored_may_say_anything_of_who_and_when),
        cmocka_unit_test(deep_nesting_is_refused_not_followed),
        cmocka_unit_test(a_body_of_very_many_values_is_refused_unread),
        cmocka_unit_test(what_stands_in_a_string_is_no_value),
        cmocka_unit_test(a_long_field_name_is_cut),
        cmocka_unit_test(the_keys_of_a_batch_are_read_as_they_were_sent),
        cmocka_unit_test(a_batch_may_be_empty),
        cmocka_unit_test(a_batch_is_bounded),
        cmocka_unit_test(a_broken_batch_names_what_is_wrong),
        cmocka_unit_test(a_revision_is_read),
        cmocka_unit_test(what_names_no_revision_is_refused),
    };

    return cmocka_run_group_tests_name("api/body", tests, NULL, NULL);
}
