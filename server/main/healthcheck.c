/* SPDX-License-Identifier: MIT */
#include "main/healthcheck.h"

#include "main/ask.h"

enum way_status way_healthcheck(const struct way_options *options, struct way_error *err)
{
    struct way_question question = {
        .line = "GET /healthz", .secret = "", .patience_ms = WAY_HEALTHCHECK_MS};
    struct way_reply reply;
    enum way_status status = way_ask_where(options, &question, err);

    if (status == WAY_OK) {
        status = way_ask(&question, &reply, err);
    }
    if (status == WAY_OK && reply.status != 200) {
        status = way_fail(err, WAY_UNAVAILABLE, "", "the answer is %u and not 200", reply.status);
    }
    return status;
}
