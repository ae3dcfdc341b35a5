/* SPDX-License-Identifier: MIT */
#include "model/override_json.h"

#include "base/clock.h"
#include "base/json.h"

void way_override_write_json(struct way_text *out, const struct way_override *row)
{
    char time[WAY_TIME_TEXT_MAX];

    way_text_putc(out, '{');
    way_json_member_bytes(out, "lookup_key", row->lookup_key.text, row->lookup_key.len);
    way_json_member_bytes(out, "target_host", row->target.host.text, row->target.host.len);
    way_json_member_string(out, "comment", row->comment);
    way_json_member_bool(out, "enabled", row->is_enabled);
    way_time_format(row->created_at_us, time);
    way_json_member_string(out, "created_at", time);
    way_json_member_string(out, "created_by", row->created_by);
    way_time_format(row->updated_at_us, time);
    way_json_member_string(out, "updated_at", time);
    way_json_member_string(out, "updated_by", row->updated_by);
    way_json_member_u64(out, "revision", row->revision);
    way_text_putc(out, '}');
}
