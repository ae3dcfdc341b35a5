/* SPDX-License-Identifier: MIT */
#include "api/answer.h"
#include "api/catch_up.h"
#include "api/handlers/handlers.h"
#include "api/params.h"

#include "base/clock.h"

#include <stdlib.h>

/* A lookup that waits, for its revision or for DNS, and the exchange that waits for it. */
struct lookup_call {
    struct way_question question;
    struct way_pending *pending;   /* of DNS */
    struct way_waiter waiter;      /* for the revision */
    struct api_exchange *exchange; /* NULL: it has given up while the waiter was out */
};

static void respond(struct api_exchange *exchange, const struct way_key *key,
                    const struct way_answer *answer)
{
    struct way_text *body = &exchange->response.body;

    if (answer->outcome != WAY_LOOKUP_ANSWERED) {
        char detail[WAY_ERROR_DETAIL_MAX + WAY_KEY_MAX];

        api_problem_describe_outcome(answer->outcome, key->text, detail, sizeof detail);
        api_refuse(exchange, api_problem_of_outcome(answer->outcome), "", detail);
        return;
    }
    api_respond(exchange, 200, exchange->produces);
    if (exchange->produces == API_MEDIA_TEXT) {
        api_answer_text(body, key, answer);
    } else {
        api_answer_json(body, key, answer);
        way_text_putc(body, '\n');
    }
}

static void on_answered(void *owner, const struct way_answer *answer)
{
    struct lookup_call *lookup_call = owner;

    respond(lookup_call->exchange, &lookup_call->question.key, answer);
    api_exchange_finish(lookup_call->exchange);
    free(lookup_call);
}

static void abandon_dns(struct api_exchange *exchange)
{
    struct lookup_call *lookup_call = exchange->waiting;

    way_lookup_cancel(lookup_call->pending);
    free(lookup_call);
}

/* The index has no answer: ask DNS. */
static void wait_for_dns(struct api_exchange *exchange, const struct way_question *question)
{
    struct lookup_call *lookup_call = calloc(1, sizeof *lookup_call);

    if (lookup_call != NULL) {
        lookup_call->exchange = exchange;
        lookup_call->question = *question;
        lookup_call->question.deadline_ms = way_clock_mono_ms() + exchange->context->dns_timeout_ms;
        lookup_call->pending = way_lookup_wait(exchange->context->lookup, &lookup_call->question,
                                               on_answered, lookup_call);
    }
    if (lookup_call == NULL || lookup_call->pending == NULL) {
        struct way_answer answer;

        free(lookup_call);
        way_lookup_refuse(exchange->context->lookup, question, WAY_LOOKUP_BUSY, &answer);
        respond(exchange, &question->key, &answer);
        api_exchange_finish(exchange);
        return;
    }
    api_exchange_wait(exchange, 0, abandon_dns, lookup_call);
}

/* From the index as it is now, else from DNS. */
static void answer_question(struct api_exchange *exchange, const struct way_question *question)
{
    struct way_answer answer;

    if (!way_lookup_now(exchange->context->lookup, question, &answer)) {
        wait_for_dns(exchange, question);
        return;
    }
    respond(exchange, &question->key, &answer);
    api_exchange_finish(exchange);
}

static void on_caught_up(struct way_waiter *waiter, enum way_wait_outcome outcome)
{
    struct lookup_call *lookup_call = WAY_OWNER_OF(waiter, struct lookup_call, waiter);
    struct api_exchange *exchange = lookup_call->exchange;

    if (exchange != NULL && outcome == WAY_WAIT_REACHED) {
        answer_question(exchange, &lookup_call->question);
    } else if (exchange != NULL) {
        api_refuse_behind(exchange, waiter->revision);
        api_exchange_finish(exchange);
    }
    free(lookup_call);
}

static void abandon_catching_up(struct api_exchange *exchange)
{
    struct lookup_call *lookup_call = exchange->waiting;

    lookup_call->exchange = NULL;
    way_waiters_cancel(&lookup_call->waiter);
}

static void wait_to_catch_up(struct api_exchange *exchange, const struct way_question *question,
                             uint64_t min_revision)
{
    struct lookup_call *lookup_call = calloc(1, sizeof *lookup_call);
    struct way_error err = {.status = WAY_NO_MEMORY, .detail = "out of memory"};

    if (lookup_call != NULL) {
        lookup_call->exchange = exchange;
        lookup_call->question = *question;
    }
    if (lookup_call == NULL ||
        api_catch_up(exchange, min_revision, &lookup_call->waiter, on_caught_up, &err) != WAY_OK) {
        free(lookup_call);
        api_refuse_error(exchange, &err);
        api_exchange_finish(exchange);
        return;
    }
    api_exchange_wait(exchange, 0, abandon_catching_up, lookup_call);
}

static void look_up(struct api_exchange *exchange, enum way_lookup_kind kind, struct api_bytes raw)
{
    struct way_question question = {
        .kind = kind, .door = "http", .request_id = exchange->request.id};
    uint64_t min_revision = 0;
    struct way_error err;
    enum way_status status = api_param_fallback(&exchange->request, &question.is_dns_wanted, &err);

    if (status == WAY_OK) {
        status = kind == WAY_LOOKUP_MX ? api_param_domain(raw, &question.key, &err)
                                       : api_param_key(raw, &question.key, &err);
    }
    if (status == WAY_OK) {
        status = api_param_min_revision(&exchange->request, &min_revision, &err);
    }
    if (status != WAY_OK) {
        api_refuse_error(exchange, &err);
        api_exchange_finish(exchange);
        return;
    }
    if (!api_has_caught_up(exchange, min_revision)) {
        wait_to_catch_up(exchange, &question, min_revision);
        return;
    }
    answer_question(exchange, &question);
}

static void look_up_param(struct api_exchange *exchange, enum way_lookup_kind kind,
                          const char *name)
{
    const struct api_bytes *raw = api_request_param(&exchange->request, name);

    if (raw == NULL) {
        api_refuse(exchange, API_INVALID, name, "is missing");
        api_exchange_finish(exchange);
        return;
    }
    look_up(exchange, kind, *raw);
}

void api_resolve_by_path(struct api_exchange *exchange)
{
    look_up(exchange, WAY_LOOKUP_RESOLVE, exchange->request.key);
}

void api_resolve_by_query(struct api_exchange *exchange)
{
    look_up_param(exchange, WAY_LOOKUP_RESOLVE, "key");
}

void api_mx_by_path(struct api_exchange *exchange)
{
    look_up(exchange, WAY_LOOKUP_MX, exchange->request.key);
}

void api_mx_by_query(struct api_exchange *exchange)
{
    look_up_param(exchange, WAY_LOOKUP_MX, "domain");
}
