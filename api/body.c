/* SPDX-License-Identifier: MIT */
#include "api/body.h"

#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VALUES_MAX = 1024,                         /* in a body of JSON; no override has as many */
    BATCH_VALUES_MAX = 2 * API_BATCH_KEYS_MAX, /* of a batch; more than all keys, so that a few too
                                                * many of them are counted in the refusal */
};

struct api_keys {
    json_t *document; /* owned */
    const json_t *list;
};

/* The member that jansson's message quotes: `duplicate object key near '"name"'`. */
static void quoted_name(const char *message, char *out, size_t size)
{
    const char *start = strstr(message, "'\"");
    const char *end = start == NULL ? NULL : strstr(start + 2, "\"'");

    (void)snprintf(out, size, "body");
    if (end != NULL && end > start + 2) {
        (void)snprintf(out, size, "%.*s", (int)(end - start - 2), start + 2);
    }
}

/* Where the string that begins before `at` ends, behind its quote. */
static size_t skip_string(struct api_bytes body, size_t at)
{
    while (at < body.len && body.at[at] != '"') {
        at += body.at[at] == '\\' ? 2 : 1;
    }
    return at + 1;
}

/* The library makes an object of a hundred bytes and more of each value, and takes its time: 4 MiB
 * of "{},{},{}" are 300 MiB and half a second in which the loop serves nobody. A text that is
 * JSON has no more values than this says: each but the first follows a bracket or a comma. */
static size_t count_values(struct api_bytes body, size_t enough)
{
    size_t count = 1;
    size_t at = 0;

    while (at < body.len && count <= enough) {
        char byte = body.at[at++];

        if (byte == '"') {
            at = skip_string(body, at);
        }
        count += byte == ',' || byte == '[' || byte == '{';
    }
    return count;
}

/* Gives an object. The caller has counted its values. */
static enum way_status parse_object(struct api_bytes body, json_t **document, struct way_error *err)
{
    json_error_t error;
    json_t *json;

    if (body.len == 0) {
        return way_fail(err, WAY_MALFORMED, "", "a JSON body is missing");
    }
    json = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (json == NULL) {
        char name[WAY_ERROR_FIELD_MAX];

        if (json_error_code(&error) == json_error_duplicate_key) {
            quoted_name(error.text, name, sizeof name);
            return way_fail(err, WAY_INVALID, name, "must be given once");
        }
        return way_fail(err, WAY_MALFORMED, "", "not JSON: line %d, column %d: %s", error.line,
                        error.column, error.text);
    }
    if (!json_is_object(json)) {
        json_decref(json);
        return way_fail(err, WAY_INVALID, "body", "must be a JSON object");
    }
    *document = json;
    return WAY_OK;
}

/* A whole number from 0 on. JSON Schema does not tell 7 from 7.0, so neither do we. */
static bool read_whole(const json_t *value, uint64_t *out)
{
    static const double past = 9223372036854775808.0; /* INT64_MAX + 1, which a double can be */
    double real = json_real_value(value);

    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = (uint64_t)json_integer_value(value);
        return true;
    }
    if (json_is_real(value) && real >= 0 && real < past && (double)(uint64_t)real == real) {
        *out = (uint64_t)real;
        return true;
    }
    return false;
}

/* Gives an object of a handful of members, as all are but a batch. */
static enum way_status parse_small(struct api_bytes body, json_t **document, struct way_error *err)
{
    if (count_values(body, VALUES_MAX) > VALUES_MAX) {
        return way_fail(err, WAY_MALFORMED, "", "the JSON has more than %d values", VALUES_MAX);
    }
    return parse_object(body, document, err);
}

static enum way_status want_string(const char *name, const json_t *value, struct way_error *err)
{
    if (!json_is_string(value)) {
        return way_fail(err, WAY_INVALID, name, "must be a string");
    }
    return WAY_OK;
}

static enum way_status read_lookup_key(const char *name, const json_t *value, struct way_wish *wish,
                                       struct way_error *err)
{
    struct way_key key;
    enum way_status status = want_string(name, value, err);

    if (status == WAY_OK) {
        status = way_key_parse(json_string_value(value), json_string_length(value), &key, err);
    }
    if (status != WAY_OK) {
        return status;
    }
    if (wish->kind == WAY_WISH_CREATE) {
        wish->key = key;
    } else if (!way_key_equal(&key, &wish->key)) {
        return way_fail(err, WAY_INVALID, "lookup_key",
                        "must be the key of the path: a key cannot be renamed");
    }
    return WAY_OK;
}

static enum way_status read_target_host(const char *name, const json_t *value,
                                        struct way_wish *wish, struct way_error *err)
{
    enum way_status status = want_string(name, value, err);

    if (status != WAY_OK) {
        return status;
    }
    wish->has_target = true;
    return way_target_parse(json_string_value(value), json_string_length(value), &wish->target,
                            err);
}

static enum way_status read_comment(const char *name, const json_t *value, struct way_wish *wish,
                                    struct way_error *err)
{
    enum way_status status;

    wish->has_comment = true;
    if (json_is_null(value) && wish->kind == WAY_WISH_PATCH) {
        wish->comment[0] = '\0';
        return WAY_OK;
    }
    status = want_string(name, value, err);
    if (status != WAY_OK) {
        return status;
    }
    return way_comment_parse(json_string_value(value), json_string_length(value), wish->comment,
                             err);
}

static enum way_status read_enabled(const char *name, const json_t *value, struct way_wish *wish,
                                    struct way_error *err)
{
    wish->has_enabled = true;
    wish->enabled = true;
    if (json_is_null(value) && wish->kind == WAY_WISH_PATCH) {
        return WAY_OK;
    }
    if (!json_is_boolean(value)) {
        return way_fail(err, WAY_INVALID, name, "must be true or false");
    }
    wish->enabled = json_is_true(value);
    return WAY_OK;
}

/* The database says these; a client may send back what it has read. They go nowhere, but a value
 * that was never read shows a mistake. */
static enum way_status check_time(const char *name, const json_t *value, struct way_error *err)
{
    char again[WAY_TIME_TEXT_MAX];
    int64_t wall_us;

    if (json_is_string(value) &&
        way_time_parse(json_string_value(value), json_string_length(value), &wall_us)) {
        way_time_format(wall_us, again);
        if (strcmp(again, json_string_value(value)) == 0) {
            return WAY_OK;
        }
    }
    return way_fail(err, WAY_INVALID, name, "must be a time as in 2026-01-02T03:04:05.678901Z");
}

static enum way_status check_actor(const char *name, const json_t *value, struct way_error *err)
{
    const char *actor = json_string_value(value);
    size_t len = json_string_length(value);

    for (size_t i = 0; i < len; i++) {
        if (way_byte_is_control(actor[i]) || ((unsigned char)actor[i] & 0x80) != 0) {
            len = 0;
        }
    }
    if (len == 0 || len > WAY_ACTOR_MAX) {
        return way_fail(err, WAY_INVALID, name, "must be 1 to %d characters of printable ASCII",
                        WAY_ACTOR_MAX);
    }
    return WAY_OK;
}

static enum way_status check_shown_revision(const char *name, const json_t *value,
                                            struct way_error *err)
{
    uint64_t revision;

    if (!read_whole(value, &revision) || revision == 0) {
        return way_fail(err, WAY_INVALID, name, "must be a number from 1 to %" PRId64, INT64_MAX);
    }
    return WAY_OK;
}

static const struct {
    const char *name;
    enum way_status (*read)(const char *name, const json_t *value, struct way_wish *wish,
                            struct way_error *err);
} members[] = {
    {"lookup_key", read_lookup_key},
    {"target_host", read_target_host},
    {"comment", read_comment},
    {"enabled", read_enabled},
};

/* What the database says of a row. */
static const struct {
    const char *name;
    enum way_status (*check)(const char *name, const json_t *value, struct way_error *err);
} shown[] = {
    {"created_at", check_time},  {"created_by", check_actor},        {"updated_at", check_time},
    {"updated_by", check_actor}, {"revision", check_shown_revision},
};

static enum way_status read_member(const char *name, const json_t *value, bool is_stored,
                                   struct way_wish *wish, struct way_error *err)
{
    for (size_t i = 0; i < WAY_COUNT_OF(members); i++) {
        if (strcmp(members[i].name, name) == 0) {
            return members[i].read(name, value, wish, err);
        }
    }
    for (size_t i = 0; i < WAY_COUNT_OF(shown); i++) {
        if (strcmp(shown[i].name, name) == 0) {
            return is_stored ? WAY_OK : shown[i].check(name, value, err);
        }
    }
    return way_fail(err, WAY_INVALID, name, "is not a field of an override");
}

/* What must be there, and what the fields must be to each other. */
static enum way_status check_wish(const json_t *object, const struct way_wish *wish,
                                  struct way_error *err)
{
    if (wish->kind == WAY_WISH_CREATE && json_object_get(object, "lookup_key") == NULL) {
        return way_fail(err, WAY_INVALID, "lookup_key", "is missing");
    }
    if (wish->kind != WAY_WISH_PATCH && !wish->has_target) {
        return way_fail(err, WAY_INVALID, "target_host", "is missing");
    }
    if (wish->has_target && way_key_equal(&wish->target.host, &wish->key)) {
        return way_fail(err, WAY_INVALID, "target_host", "must differ from lookup_key");
    }
    return WAY_OK;
}

static enum way_status read_override(struct api_bytes body, bool is_stored, struct way_wish *wish,
                                     struct way_error *err)
{
    json_t *object = NULL;
    const char *name;
    json_t *value;
    enum way_status status = parse_small(body, &object, err);

    if (status != WAY_OK) {
        return status;
    }
    json_object_foreach(object, name, value)
    {
        status = read_member(name, value, is_stored, wish, err);
        if (status != WAY_OK) {
            goto out;
        }
    }
    status = check_wish(object, wish, err);

out:
    json_decref(object);
    return status;
}

enum way_status api_body_read_override(struct api_bytes body, struct way_wish *wish,
                                       struct way_error *err)
{
    return read_override(body, false, wish, err);
}

enum way_status api_body_read_stored(struct api_bytes body, struct way_wish *wish,
                                     struct way_error *err)
{
    return read_override(body, true, wish, err);
}

static enum way_status check_only(json_t *object, const char *member, const char *what,
                                  struct way_error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        if (strcmp(name, member) != 0) {
            return way_fail(err, WAY_INVALID, name, "is not a member of %s", what);
        }
    }
    return WAY_OK;
}

static enum way_status check_revision(const json_t *value, uint64_t *revision,
                                      struct way_error *err)
{
    if (value == NULL) {
        return way_fail(err, WAY_INVALID, "revision", "is missing");
    }
    if (!read_whole(value, revision)) {
        return way_fail(err, WAY_INVALID, "revision", "must be a number from 0 to %" PRId64,
                        INT64_MAX);
    }
    return WAY_OK;
}

enum way_status api_body_read_revision(struct api_bytes body, uint64_t *revision,
                                       struct way_error *err)
{
    json_t *object = NULL;
    enum way_status status = parse_small(body, &object, err);

    if (status == WAY_OK) {
        status = check_only(object, "revision", "a revert", err);
    }
    if (status == WAY_OK) {
        status = check_revision(json_object_get(object, "revision"), revision, err);
    }
    json_decref(object);
    return status;
}

static enum way_status check_keys(const json_t *list, struct way_error *err)
{
    char field[WAY_ERROR_FIELD_MAX];
    size_t count = json_array_size(list);

    if (list == NULL) {
        return way_fail(err, WAY_INVALID, "keys", "is missing");
    }
    if (!json_is_array(list)) {
        return way_fail(err, WAY_INVALID, "keys", "must be a list of strings");
    }
    if (count > API_BATCH_KEYS_MAX) {
        return way_fail(err, WAY_INVALID, "keys", "has %zu elements, %d are allowed", count,
                        API_BATCH_KEYS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        if (!json_is_string(json_array_get(list, i))) {
            (void)snprintf(field, sizeof field, "keys[%zu]", i);
            return way_fail(err, WAY_INVALID, field, "must be a string");
        }
    }
    return WAY_OK;
}

enum way_status api_body_read_keys(struct api_bytes body, struct api_keys **keys,
                                   struct way_error *err)
{
    json_t *object = NULL;
    struct api_keys *made;
    enum way_status status;

    if (count_values(body, BATCH_VALUES_MAX) > BATCH_VALUES_MAX) {
        return way_fail(err, WAY_INVALID, "keys", "has far too many elements, %d are allowed",
                        API_BATCH_KEYS_MAX);
    }
    status = parse_object(body, &object, err);
    if (status != WAY_OK) {
        return status;
    }
    status = check_only(object, "keys", "a batch", err);
    if (status == WAY_OK) {
        status = check_keys(json_object_get(object, "keys"), err);
    }
    if (status != WAY_OK) {
        json_decref(object);
        return status;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL) {
        json_decref(object);
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for the keys");
    }
    made->document = object;
    made->list = json_object_get(object, "keys");
    *keys = made;
    return WAY_OK;
}

void api_keys_free(struct api_keys *keys)
{
    if (keys != NULL) {
        json_decref(keys->document);
        free(keys);
    }
}

size_t api_keys_count(const struct api_keys *keys)
{
    return json_array_size(keys->list);
}

struct api_bytes api_keys_at(const struct api_keys *keys, size_t index)
{
    const json_t *key = json_array_get(keys->list, index);

    return (struct api_bytes){json_string_value(key), json_string_length(key)};
}
