/* SPDX-License-Identifier: MIT */
#include "api/answer.h"

#include "base/json.h"

#include <string.h>

static void put_addresses(struct way_text *out, const struct way_key *key,
                          const struct way_answer *answer)
{
    way_json_name(out, "addresses");
    way_text_putc(out, '[');
    if (answer->source == WAY_SOURCE_LITERAL) {
        way_json_string(out, key->text, key->len);
    }
    for (size_t i = 0; i < answer->address_count; i++) {
        way_json_separate(out);
        way_text_putc(out, '"');
        way_text_puts(out, answer->addresses[i].text);
        way_text_putc(out, '"');
    }
    way_text_putc(out, ']');
}

static void put_record(struct way_text *out, const char *host, size_t len, unsigned preference)
{
    way_json_separate(out);
    way_text_putc(out, '{');
    way_json_member_bytes(out, "host", host, len);
    way_json_member_u64(out, "preference", preference);
    way_text_putc(out, '}');
}

static void put_records(struct way_text *out, const struct way_key *key,
                        const struct way_answer *answer)
{
    way_json_name(out, "records");
    way_text_putc(out, '[');
    if (answer->source == WAY_SOURCE_OVERRIDE) {
        put_record(out, answer->target.host.text, answer->target.host.len, 0);
    } else if (answer->source == WAY_SOURCE_LITERAL) {
        put_record(out, key->text, key->len, 0);
    }
    for (size_t i = 0; i < answer->host_count; i++) {
        put_record(out, answer->hosts[i].host, strlen(answer->hosts[i].host),
                   answer->hosts[i].preference);
    }
    way_text_putc(out, ']');
}

void api_answer_json(struct way_text *out, const struct way_key *key,
                     const struct way_answer *answer)
{
    bool is_override = answer->source == WAY_SOURCE_OVERRIDE;
    bool is_mx = answer->kind == WAY_LOOKUP_MX;

    way_text_putc(out, '{');
    way_json_member_bytes(out, is_mx ? "domain" : "lookup_key", key->text, key->len);
    way_json_member_bool(out, "override", is_override);
    way_json_member_string(out, "source", way_source_name(answer->source));
    if (is_mx) {
        put_records(out, key, answer);
    } else {
        way_json_member_bytes(out, "target_host", answer->target.host.text,
                              is_override ? answer->target.host.len : 0);
        if (answer->source == WAY_SOURCE_LITERAL || answer->source == WAY_SOURCE_DNS) {
            put_addresses(out, key, answer);
        }
    }
    if (is_override) {
        way_json_member_u64(out, "revision", answer->revision);
    }
    if (answer->source == WAY_SOURCE_DNS) {
        way_json_member_u64(out, "ttl", answer->ttl);
        if (answer->is_null_mx) {
            way_json_member_bool(out, "null_mx", true);
        }
        if (answer->is_implicit) {
            way_json_member_bool(out, "implicit", true);
        }
    }
    way_text_putc(out, '}');
}

static void put_line(struct way_text *out, const char *prefix, const char *text)
{
    way_text_puts(out, prefix);
    way_text_puts(out, text);
    way_text_putc(out, '\n');
}

void api_answer_text(struct way_text *out, const struct way_key *key,
                     const struct way_answer *answer)
{
    const char *prefix = answer->kind == WAY_LOOKUP_MX ? "0 " : "";

    if (answer->source == WAY_SOURCE_OVERRIDE) {
        put_line(out, prefix, answer->target.host.text);
    } else if (answer->source == WAY_SOURCE_LITERAL) {
        put_line(out, prefix, key->text);
    }
    if (answer->source != WAY_SOURCE_DNS) {
        return;
    }
    if (answer->is_null_mx) {
        put_line(out, prefix, ".");
    }
    for (size_t i = 0; i < answer->address_count; i++) {
        put_line(out, "", answer->addresses[i].text);
    }
    for (size_t i = 0; i < answer->host_count; i++) {
        way_text_put_u64(out, answer->hosts[i].preference);
        put_line(out, " ", answer->hosts[i].host);
    }
}
