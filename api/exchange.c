/* SPDX-License-Identifier: MIT */
#include "api/exchange.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

void api_exchange_finish(struct api_exchange *exchange)
{
    bool was_waiting = exchange->abandon != NULL;

    WAY_ASSERT(!exchange->is_finished);
    exchange->is_finished = true;
    exchange->abandon = NULL;
    exchange->waiting = NULL;
    if (was_waiting) {
        api_exchange_resume(exchange);
    }
}

void api_exchange_wait(struct api_exchange *exchange, uint64_t deadline_ms,
                       void (*abandon)(struct api_exchange *exchange), void *waiting)
{
    exchange->deadline_ms = deadline_ms;
    exchange->abandon = abandon;
    exchange->waiting = waiting;
    exchange->cut_short = NULL;
}

const char *api_exchange_actor(const struct api_exchange *exchange,
                               char out[static API_ACTOR_QUOTED_MAX])
{
    const char *actor = exchange->actor[0] == '\0' ? "-" : exchange->actor;

    return way_log_quote(actor, strlen(actor), out, API_ACTOR_QUOTED_MAX);
}

void api_respond(struct api_exchange *exchange, unsigned status, enum api_media media)
{
    exchange->response.status = status;
    exchange->response.media = media;
}

void api_respond_header(struct api_exchange *exchange, const char *name, const char *value)
{
    struct api_response *response = &exchange->response;

    WAY_ASSERT(response->header_count < API_RESPONSE_HEADERS_MAX);
    response->headers[response->header_count].name = name;
    (void)snprintf(response->headers[response->header_count].value, API_HEADER_VALUE_MAX, "%s",
                   value);
    response->header_count++;
}

/* Everything but the body. Nothing of a half-made answer may stay. */
static void begin_refusal(struct api_exchange *exchange, enum api_problem problem)
{
    struct api_response *response = &exchange->response;
    unsigned retry_after = api_problem_retry_after(problem);

    way_text_clear(&response->body);
    response->header_count = 0;
    response->constant = NULL;
    response->revision = 0;
    response->may_be_kept = false;
    response->is_problem = true;
    api_respond(exchange, api_problem_status(problem), API_MEDIA_NONE);
    if (retry_after > 0) {
        char seconds[16];

        (void)snprintf(seconds, sizeof seconds, "%u", retry_after);
        api_respond_header(exchange, "Retry-After", seconds);
    }
}

void api_refuse(struct api_exchange *exchange, enum api_problem problem, const char *field,
                const char *detail)
{
    begin_refusal(exchange, problem);
    api_problem_write(&exchange->response.body, problem, field, detail, exchange->request.id);
}

void api_refuse_errors(struct api_exchange *exchange, enum api_problem problem, const char *detail,
                       const struct api_problem_error *errors, size_t count)
{
    begin_refusal(exchange, problem);
    api_problem_write_errors(&exchange->response.body, problem, detail, errors, count,
                             exchange->request.id);
}

void api_refuse_error(struct api_exchange *exchange, const struct way_error *err)
{
    if (err->status == WAY_UNSETTLED) {
        api_refuse(exchange, API_STORE_UNAVAILABLE, "",
                   "the database broke off while it stored this change: it may or may not be "
                   "stored; read it before you try again");
        return;
    }
    api_refuse(exchange, api_problem_of_status(err->status), err->field, err->detail);
}
