/* SPDX-License-Identifier: MIT */
#include "model/override.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum way_status way_comment_parse(const char *raw, size_t len, char *out, struct way_error *err)
{
    if (!way_utf8_is_valid(raw, len)) {
        return way_fail(err, WAY_INVALID, "comment", "is not valid UTF-8");
    }
    if (way_utf8_count(raw, len) > WAY_COMMENT_MAX) {
        return way_fail(err, WAY_INVALID, "comment", "is longer than %d characters",
                        WAY_COMMENT_MAX);
    }
    for (size_t i = 0; i < len; i++) {
        if (way_byte_is_control(raw[i]) && raw[i] != '\t' && raw[i] != '\n') {
            return way_fail(err, WAY_INVALID, "comment", "control byte 0x%02x at byte %zu",
                            (unsigned)(unsigned char)raw[i], i);
        }
    }
    memcpy(out, raw, len);
    out[len] = '\0';
    return WAY_OK;
}

enum way_status way_reason_parse(const char *raw, size_t len, char *out, struct way_error *err)
{
    static const char field[] = "X-Waypost-Reason";

    if (!way_utf8_is_valid(raw, len)) {
        return way_fail(err, WAY_INVALID, field, "is not valid UTF-8");
    }
    if (way_utf8_count(raw, len) > WAY_REASON_MAX) {
        return way_fail(err, WAY_INVALID, field, "is longer than %d characters", WAY_REASON_MAX);
    }
    for (size_t i = 0; i < len; i++) {
        if (way_byte_is_control(raw[i])) {
            return way_fail(err, WAY_INVALID, field, "control byte 0x%02x at byte %zu",
                            (unsigned)(unsigned char)raw[i], i);
        }
    }
    memcpy(out, raw, len);
    out[len] = '\0';
    return WAY_OK;
}

enum way_status way_override_check(const struct way_override *row, struct way_error *err)
{
    if (way_key_equal(&row->lookup_key, &row->target.host)) {
        return way_fail(err, WAY_INVALID, "target_host", "must differ from lookup_key");
    }
    return WAY_OK;
}

bool way_override_same(const struct way_override *a, const struct way_override *b)
{
    return way_key_equal(&a->target.host, &b->target.host) && a->is_enabled == b->is_enabled &&
           strcmp(a->comment, b->comment) == 0;
}

/* FNV-1a, 64 bits: short, and nothing here is secret. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

void way_override_etag(const struct way_override *row, char out[static WAY_ETAG_MAX])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    char enabled = row->is_enabled ? 1 : 0;

    hash = mix(hash, row->target.host.text, (size_t)row->target.host.len + 1);
    hash = mix(hash, row->comment, strlen(row->comment) + 1);
    hash = mix(hash, &enabled, 1);
    hash = mix(hash, &row->updated_at_us, sizeof row->updated_at_us);
    (void)snprintf(out, WAY_ETAG_MAX, "\"%" PRIx64 "-%08" PRIx64 "\"", row->revision,
                   (hash >> 32) ^ (hash & UINT32_MAX));
}
