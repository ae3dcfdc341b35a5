/* SPDX-License-Identifier: MIT */
#include "api/http_slot.h"

#include "base/clock.h"
#include "base/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request id without a call to printf: this is made for every request. */
static void make_id(struct api_slot_pool *pool, char *id)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = pool->request_count++;

    memcpy(id, pool->id_prefix, API_ID_PREFIX);
    for (size_t i = 0; i < 8; i++) {
        id[API_ID_PREFIX + i] = digits[(number >> (28 - 4 * i)) & 15];
    }
    id[API_ID_PREFIX + 8] = '\0';
}

static struct api_slot *take_free(struct api_slot_pool *pool)
{
    struct api_slot *slot = pool->free_slots;

    if (slot != NULL) {
        pool->free_slots = slot->next_free;
        pool->free_count--;
        return slot;
    }
    return malloc(sizeof *slot);
}

/* Only what a request reads before it writes is set: a slot is large and requests are many. */
static void init(struct api_slot *slot, struct api_slot_pool *pool, struct MHD_Connection *mhd)
{
    struct api_exchange *exchange = &slot->exchange;
    struct api_response *response = &exchange->response;

    slot->pool = pool;
    slot->mhd = mhd;
    slot->connection = NULL;
    slot->started_us = way_clock_mono_us();
    slot->has_head = false;
    slot->is_suspended = false;
    slot->must_close = false;
    slot->target = slot->inline_target;
    slot->joined = NULL;
    way_text_init(&slot->body, NULL, 0, 0);
    slot->envelope = NULL;
    exchange->context = pool->context;
    exchange->route = NULL;
    exchange->origin.text[0] = '\0';
    exchange->is_origin_allowed = false;
    exchange->actor[0] = '\0';
    exchange->produces = API_MEDIA_NONE;
    exchange->is_finished = false;
    exchange->abandon = NULL;
    exchange->waiting = NULL;
    exchange->cut_short = NULL;
    exchange->deadline_ms = 0;
    exchange->request.key = (struct api_bytes){NULL, 0};
    exchange->request.body = (struct api_bytes){NULL, 0};
    exchange->request.method = API_METHOD_OTHER;
    make_id(pool, exchange->request.id);
    response->status = 0;
    response->media = API_MEDIA_NONE;
    response->is_problem = false;
    response->revision = 0;
    response->may_be_kept = false;
    response->constant = NULL;
    response->constant_len = 0;
    response->header_count = 0;
    way_text_init(&response->body, response->inline_body, sizeof response->inline_body,
                  API_RESPONSE_MAX);
}

void api_slot_release(struct api_slot *slot)
{
    struct api_slot_pool *pool = slot->pool;

    api_envelope_return(&pool->envelopes, slot->envelope);
    free(slot->joined);
    way_text_fini(&slot->body);
    way_text_fini(&slot->exchange.response.body);
    if (slot->target != slot->inline_target) {
        free(slot->target);
    }
    if (pool->free_count == API_SLOTS_KEPT) {
        free(slot);
        return;
    }
    slot->next_free = pool->free_slots;
    pool->free_slots = slot;
    pool->free_count++;
}

/* Copies the target, raw, before libmicrohttpd changes it. */
static bool keep_target(struct api_slot *slot, const char *uri)
{
    slot->target_len = strlen(uri);
    if (slot->target_len > API_TARGET_MAX) {
        slot->inline_target[0] = '\0';
        return true; /* it will be refused by its length */
    }
    if (slot->target_len >= sizeof slot->inline_target) {
        slot->target = malloc(slot->target_len + 1);
        if (slot->target == NULL) {
            slot->target = slot->inline_target;
            return false;
        }
    }
    memcpy(slot->target, uri, slot->target_len + 1);
    return true;
}

struct api_slot *api_slot_take(struct api_slot_pool *pool, struct MHD_Connection *mhd,
                               const char *uri)
{
    struct api_slot *slot = take_free(pool);

    if (slot == NULL) {
        return NULL;
    }
    init(slot, pool, mhd);
    if (!keep_target(slot, uri)) {
        api_slot_release(slot);
        return NULL;
    }
    return slot;
}

void api_slot_pool_init(struct api_slot_pool *pool, struct api_context *context, void *owner)
{
    *pool = (struct api_slot_pool){.context = context, .owner = owner};
    (void)snprintf(pool->id_prefix, sizeof pool->id_prefix, "%08" PRIx64,
                   way_random_u64() & UINT32_MAX);
}

void api_slot_pool_fini(struct api_slot_pool *pool)
{
    while (pool->free_slots != NULL) {
        struct api_slot *slot = pool->free_slots;

        pool->free_slots = slot->next_free;
        free(slot);
    }
    api_envelope_pool_fini(&pool->envelopes);
}
