/* SPDX-License-Identifier: MIT */
#include "main/healthcheck.h"

#include "main/ask.h"

enum way_status way_healthcheck(const char *listen, struct way_error *err)
{
    struct way_reply reply;
    enum way_status status = way_ask(listen, "GET /healthz", "", WAY_HEALTHCHECK_MS, &reply, err);

    if (status == WAY_OK && reply.status != 200) {
        status = way_fail(err, WAY_UNAVAILABLE, "", "the answer is %u and not 200", reply.status);
    }
    return status;
}
