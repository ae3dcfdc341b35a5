/* SPDX-License-Identifier: MIT */
/*
 * fuzz/list_cursor - api/cursor: where the next page of a list starts.
 *
 * Input  An octet of choices (sort, direction, whether the rest is a cursor); then either a cursor,
 * or the parts of a query and of its last row. Law    What is written is read back as the same
 * place, by the same list and by no other. With one octet harmed it is refused or another place,
 * never the same one. Whatever is accepted, written and read again, is the same place.
 */
#include "law.h"

#include "api/cursor.h"

enum { IS_DESCENDING = 4, IS_CURSOR = 8, CURSOR_MAX = 4096, Q_MAX = 64 };

struct place {
    struct way_list_query query; /* as the list was asked */
    struct way_override last;
};

static void write_cursor(struct way_text *text, const struct way_list_query *query,
                         const struct way_override *last)
{
    way_text_init(text, NULL, 0, CURSOR_MAX);
    api_cursor_write(text, query, last);
    LAW(way_text_status(text) == WAY_OK && text->len > 0);
}

static enum way_status read_cursor(const struct way_text *text, struct way_list_query *query)
{
    return api_cursor_read((struct api_bytes){text->data, text->len}, query, NULL);
}

static bool leads_to(const struct way_list_query *query, const struct way_override *last)
{
    return query->has_after && query->after_updated_at_us == last->updated_at_us &&
           way_key_equal(&query->after_key, &last->lookup_key) &&
           way_key_equal(&query->after_target, &last->target.host);
}

/* Rows that somebody wrote by hand need not be in normal form, but no text is empty. */
static void feed_key(struct feed *feed, struct way_key *key)
{
    size_t len;
    const char *text = feed_piece(feed, WAY_KEY_MAX, &len);

    key->len = 0;
    if (len == 0) {
        key->text[key->len++] = '0';
    }
    for (size_t i = 0; i < len; i++) {
        key->text[key->len++] = (char)(text[i] == '\0' ? '0' : text[i]);
    }
    key->text[key->len] = '\0';
}

static void obey_others(const struct way_text *cursor, const struct way_list_query *query)
{
    struct way_list_query other = *query;

    other.is_descending = !query->is_descending;
    LAW(read_cursor(cursor, &other) == WAY_INVALID);
    other = *query;
    other.sort = query->sort == WAY_SORT_KEY ? WAY_SORT_TARGET : WAY_SORT_KEY;
    LAW(read_cursor(cursor, &other) == WAY_INVALID);
    other = *query;
    other.q[other.q_len++] = 'x';
    LAW(read_cursor(cursor, &other) == WAY_INVALID);
}

static void obey_harm(struct way_text *cursor, const struct place *place, uint64_t choice)
{
    static const char digits[] = "0123456789abcdef";
    struct way_list_query query = place->query;
    char *digit = &cursor->data[choice % cursor->len];
    size_t value = (size_t)(strchr(digits, *digit) - digits);

    *digit = digits[(value + 1 + choice / cursor->len % 15) % 16];
    LAW(read_cursor(cursor, &query) != WAY_OK || !leads_to(&query, &place->last));
}

static void obey_place(struct feed *feed, struct way_list_query *query)
{
    static struct place place;
    struct way_list_query read;
    struct way_text cursor;
    size_t q_len;
    const char *q = feed_piece(feed, Q_MAX, &q_len);

    if (q_len > 0) {
        memcpy(query->q, q, q_len);
    }
    query->q_len = q_len;
    place = (struct place){.query = *query};
    place.last.updated_at_us = (int64_t)feed_u64(feed);
    feed_key(feed, &place.last.lookup_key);
    feed_key(feed, &place.last.target.host);
    write_cursor(&cursor, query, &place.last);
    read = *query;
    LAW(read_cursor(&cursor, &read) == WAY_OK && leads_to(&read, &place.last));
    obey_others(&cursor, query);
    obey_harm(&cursor, &place, feed_u64(feed));
    way_text_fini(&cursor);
}

static void obey_cursor(const struct feed *feed, struct way_list_query *query)
{
    static struct way_override last;
    struct api_bytes given = {(const char *)feed->at, feed->left};
    struct way_list_query again = *query;
    struct way_text cursor;

    if (api_cursor_read(given, query, NULL) != WAY_OK) {
        return;
    }
    last = (struct way_override){.lookup_key = query->after_key,
                                 .target.host = query->after_target,
                                 .updated_at_us = query->after_updated_at_us};
    LAW(strlen(last.lookup_key.text) == last.lookup_key.len);
    LAW(strlen(last.target.host.text) == last.target.host.len);
    write_cursor(&cursor, query, &last);
    LAW(read_cursor(&cursor, &again) == WAY_OK && leads_to(&again, &last));
    way_text_fini(&cursor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, size};
    uint8_t choice = feed_octet(&feed);
    struct way_list_query query = {.sort = (enum way_sort)((choice & 3) % 3),
                                   .is_descending = (choice & IS_DESCENDING) != 0,
                                   .limit = 1};

    if ((choice & IS_CURSOR) != 0) {
        obey_cursor(&feed, &query);
    } else {
        obey_place(&feed, &query);
    }
    return 0;
}
