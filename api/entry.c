/* SPDX-License-Identifier: MIT */
#include "api/entry.h"

#include "base/json.h"

static const char *op_name(enum way_change_op op)
{
    switch (op) {
    case WAY_OP_UPSERT:
        return "put";
    case WAY_OP_DELETE:
        return "delete";
    case WAY_OP_RELOAD:
        break;
    }
    return "reload";
}

void api_entry_write(struct way_text *out, const struct way_entry *entry)
{
    way_json_member_string(out, "op", op_name(entry->op));
    if (entry->op == WAY_OP_RELOAD) {
        way_json_name(out, "lookup_key");
        way_text_puts(out, "null");
    } else {
        way_json_member_bytes(out, "lookup_key", entry->key.text, entry->key.len);
    }
}

void api_entry_write_override(struct way_text *out, const char *name, const char *json)
{
    way_json_name(out, name);
    way_text_puts(out, json[0] == '\0' ? "null" : json);
}
