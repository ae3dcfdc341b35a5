/* SPDX-License-Identifier: MIT */
#include "store/entry.h"

#include "store/row.h"

static const char *take_text(const struct way_value *column, char *out, size_t out_bytes)
{
    if (!way_row_copy_text(column, out, out_bytes)) {
        out[0] = '\0';
    }
    return out;
}

static enum way_change_op op_of(const struct way_value *column)
{
    char word[2] = "";

    (void)take_text(column, word, sizeof word);
    if (word[0] == WAY_OP_UPSERT || word[0] == WAY_OP_DELETE) {
        return (enum way_change_op)word[0];
    }
    return WAY_OP_RELOAD; /* what we do not understand may mean anything: read all again */
}

static bool is_unreadable(const struct way_value *column, const char *text)
{
    return column->kind != WAY_VALUE_NULL && text[0] == '\0';
}

void way_entry_decode(const struct way_value *columns, struct way_entry_reader *reader,
                      struct way_entry *entry)
{
    *entry = (struct way_entry){
        .revision = way_value_u64(&columns[0]),
        .seq = (uint32_t)way_value_u64(&columns[1]),
        .op = op_of(&columns[2]),
        .at_us = columns[3].number,
        .actor = take_text(&columns[5], reader->actor, sizeof reader->actor),
        .reason = take_text(&columns[6], reader->reason, sizeof reader->reason),
        .before = take_text(&columns[7], reader->before, sizeof reader->before),
        .after = take_text(&columns[8], reader->after, sizeof reader->after),
    };
    /* Both or neither, as they are logged: one alone would say that there was no override. */
    if (is_unreadable(&columns[7], entry->before) || is_unreadable(&columns[8], entry->after)) {
        entry->before = "";
        entry->after = "";
    }
    if (!way_row_decode_key(&columns[4], &entry->key)) {
        entry->key = (struct way_key){.len = 0};
    }
}
