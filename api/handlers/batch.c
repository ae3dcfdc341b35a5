/* SPDX-License-Identifier: MIT */
/*
 * How  Keys that the index answers are encoded at once. The others are asked of DNS, a
 *      window of them at a time, and encoded as they come. Every result lies somewhere
 *      in `parts`; the answer is put together in the order of the request at the end.
 */
#include "api/answer.h"
#include "api/body.h"
#include "api/handlers/handlers.h"
#include "api/params.h"
#include "base/json.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
    BATCH_DNS_MAX = 256, /* keys of one batch that are asked of DNS at a time */
    BYTES_A_KEY = 96,    /* that it takes besides its text */
};

struct item {
    size_t at; /* its result in `parts` */
    size_t len;
};

struct batch;

/* One of the lookups that wait for DNS. */
struct window_slot {
    struct batch *batch;
    size_t index; /* of the key */
    struct way_question question;
    struct way_pending *pending; /* NULL: free */
};

struct batch {
    struct api_exchange *exchange;
    enum way_lookup_kind kind;
    bool is_dns_wanted;
    uint64_t deadline_ms;
    struct api_keys *keys;     /* owned */
    struct way_budget *bodies; /* borrowed */
    size_t charged;            /* taken of it: the keys, and this */
    size_t count;
    struct item *items;    /* owned */
    struct way_text parts; /* owned */
    size_t miss_count;
    size_t *misses;             /* owned; keys that only DNS can answer */
    size_t miss_next;           /* the first that is not asked yet */
    size_t open;                /* lookups that wait */
    struct window_slot *window; /* owned; BATCH_DNS_MAX, or NULL: nothing is asked of DNS */
};

static void batch_free(struct batch *batch)
{
    api_keys_free(batch->keys);
    way_budget_give(batch->bodies, batch->charged);
    way_text_fini(&batch->parts);
    free(batch->items);
    free(batch->misses);
    free(batch->window);
    free(batch);
}

static void abandon(struct api_exchange *exchange)
{
    struct batch *batch = exchange->waiting;

    for (size_t i = 0; i < BATCH_DNS_MAX; i++) {
        if (batch->window[i].pending != NULL) {
            way_lookup_cancel(batch->window[i].pending);
        }
    }
    batch_free(batch);
}

static void put_failure(struct batch *batch, size_t index, enum api_problem problem,
                        const char *detail)
{
    struct api_bytes key = api_keys_at(batch->keys, index);
    struct way_text *out = &batch->parts;

    batch->items[index].at = out->len;
    way_text_putc(out, '{');
    way_json_member_bytes(out, "lookup_key", key.at, key.len);
    way_json_member_u64(out, "status", api_problem_status(problem));
    way_json_member_string(out, "code", api_problem_code(problem));
    way_json_member_string(out, "detail", detail);
    way_text_putc(out, '}');
    batch->items[index].len = out->len - batch->items[index].at;
}

static void put_result(struct batch *batch, size_t index, const struct way_key *key,
                       const struct way_answer *answer)
{
    if (answer->outcome != WAY_LOOKUP_ANSWERED) {
        char detail[WAY_ERROR_DETAIL_MAX + WAY_KEY_MAX];

        api_problem_describe_outcome(answer->outcome, key->text, detail, sizeof detail);
        put_failure(batch, index, api_problem_of_outcome(answer->outcome), detail);
        return;
    }
    batch->items[index].at = batch->parts.len;
    api_answer_json(&batch->parts, key, answer);
    batch->items[index].len = batch->parts.len - batch->items[index].at;
}

static void respond(struct batch *batch)
{
    struct api_exchange *exchange = batch->exchange;
    struct way_text *body = &exchange->response.body;

    if (way_text_status(&batch->parts) != WAY_OK) {
        api_refuse(exchange, API_BUSY, "", "the answers under way take too much memory");
        return;
    }
    api_respond(exchange, 200, API_MEDIA_JSON);
    way_text_puts(body, "{\"results\":[");
    for (size_t i = 0; i < batch->count; i++) {
        way_json_separate(body);
        way_text_append(body, batch->parts.data + batch->items[i].at, batch->items[i].len);
    }
    way_text_puts(body, "]}\n");
}

static enum way_status read_key(const struct batch *batch, size_t index, struct way_key *key,
                                struct way_error *err)
{
    struct api_bytes raw = api_keys_at(batch->keys, index);

    return batch->kind == WAY_LOOKUP_MX ? way_key_parse_mail_domain(raw.at, raw.len, key, err)
                                        : way_key_parse(raw.at, raw.len, key, err);
}

static void answer_key(struct batch *batch, size_t index, const struct way_question *question)
{
    struct way_answer answer;

    if (way_lookup_now(batch->exchange->context->lookup, question, &answer)) {
        put_result(batch, index, &question->key, &answer);
    } else {
        batch->misses[batch->miss_count++] = index;
    }
}

/* Of the keys from `first` on, those that need no DNS. */
static void answer_group(struct batch *batch, size_t first, size_t count)
{
    struct way_question questions[WAY_INDEX_WARM_MAX];
    const struct way_key *keys[WAY_INDEX_WARM_MAX] = {NULL};
    size_t indexes[WAY_INDEX_WARM_MAX];
    size_t good = 0;

    for (size_t i = first; i < first + count; i++) {
        struct way_question *question = &questions[good];
        struct way_error err;

        question->kind = batch->kind;
        question->is_dns_wanted = batch->is_dns_wanted;
        question->door = "http";
        question->request_id = batch->exchange->request.id;
        if (read_key(batch, i, &question->key, &err) != WAY_OK) {
            put_failure(batch, i, API_INVALID, err.detail);
            continue;
        }
        indexes[good] = i;
        keys[good++] = &question->key;
    }
    way_lookup_warm(batch->exchange->context->lookup, keys, good);
    for (size_t i = 0; i < good; i++) {
        answer_key(batch, indexes[i], &questions[i]);
    }
}

/* Everything that needs no DNS. */
static void answer_known(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i += WAY_INDEX_WARM_MAX) {
        size_t left = batch->count - i;

        answer_group(batch, i, left < WAY_INDEX_WARM_MAX ? left : WAY_INDEX_WARM_MAX);
    }
}

static void fill_window(struct batch *batch);

static void on_answered(void *owner, const struct way_answer *answer)
{
    struct window_slot *slot = owner;
    struct batch *batch = slot->batch;

    put_result(batch, slot->index, &slot->question.key, answer);
    slot->pending = NULL;
    batch->open--;
    fill_window(batch);
    if (batch->open == 0) {
        respond(batch);
        api_exchange_finish(batch->exchange);
        batch_free(batch);
    }
}

/* The question about the next key that only DNS can answer. */
static void next_question(struct batch *batch, struct way_question *question)
{
    struct way_error err;

    *question = (struct way_question){
        .kind = batch->kind,
        .is_dns_wanted = true,
        .door = "http",
        .request_id = batch->exchange->request.id,
        .deadline_ms = batch->deadline_ms,
        .is_one_of_many = true,
    };
    (void)read_key(batch, batch->misses[batch->miss_next], &question->key, &err); /* known good */
}

/* False when this instance waits for too much already. */
static bool ask_next(struct batch *batch, struct window_slot *slot)
{
    slot->batch = batch;
    slot->index = batch->misses[batch->miss_next];
    next_question(batch, &slot->question);
    slot->pending =
        way_lookup_wait(batch->exchange->context->lookup, &slot->question, on_answered, slot);
    if (slot->pending == NULL) {
        return false;
    }
    batch->miss_next++;
    batch->open++;
    return true;
}

static void refuse_next(struct batch *batch, enum way_lookup_outcome outcome)
{
    struct way_question question;
    struct way_answer answer;

    next_question(batch, &question);
    way_lookup_refuse(batch->exchange->context->lookup, &question, outcome, &answer);
    put_result(batch, batch->misses[batch->miss_next++], &question.key, &answer);
}

static void fill_window(struct batch *batch)
{
    for (size_t i = 0; i < BATCH_DNS_MAX && batch->miss_next < batch->miss_count; i++) {
        if (batch->window[i].pending != NULL) {
            continue;
        }
        if (way_clock_mono_ms() >= batch->deadline_ms) {
            break;
        }
        if (!ask_next(batch, &batch->window[i])) {
            if (batch->open > 0) {
                return; /* one of ours will end and make room */
            }
            refuse_next(batch, WAY_LOOKUP_BUSY);
            i--; /* the slot is still free */
        }
    }
    /* The one deadline of the batch has passed for those that were never asked. */
    while (batch->miss_next < batch->miss_count && way_clock_mono_ms() >= batch->deadline_ms) {
        refuse_next(batch, WAY_LOOKUP_DNS_TIMEOUT);
    }
}

/* What the index does not know. */
static void ask_dns(struct batch *batch)
{
    size_t bytes = BATCH_DNS_MAX * sizeof *batch->window;

    if (way_budget_take(batch->bodies, bytes)) {
        batch->charged += bytes;
        batch->window = calloc(1, bytes);
    }
    while (batch->window == NULL && batch->miss_next < batch->miss_count) {
        refuse_next(batch, WAY_LOOKUP_BUSY);
    }
    if (batch->window != NULL) {
        fill_window(batch);
    }
}

/* What a batch keeps while it waits for DNS, about as much as it is. */
static enum way_status charge(struct batch *batch, struct way_error *err)
{
    size_t bytes = sizeof *batch + batch->exchange->request.body.len + batch->count * BYTES_A_KEY;

    if (!way_budget_take(batch->bodies, bytes)) {
        return way_fail(err, WAY_BUSY, "", "the bodies under way take too much memory");
    }
    batch->charged = bytes;
    return WAY_OK;
}

static enum way_status read_request(struct batch *batch, struct way_error *err)
{
    const struct api_request *request = &batch->exchange->request;
    enum way_status status = api_param_fallback(request, &batch->is_dns_wanted, err);

    if (status == WAY_OK) {
        status = api_body_read_keys(request->body, &batch->keys, err);
    }
    if (status != WAY_OK) {
        return status;
    }
    batch->count = api_keys_count(batch->keys);
    status = charge(batch, err);
    if (status != WAY_OK) {
        return status;
    }
    batch->items = calloc(batch->count + 1, sizeof *batch->items); /* + 1: none is no failure */
    batch->misses = calloc(batch->count + 1, sizeof *batch->misses);
    if (batch->items == NULL || batch->misses == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "out of memory");
    }
    return WAY_OK;
}

static void refuse(struct api_exchange *exchange, const struct way_error *err)
{
    api_refuse_error(exchange, err);
    api_exchange_finish(exchange);
}

static void look_up_batch(struct api_exchange *exchange, enum way_lookup_kind kind)
{
    struct batch *batch = calloc(1, sizeof *batch);
    struct way_error err = {.status = WAY_NO_MEMORY, .detail = "out of memory"};

    if (batch == NULL) {
        refuse(exchange, &err);
        return;
    }
    way_text_init(&batch->parts, NULL, 0, API_RESPONSE_MAX);
    way_text_charge(&batch->parts, exchange->context->answers, API_RESPONSE_SPARE);
    batch->exchange = exchange;
    batch->bodies = exchange->context->bodies;
    batch->kind = kind;
    batch->deadline_ms = way_clock_mono_ms() + exchange->context->dns_timeout_ms;
    if (read_request(batch, &err) != WAY_OK) {
        refuse(exchange, &err);
        batch_free(batch);
        return;
    }
    if (!way_lookup_is_ready(exchange->context->lookup)) {
        api_refuse(exchange, API_NOT_READY, "", "the overrides have not been loaded yet");
        api_exchange_finish(exchange);
        batch_free(batch);
        return;
    }
    answer_known(batch);
    if (batch->miss_count > 0) {
        ask_dns(batch);
    }
    if (batch->open > 0) {
        api_exchange_wait(exchange, 0, abandon, batch);
        return;
    }
    respond(batch);
    api_exchange_finish(exchange);
    batch_free(batch);
}

void api_resolve_batch(struct api_exchange *exchange)
{
    look_up_batch(exchange, WAY_LOOKUP_RESOLVE);
}

void api_mx_batch(struct api_exchange *exchange)
{
    look_up_batch(exchange, WAY_LOOKUP_MX);
}
