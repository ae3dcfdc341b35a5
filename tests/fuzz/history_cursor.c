/* SPDX-License-Identifier: MIT */
/*
 * fuzz/history_cursor - api/history_cursor: where the next page of the history starts.
 *
 * Input  An octet that says whether the rest is a cursor; then either a cursor, or the filters and
 * the place of an entry. Law    What is written is read back as the same place, by the same filters
 * and by no other. With one octet harmed it is refused or another place, never the same one.
 * Whatever is accepted, written and read again, is the same place, and one that a revision can
 * have.
 */
#include "law.h"

#include "api/history_cursor.h"

enum { CURSOR_MAX = 4096 };

static void write_cursor(struct way_text *text, const struct way_history_query *query,
                         uint64_t revision, uint32_t seq)
{
    way_text_init(text, NULL, 0, CURSOR_MAX);
    api_history_cursor_write(text, query, revision, seq);
    LAW(way_text_status(text) == WAY_OK && text->len > 0);
}

static bool leads_to(struct api_bytes cursor, const struct way_history_query *query,
                     uint64_t revision, uint32_t seq)
{
    struct way_history_query read = *query;

    return api_history_cursor_read(cursor, &read, NULL) == WAY_OK && read.has_after &&
           read.after_revision == revision && read.after_seq == seq;
}

static void feed_filters(struct feed *feed, struct way_history_query *query)
{
    size_t len;
    const char *text = feed_piece(feed, WAY_KEY_MAX, &len);

    query->has_key = way_key_parse(text, len, &query->key, NULL) == WAY_OK;
    text = feed_piece(feed, WAY_ACTOR_MAX, &len);
    for (size_t i = 0; i < len; i++) {
        query->actor[i] = (char)(text[i] < ' ' || text[i] > '~' ? ' ' : text[i]);
    }
    query->since = feed_u64(feed);
    query->from_us = (int64_t)feed_u64(feed);
    query->until_us = (int64_t)feed_u64(feed);
}

static void obey_others(struct api_bytes cursor, const struct way_history_query *query)
{
    struct way_history_query other = *query;

    other.since = query->since ^ 1;
    LAW(api_history_cursor_read(cursor, &other, NULL) == WAY_INVALID);
    other = *query;
    other.until_us = query->from_us;
    other.from_us = query->until_us;
    LAW(query->from_us == query->until_us ||
        api_history_cursor_read(cursor, &other, NULL) == WAY_INVALID);
    other = *query;
    other.actor[0] = query->actor[0] == 'a' ? 'b' : 'a';
    LAW(api_history_cursor_read(cursor, &other, NULL) == WAY_INVALID);
}

static void obey_place(struct feed *feed, struct way_history_query *query)
{
    static const char digits[] = "0123456789abcdef";
    struct way_text text;
    struct api_bytes cursor;
    uint64_t revision;
    uint32_t seq;
    uint64_t choice;
    char *digit;

    feed_filters(feed, query);
    revision = feed_u64(feed) & INT64_MAX;
    seq = (uint32_t)feed_u64(feed);
    choice = feed_u64(feed);
    write_cursor(&text, query, revision, seq);
    cursor = (struct api_bytes){text.data, text.len};
    LAW(leads_to(cursor, query, revision, seq));
    obey_others(cursor, query);
    digit = &text.data[choice % text.len];
    *digit = digits[((size_t)(strchr(digits, *digit) - digits) + 1 + choice / text.len % 15) % 16];
    LAW(!leads_to(cursor, query, revision, seq));
    way_text_fini(&text);
}

static void obey_cursor(const struct feed *feed, const struct way_history_query *query)
{
    struct way_history_query read = *query;
    struct way_text text;

    if (api_history_cursor_read((struct api_bytes){(const char *)feed->at, feed->left}, &read,
                                NULL) != WAY_OK) {
        return;
    }
    LAW(read.has_after && read.after_revision <= INT64_MAX);
    write_cursor(&text, query, read.after_revision, read.after_seq);
    LAW(leads_to((struct api_bytes){text.data, text.len}, query, read.after_revision,
                 read.after_seq));
    way_text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, size};
    struct way_history_query query = {.from_us = INT64_MIN, .until_us = INT64_MAX, .limit = 1};

    if (feed_octet(&feed) % 2 == 0) {
        obey_place(&feed, &query);
    } else {
        obey_cursor(&feed, &query);
    }
    return 0;
}
