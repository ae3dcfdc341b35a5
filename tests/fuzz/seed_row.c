/* SPDX-License-Identifier: MIT */
/*
 * fuzz/seed_row - store/seed_row and store/seed_time: rows of the predecessor's table.
 *
 * Input  Five columns, one a line, each after a letter for its kind: n(umber), t(ime), b(ytes), s
 *        (text), anything else for NULL.
 * Law    A row without a reason has a key and a target in normal form that differ. The comment is
 * one that the API would take, what is shown is printable UTF-8 within its bound, and times lie in
 *        the years 1000 to 9999. Such a row, written back, is accepted as it is and compares as
 *        before.
 */
#include "law.h"

#include "base/clock.h"
#include "base/text.h"
#include "model/override.h"
#include "store/seed_row.h"
#include "store/seed_time.h"

enum { KEY, TARGET, COMMENT, CREATED, UPDATED };

/* Gives the column's text, to be freed; the value borrows it. */
static char *feed_column(struct feed *feed, struct way_value *value)
{
    uint8_t kind = feed_octet(feed);
    char *text = feed_string(feed, '\n');

    *value = (struct way_value){.kind = WAY_VALUE_NULL};
    switch (kind) {
    case 'n':
        *value = (struct way_value){.kind = WAY_VALUE_NUMBER, .number = strtoll(text, NULL, 10)};
        break;
    case 't':
        *value = (struct way_value){.kind = WAY_VALUE_TIME, .number = strtoll(text, NULL, 10)};
        break;
    case 'b':
        *value = (struct way_value){.kind = WAY_VALUE_BYTES, .bytes = text, .len = strlen(text)};
        break;
    case 's':
        *value = (struct way_value){.kind = WAY_VALUE_TEXT, .bytes = text, .len = strlen(text)};
        break;
    default:
        break;
    }
    return text;
}

static void obey_shown(const struct way_seed_text *shown)
{
    LAW(shown->len <= WAY_SEED_TEXT_MAX);
    LAW(way_utf8_is_valid(shown->bytes, shown->len));
    for (size_t i = 0; i < shown->len; i++) {
        LAW(!way_byte_is_control(shown->bytes[i]));
    }
}

static void obey_time(bool has_time, int64_t time)
{
    char text[WAY_TIME_TEXT_MAX];
    struct way_value value = {.kind = WAY_VALUE_TEXT, .bytes = text};
    int64_t again;

    if (!has_time) {
        return;
    }
    LAW(time >= way_time_from_civil(1000, 1, 1, 0, 0, 0, 0));
    LAW(time < way_time_from_civil(10000, 1, 1, 0, 0, 0, 0));
    way_time_format(time, text);
    value.len = strlen(text);
    LAW(way_seed_time_parse(&value, &again) && again == time);
}

static struct way_value value_of(const struct way_seed_text *text)
{
    return (struct way_value){.kind = WAY_VALUE_TEXT, .bytes = text->bytes, .len = text->len};
}

static void obey_good(const struct way_seed_row *row, const struct way_value *columns)
{
    struct way_value again[WAY_SEED_COLUMN_COUNT];
    struct way_seed_row other;
    struct way_key key;

    LAW(way_key_restore(row->key.bytes, row->key.len, &key) == WAY_OK);
    LAW(way_key_restore(row->target.bytes, row->target.len, &key) == WAY_OK);
    LAW(row->key.len != row->target.len ||
        memcmp(row->key.bytes, row->target.bytes, row->key.len) != 0);
    memcpy(again, columns, sizeof again);
    again[KEY] = value_of(&row->key);
    again[TARGET] = value_of(&row->target);
    again[COMMENT] = value_of(&row->comment);
    LAW(way_seed_row_init(&other, again) == WAY_OK);
    LAW(other.reason == NULL && way_seed_row_is_normal(&other) && !other.is_comment_changed);
    LAW(other.has_updated == row->has_updated);
    LAW(way_seed_row_compare(&other, row) <= 0 && way_seed_row_compare(row, &other) >= 0);
    way_seed_row_fini(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, size};
    struct way_value columns[WAY_SEED_COLUMN_COUNT];
    char *texts[WAY_SEED_COLUMN_COUNT];
    char comment[WAY_COMMENT_BYTES_MAX + 1];
    struct way_seed_row row;

    if (size > WAY_VALUE_BYTES_MAX) {
        return 0;
    }
    for (size_t i = 0; i < WAY_SEED_COLUMN_COUNT; i++) {
        texts[i] = feed_column(&feed, &columns[i]);
    }
    LAW(way_seed_row_init(&row, columns) == WAY_OK);
    obey_shown(&row.shown_key);
    obey_shown(&row.shown_target);
    LAW(way_comment_parse(row.comment.bytes, row.comment.len, comment, NULL) == WAY_OK);
    obey_time(row.has_created, row.created_at_us);
    obey_time(row.has_updated, row.updated_at_us);
    LAW(way_seed_row_compare(&row, &row) == 0);
    if (row.reason == NULL) {
        obey_good(&row, columns);
    }
    way_seed_row_fini(&row);
    for (size_t i = 0; i < WAY_SEED_COLUMN_COUNT; i++) {
        free(texts[i]);
    }
    return 0;
}
