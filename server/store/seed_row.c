/* SPDX-License-Identifier: MIT */
#include "store/seed_row.h"

#include "base/text.h"
#include "store/seed_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBER_BYTES = 24, /* a 64-bit number as text */
    TEXTS_BYTES_MAX =
        WAY_VALUE_BYTES_MAX + 2 * WAY_SEED_TEXT_MAX + 2 * WAY_KEY_MAX + WAY_COMMENT_BYTES_MAX,
};

/* Where a piece lies in the text that becomes the row's memory. */
struct piece {
    size_t at;
    size_t len;
    bool is_null;
};

enum { RAW_KEY, SHOWN_KEY, SHOWN_TARGET, KEY, TARGET, COMMENT, PIECES };

/* SQLite keeps what it was given: a key may be a number or bytes. `digits` lends storage. */
static struct way_value as_text(const struct way_value *column, char digits[static NUMBER_BYTES])
{
    if (column->kind == WAY_VALUE_NUMBER) {
        (void)snprintf(digits, NUMBER_BYTES, "%lld", (long long)column->number);
        return way_value_text(digits);
    }
    return *column;
}

/* Bytes of the character at `at`; 0 when it is not valid UTF-8. */
static size_t character(const char *at, size_t left)
{
    for (size_t len = 1; len <= 4 && len <= left; len++) {
        if (way_utf8_is_valid(at, len)) {
            return len;
        }
    }
    return 0;
}

static void add_shown(struct way_text *text, const struct way_value *value)
{
    size_t start = text->len;
    size_t step;

    for (size_t i = 0; i < value->len && text->len - start + 4 <= WAY_SEED_TEXT_MAX; i += step) {
        step = character(value->bytes + i, value->len - i);
        if (step == 0 || way_byte_is_control(value->bytes[i])) {
            way_text_printf(text, "\\x%02X", (unsigned)(unsigned char)value->bytes[i]);
            step = 1;
        } else {
            way_text_append(text, value->bytes + i, step);
        }
    }
}

/* A comment is worth keeping even when it breaks our rules: what does not fit them is left out. */
static void add_comment(struct way_text *text, const struct way_value *value)
{
    size_t characters = 0;
    size_t step;

    for (size_t i = 0; i < value->len && characters < WAY_COMMENT_MAX; i += step) {
        char byte = value->bytes[i];

        step = character(value->bytes + i, value->len - i);
        if (step == 0) {
            way_text_puts(text, "\xef\xbf\xbd"); /* U+FFFD */
            step = 1;
            characters++;
        } else if (!way_byte_is_control(byte) || byte == '\t' || byte == '\n') {
            way_text_append(text, value->bytes + i, step);
            characters++;
        }
    }
}

static void mark(struct piece *piece, const struct way_text *text, size_t start, bool is_null)
{
    *piece = (struct piece){.at = start, .len = text->len - start, .is_null = is_null};
}

static enum way_status keep(struct way_seed_row *row, const struct way_text *text,
                            const struct piece *pieces)
{
    struct way_seed_text *const places[PIECES] = {
        [RAW_KEY] = &row->raw_key,
        [SHOWN_KEY] = &row->shown_key,
        [SHOWN_TARGET] = &row->shown_target,
        [KEY] = &row->key,
        [TARGET] = &row->target,
        [COMMENT] = &row->comment,
    };

    if (way_text_status(text) != WAY_OK) {
        return WAY_NO_MEMORY;
    }
    row->memory = malloc(text->len + 1);
    if (row->memory == NULL) {
        return WAY_NO_MEMORY;
    }
    if (text->len > 0) {
        memcpy(row->memory, text->data, text->len);
    }
    for (size_t i = 0; i < PIECES; i++) {
        places[i]->bytes = pieces[i].is_null ? NULL : row->memory + pieces[i].at;
        places[i]->len = pieces[i].len;
    }
    return WAY_OK;
}

/* The normal forms, or the first rule that is broken. */
static enum way_status judge(const struct way_value *key, const struct way_value *target,
                             struct way_override *out, struct way_error *err)
{
    enum way_status status;

    if (key->kind == WAY_VALUE_NULL) {
        return way_fail(err, WAY_INVALID, "lookup_key", "is NULL");
    }
    status = way_key_parse(key->bytes, key->len, &out->lookup_key, err);
    if (status != WAY_OK) {
        return status;
    }
    if (target->kind == WAY_VALUE_NULL) {
        return way_fail(err, WAY_INVALID, "target_host", "is NULL");
    }
    status = way_target_parse(target->bytes, target->len, &out->target, err);
    return status == WAY_OK ? way_override_check(out, err) : status;
}

static enum way_status note_reason(struct way_seed_row *row, const struct way_error *err)
{
    char reason[WAY_ERROR_FIELD_MAX + WAY_ERROR_DETAIL_MAX + 2];

    (void)snprintf(reason, sizeof reason, "%s: %s", err->field, err->detail);
    return way_seed_row_reject(row, reason);
}

/* Everything but the verdict. */
static enum way_status read_texts(struct way_seed_row *row, const struct way_value *key,
                                  const struct way_value *target, const struct way_value *comment,
                                  const struct way_override *normal)
{
    char storage[TEXTS_BYTES_MAX];
    struct way_text text;
    struct piece pieces[PIECES];
    size_t start = 0;
    enum way_status status;

    way_text_init(&text, storage, sizeof storage, sizeof storage);
    way_text_append(&text, key->bytes, key->len);
    mark(&pieces[RAW_KEY], &text, start, key->kind == WAY_VALUE_NULL);
    start = text.len;
    add_shown(&text, key);
    mark(&pieces[SHOWN_KEY], &text, start, key->kind == WAY_VALUE_NULL);
    start = text.len;
    add_shown(&text, target);
    mark(&pieces[SHOWN_TARGET], &text, start, target->kind == WAY_VALUE_NULL);
    start = text.len;
    way_text_append(&text, normal->lookup_key.text, normal->lookup_key.len);
    mark(&pieces[KEY], &text, start, false);
    start = text.len;
    way_text_append(&text, normal->target.host.text, normal->target.host.len);
    mark(&pieces[TARGET], &text, start, false);
    start = text.len;
    add_comment(&text, comment);
    mark(&pieces[COMMENT], &text, start, false);
    status = keep(row, &text, pieces);
    way_text_fini(&text);
    return status;
}

enum way_status way_seed_row_init(struct way_seed_row *row, const struct way_value *columns)
{
    char digits[3][NUMBER_BYTES];
    const struct way_value key = as_text(&columns[0], digits[0]);
    const struct way_value target = as_text(&columns[1], digits[1]);
    const struct way_value comment = as_text(&columns[2], digits[2]);
    struct way_override normal = {.revision = 0};
    struct way_error err = {0};
    enum way_status verdict = judge(&key, &target, &normal, &err);
    enum way_status status;

    *row = (struct way_seed_row){.memory = NULL};
    if (verdict == WAY_NO_MEMORY) {
        return verdict;
    }
    status = read_texts(row, &key, &target, &comment, &normal);
    if (status == WAY_OK && verdict != WAY_OK) {
        status = note_reason(row, &err);
    }
    if (status != WAY_OK) {
        way_seed_row_fini(row);
        return status;
    }
    row->is_comment_changed =
        row->comment.len != comment.len ||
        (comment.len > 0 && memcmp(row->comment.bytes, comment.bytes, comment.len) != 0);
    row->has_created = way_seed_time_parse(&columns[3], &row->created_at_us);
    row->has_updated = way_seed_time_parse(&columns[4], &row->updated_at_us);
    return WAY_OK;
}

void way_seed_row_fini(struct way_seed_row *row)
{
    free(row->memory);
    free(row->reason);
    *row = (struct way_seed_row){.memory = NULL};
}

enum way_status way_seed_row_reject(struct way_seed_row *row, const char *reason)
{
    char *copy = strdup(reason);

    if (copy == NULL) {
        return WAY_NO_MEMORY;
    }
    free(row->reason);
    row->reason = copy;
    return WAY_OK;
}

static int compare_texts(const struct way_seed_text *a, const struct way_seed_text *b)
{
    size_t shorter = a->len < b->len ? a->len : b->len;
    int order = shorter == 0 ? 0 : memcmp(a->bytes, b->bytes, shorter);

    if (order != 0) {
        return order;
    }
    return (a->len > b->len) - (a->len < b->len);
}

bool way_seed_row_is_normal(const struct way_seed_row *row)
{
    return row->key.len > 0 && compare_texts(&row->raw_key, &row->key) == 0;
}

int way_seed_row_compare(const struct way_seed_row *a, const struct way_seed_row *b)
{
    int64_t a_updated = a->has_updated ? a->updated_at_us : INT64_MIN;
    int64_t b_updated = b->has_updated ? b->updated_at_us : INT64_MIN;
    int order = compare_texts(&a->key, &b->key);

    if (order != 0) {
        return order;
    }
    if (way_seed_row_is_normal(a) != way_seed_row_is_normal(b)) {
        return way_seed_row_is_normal(a) ? -1 : 1;
    }
    if (a_updated != b_updated) {
        return a_updated > b_updated ? -1 : 1;
    }
    return compare_texts(&a->raw_key, &b->raw_key);
}
