/* SPDX-License-Identifier: MIT */
/*
 * fuzz/override_json - api/body: an override as JSON, for POST, PUT and PATCH.
 *
 * Input  An octet that picks the method; the body.
 * Law    An accepted body holds a key and a target in normal form that differ, and a comment of
 * valid UTF-8 within its bounds. The override that it describes, written as the API shows it, is
 *        accepted from the change log and says the same.
 */
#include "law.h"

#include "api/body.h"
#include "base/text.h"
#include "model/override_json.h"

enum { DOCUMENT_MAX = 64 * 1024 };

static const enum way_wish_kind kinds[] = {WAY_WISH_CREATE, WAY_WISH_PUT, WAY_WISH_PATCH};

static struct way_key name(const char *text)
{
    struct way_key key;

    LAW(way_key_parse(text, strlen(text), &key, NULL) == WAY_OK);
    return key;
}

static void obey_members(const struct way_wish *wish)
{
    char comment[WAY_COMMENT_BYTES_MAX + 1];
    struct way_key key;

    LAW(way_key_restore(wish->key.text, wish->key.len, &key) == WAY_OK);
    LAW(wish->has_target || wish->kind == WAY_WISH_PATCH);
    if (wish->has_target) {
        LAW(way_key_restore(wish->target.host.text, wish->target.host.len, &key) == WAY_OK);
        LAW(!way_key_equal(&wish->key, &wish->target.host));
    }
    if (wish->has_comment) {
        LAW(way_comment_parse(wish->comment, strlen(wish->comment), comment, NULL) == WAY_OK);
    }
}

/* What the wish makes of a key without an override, with a target of ours where it has none. */
static void row_of(const struct way_wish *wish, struct way_override *row)
{
    *row = (struct way_override){.lookup_key = wish->key, .created_by = "-", .updated_by = "-"};
    row->target.host = wish->has_target ? wish->target.host : name("other.example");
    row->is_enabled = wish->has_enabled ? wish->enabled : true;
    if (wish->has_comment) {
        memcpy(row->comment, wish->comment, sizeof row->comment);
    }
}

static void obey_round_trip(const struct way_wish *wish)
{
    static struct way_override row;
    static struct way_wish again;
    struct way_text text;

    row_of(wish, &row);
    again = (struct way_wish){.kind = WAY_WISH_PUT, .key = wish->key};
    way_text_init(&text, NULL, 0, DOCUMENT_MAX);
    way_override_write_json(&text, &row);
    LAW(way_text_status(&text) == WAY_OK);
    LAW(api_body_read_stored((struct api_bytes){text.data, text.len}, &again, NULL) == WAY_OK);
    way_text_fini(&text);
    LAW(again.has_target && again.has_comment && again.has_enabled);
    LAW(way_key_equal(&again.target.host, &row.target.host));
    LAW(strcmp(again.comment, row.comment) == 0 && again.enabled == row.is_enabled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct way_wish wish;
    struct feed feed = {data, size};
    struct way_error err = {.status = WAY_OK};
    enum way_status status;

    wish = (struct way_wish){.kind = kinds[feed_octet(&feed) % WAY_COUNT_OF(kinds)]};
    if (wish.kind != WAY_WISH_CREATE) {
        wish.key = name("key.example");
    }
    status =
        api_body_read_override((struct api_bytes){(const char *)feed.at, feed.left}, &wish, &err);
    if (status != WAY_OK) {
        LAW(status == WAY_MALFORMED || status == WAY_INVALID);
        LAW(err.status == status);
        return 0;
    }
    obey_members(&wish);
    obey_round_trip(&wish);
    return 0;
}
