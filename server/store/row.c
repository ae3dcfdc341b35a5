/* SPDX-License-Identifier: MIT */
#include "store/row.h"

#include "base/text.h"

#include <string.h>

void way_row_encode(const struct way_override *row, struct way_value *values)
{
    values[0] = way_value_span(row->lookup_key.text, row->lookup_key.len);
    values[1] = way_value_span(row->target.host.text, row->target.host.len);
    values[2] = way_value_text(row->comment);
    values[3] = way_value_number(row->is_enabled);
    values[WAY_ROW_REVISION] = way_value_number(row->revision);
    values[5] = way_value_time(row->created_at_us);
    values[6] = way_value_text(row->created_by);
    values[7] = way_value_time(row->updated_at_us);
    values[8] = way_value_text(row->updated_by);
}

static bool is_text(const struct way_value *column)
{
    return column->kind == WAY_VALUE_TEXT || column->kind == WAY_VALUE_BYTES;
}

bool way_row_copy_text(const struct way_value *column, char *out, size_t out_bytes)
{
    if (!is_text(column) || column->len >= out_bytes ||
        memchr(column->bytes, '\0', column->len) != NULL ||
        !way_utf8_is_valid(column->bytes, column->len)) {
        return false;
    }
    memcpy(out, column->bytes, column->len);
    out[column->len] = '\0';
    return true;
}

static bool restore(const struct way_value *column, struct way_key *key)
{
    return is_text(column) && way_key_restore(column->bytes, column->len, key) == WAY_OK;
}

bool way_row_decode_key(const struct way_value *column, struct way_key *key)
{
    if (restore(column, key)) {
        return true;
    }
    *key = (struct way_key){.kind = WAY_KEY_DOMAIN};
    if (!way_row_copy_text(column, key->text, sizeof key->text)) {
        return false;
    }
    key->len = (uint8_t)column->len;
    return true;
}

bool way_row_decode(const struct way_value *columns, struct way_override *row)
{
    row->is_enabled = way_value_u64(&columns[3]) != 0;
    row->revision = way_value_u64(&columns[4]);
    row->created_at_us = columns[5].number;
    row->updated_at_us = columns[7].number;
    return way_row_decode_key(&columns[0], &row->lookup_key) &&
           way_row_decode_key(&columns[1], &row->target.host) &&
           way_row_copy_text(&columns[2], row->comment, sizeof row->comment) &&
           way_row_copy_text(&columns[6], row->created_by, sizeof row->created_by) &&
           way_row_copy_text(&columns[8], row->updated_by, sizeof row->updated_by);
}

bool way_row_decode_live(const struct way_value *columns, struct way_live *live)
{
    live->revision = way_value_u64(&columns[2]);
    return restore(&columns[0], &live->key) && restore(&columns[1], &live->target.host);
}
