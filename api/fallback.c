/* SPDX-License-Identifier: MIT */
#include "api/fallback.h"

enum way_status api_fallback_read(const struct api_request *request, bool *is_dns_wanted,
                                  struct way_error *err)
{
    const struct api_bytes *value = api_request_param(request, "fallback");

    *is_dns_wanted = value == NULL;
    if (value != NULL && !api_bytes_equal(*value, "none")) {
        return way_fail(err, WAY_INVALID, "fallback", "must be \"none\", or left out");
    }
    return WAY_OK;
}
