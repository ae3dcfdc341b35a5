/* SPDX-License-Identifier: MIT */
#include "api/params.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

/* The model calls every key "lookup_key"; the caller wrote it under another name. */
static enum way_status rename_field(enum way_status status, const char *name, struct way_error *err)
{
    if (status != WAY_OK && err != NULL) {
        (void)snprintf(err->field, sizeof err->field, "%s", name);
    }
    return status;
}

enum way_status api_param_key(struct api_bytes raw, struct way_key *key, struct way_error *err)
{
    return rename_field(way_key_parse(raw.at, raw.len, key, err), "key", err);
}

enum way_status api_param_domain(struct api_bytes raw, struct way_key *domain,
                                 struct way_error *err)
{
    return rename_field(way_key_parse_mail_domain(raw.at, raw.len, domain, err), "domain", err);
}

enum way_status api_param_number(const struct api_request *request,
                                 const struct api_number_rule *rule, uint64_t *out,
                                 struct way_error *err)
{
    const struct api_bytes *value = api_request_param(request, rule->name);

    if (value == NULL && rule->is_required) {
        return way_fail(err, WAY_INVALID, rule->name, "is missing");
    }
    *out = rule->fallback;
    if (value != NULL &&
        (!way_u64_parse(value->at, value->len, rule->max, out) || *out < rule->min)) {
        return way_fail(err, WAY_INVALID, rule->name,
                        "must be a number from %" PRIu64 " to %" PRIu64, rule->min, rule->max);
    }
    return WAY_OK;
}

enum way_status api_param_fallback(const struct api_request *request, bool *is_dns_wanted,
                                   struct way_error *err)
{
    const struct api_bytes *value = api_request_param(request, "fallback");

    *is_dns_wanted = value == NULL;
    if (value != NULL && !api_bytes_equal(*value, "none")) {
        return way_fail(err, WAY_INVALID, "fallback", "must be \"none\", or left out");
    }
    return WAY_OK;
}

enum way_status api_param_min_revision(const struct api_request *request, uint64_t *min_revision,
                                       struct way_error *err)
{
    static const struct api_number_rule rule = {.name = "min_revision", .max = INT64_MAX};

    return api_param_number(request, &rule, min_revision, err);
}
