/* SPDX-License-Identifier: MIT */
#include "model/target.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define FIELD "target_host"

static bool holds(const char *raw, size_t len, char byte)
{
    return len > 0 && memchr(raw, byte, len) != NULL;
}

/* "host:25" or "[address]:25", but not an IPv6 address. */
static bool has_port(const char *raw, size_t len)
{
    const char *colon = len > 0 ? memrchr(raw, ':', len) : NULL;
    size_t digits;

    if (colon == NULL || colon == raw) {
        return false;
    }
    digits = (size_t)(raw + len - colon) - 1;
    for (size_t i = 1; i <= digits; i++) {
        if (colon[i] < '0' || colon[i] > '9') {
            return false;
        }
    }
    return colon[-1] == ']' || memchr(raw, ':', (size_t)(colon - raw)) == NULL;
}

/* What people write instead of a host gets a message of its own. */
static const char *habit(const char *raw, size_t len)
{
    if (len == 0) {
        return "must not be empty";
    }
    if (holds(raw, len, '/')) {
        return "must be a host name or an IP address, not a URL: no scheme, no path";
    }
    if (holds(raw, len, '@')) {
        return "must be a host name or an IP address, not a mail address";
    }
    if (holds(raw, len, ',') || holds(raw, len, ';')) {
        return "must be one host name or one IP address, not a list";
    }
    if (has_port(raw, len)) {
        return "must be a host name or an IP address without a port: mail goes to the relay's "
               "usual port";
    }
    return NULL;
}

enum way_status way_target_parse(const char *raw, size_t len, struct way_target *out,
                                 struct way_error *err)
{
    const char *message = habit(raw, len);
    struct way_error inner;
    enum way_status status;

    if (message != NULL) {
        return way_fail(err, WAY_INVALID, FIELD, "%s", message);
    }
    status = way_key_parse(raw, len, &out->host, &inner);
    if (status == WAY_INVALID && holds(raw, len, ':') && !holds(raw, len, '%')) {
        return way_fail(err, WAY_INVALID, FIELD,
                        "must be a host name or an IP address: no scheme, no port");
    }
    if (status != WAY_OK) {
        return way_fail(err, status, FIELD, "%s", inner.detail);
    }
    return WAY_OK;
}
