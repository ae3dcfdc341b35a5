/* SPDX-License-Identifier: MIT */
/*
 * fuzz/batch_json - api/body: the keys of a batch lookup, and the revision of a revert.
 *
 * Input  An octet that picks which; the body.
 * Law    What is accepted, written as JSON, is accepted again and gives the same list, NULs and
 * all, or the same number.
 */
#include "law.h"

#include "api/body.h"
#include "base/json.h"

#include <inttypes.h>

enum { DOCUMENT_MAX = 1024 * 1024 };

static void obey_refusal(enum way_status status, const struct way_error *err)
{
    LAW(status == WAY_MALFORMED || status == WAY_INVALID);
    LAW(err->status == status);
}

static void obey_keys(struct api_bytes body)
{
    struct api_keys *keys = NULL;
    struct api_keys *again = NULL;
    struct way_error err;
    struct way_text text;
    enum way_status status = api_body_read_keys(body, &keys, &err);

    if (status != WAY_OK) {
        obey_refusal(status, &err);
        return;
    }
    LAW(api_keys_count(keys) <= API_BATCH_KEYS_MAX);
    way_text_init(&text, NULL, 0, DOCUMENT_MAX);
    way_text_puts(&text, "{\"keys\":[");
    for (size_t i = 0; i < api_keys_count(keys); i++) {
        way_json_separate(&text);
        way_json_string(&text, api_keys_at(keys, i).at, api_keys_at(keys, i).len);
    }
    way_text_puts(&text, "]}");
    LAW(way_text_status(&text) == WAY_OK);
    LAW(api_body_read_keys((struct api_bytes){text.data, text.len}, &again, NULL) == WAY_OK);
    LAW(api_keys_count(again) == api_keys_count(keys));
    for (size_t i = 0; i < api_keys_count(keys); i++) {
        struct api_bytes one = api_keys_at(keys, i);
        struct api_bytes other = api_keys_at(again, i);

        LAW(one.len == other.len && memcmp(one.at, other.at, one.len) == 0);
    }
    way_text_fini(&text);
    api_keys_free(again);
    api_keys_free(keys);
}

static void obey_text(struct api_bytes key)
{
    struct api_keys *keys = NULL;
    struct api_bytes read;
    struct way_text text;

    way_text_init(&text, NULL, 0, DOCUMENT_MAX);
    way_text_puts(&text, "{\"keys\":[");
    way_json_string(&text, key.at, key.len);
    way_text_puts(&text, "]}");
    LAW(way_text_status(&text) == WAY_OK);
    LAW(api_body_read_keys((struct api_bytes){text.data, text.len}, &keys, NULL) == WAY_OK);
    LAW(api_keys_count(keys) == 1);
    read = api_keys_at(keys, 0);
    LAW(read.len == key.len && memcmp(read.at, key.at, key.len) == 0);
    way_text_fini(&text);
    api_keys_free(keys);
}

static void obey_revision(struct api_bytes body)
{
    uint64_t revision;
    uint64_t again;
    struct way_error err;
    char document[64];
    int len;
    enum way_status status = api_body_read_revision(body, &revision, &err);

    if (status != WAY_OK) {
        obey_refusal(status, &err);
        return;
    }
    LAW(revision <= INT64_MAX);
    len = snprintf(document, sizeof document, "{\"revision\": %" PRIu64 "}", revision);
    LAW(api_body_read_revision((struct api_bytes){document, (size_t)len}, &again, NULL) == WAY_OK);
    LAW(again == revision);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, size};
    bool is_keys = feed_octet(&feed) % 2 == 0;
    struct api_bytes body = {(const char *)feed.at, feed.left};

    if (is_keys) {
        obey_keys(body);
        if (way_utf8_is_valid(body.at, body.len)) {
            obey_text(body);
        }
    } else {
        obey_revision(body);
    }
    return 0;
}
