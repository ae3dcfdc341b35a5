/* SPDX-License-Identifier: MIT */
#include "api/override_json.h"

#include "api/json.h"
#include "base/clock.h"

void api_override_write(struct way_text *out, const struct way_override *row)
{
    char time[WAY_TIME_TEXT_MAX];

    way_text_putc(out, '{');
    api_json_member_bytes(out, "lookup_key", row->lookup_key.text, row->lookup_key.len);
    api_json_member_bytes(out, "target_host", row->target.host.text, row->target.host.len);
    api_json_member_string(out, "comment", row->comment);
    api_json_member_bool(out, "enabled", row->is_enabled);
    way_time_format(row->created_at_us, time);
    api_json_member_string(out, "created_at", time);
    api_json_member_string(out, "created_by", row->created_by);
    way_time_format(row->updated_at_us, time);
    api_json_member_string(out, "updated_at", time);
    api_json_member_string(out, "updated_by", row->updated_by);
    api_json_member_u64(out, "revision", row->revision);
    way_text_putc(out, '}');
}
