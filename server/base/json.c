/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <string.h>

/* Bytes that stand for themselves inside a string. */
static bool is_plain(char byte)
{
    return !way_byte_is_control(byte) && byte != '"' && byte != '\\' &&
           ((unsigned char)byte & 0x80) == 0;
}

static size_t put_special(struct way_text *out, const char *bytes, size_t len)
{
    size_t step;

    switch (bytes[0]) {
    case '"':
        way_text_puts(out, "\\\"");
        return 1;
    case '\\':
        way_text_puts(out, "\\\\");
        return 1;
    case '\n':
        way_text_puts(out, "\\n");
        return 1;
    case '\t':
        way_text_puts(out, "\\t");
        return 1;
    default:
        break;
    }
    if (way_byte_is_control(bytes[0])) {
        way_text_printf(out, "\\u%04x", (unsigned)(unsigned char)bytes[0]);
        return 1;
    }
    step = way_utf8_step(bytes, len);
    if (step == 0) {
        way_text_puts(out, "\\ufffd");
        return 1;
    }
    way_text_append(out, bytes, step);
    return step;
}

/* How many bytes at the start of `bytes` stand for themselves. */
static size_t count_plain(const char *bytes, size_t len)
{
    size_t count = 0;

    while (count < len && is_plain(bytes[count])) {
        count++;
    }
    return count;
}

void way_json_string(struct way_text *out, const char *bytes, size_t len)
{
    size_t at = 0;

    way_text_putc(out, '"');
    while (at < len) {
        size_t plain = at + count_plain(bytes + at, len - at);

        way_text_append(out, bytes + at, plain - at);
        at = plain;
        if (at < len) {
            at += put_special(out, bytes + at, len - at);
        }
    }
    way_text_putc(out, '"');
}

void way_json_separate(struct way_text *out)
{
    if (out->len > 0 && out->data[out->len - 1] != '{' && out->data[out->len - 1] != '[') {
        way_text_putc(out, ',');
    }
}

void way_json_name(struct way_text *out, const char *name)
{
    way_json_separate(out);
    way_text_putc(out, '"');
    way_text_puts(out, name);
    way_text_puts(out, "\":");
}

void way_json_member_bytes(struct way_text *out, const char *name, const char *bytes, size_t len)
{
    way_json_name(out, name);
    way_json_string(out, bytes, len);
}

void way_json_member_string(struct way_text *out, const char *name, const char *value)
{
    way_json_member_bytes(out, name, value, strlen(value));
}

void way_json_member_u64(struct way_text *out, const char *name, uint64_t value)
{
    way_json_name(out, name);
    way_text_put_u64(out, value);
}

void way_json_member_bool(struct way_text *out, const char *name, bool value)
{
    way_json_name(out, name);
    way_text_puts(out, value ? "true" : "false");
}
