/* SPDX-License-Identifier: MIT */
#include "api/http_envelope.h"

#include "base/status.h"

#include <microhttpd.h>
#include <stdlib.h>

static struct api_envelope **shelf(struct api_envelope_pool *pool, enum api_media media, size_t len)
{
    return &pool->free[media == API_MEDIA_TEXT][len];
}

static void envelope_free(struct api_envelope *envelope)
{
    if (envelope->response != NULL) {
        MHD_destroy_response(envelope->response);
    }
    free(envelope);
}

struct api_envelope *api_envelope_take(struct api_envelope_pool *pool, enum api_media media,
                                       size_t len)
{
    struct api_envelope **first = shelf(pool, media, len);
    struct api_envelope *envelope = *first;

    if (envelope != NULL) {
        *first = envelope->next;
        pool->kept--;
        return envelope;
    }
    envelope = malloc(sizeof *envelope + len);
    if (envelope != NULL) {
        envelope->response = NULL;
        envelope->media = media;
        envelope->len = len;
    }
    return envelope;
}

void api_envelope_return(struct api_envelope_pool *pool, struct api_envelope *envelope)
{
    struct api_envelope **first;

    if (envelope == NULL) {
        return;
    }
    if (envelope->response == NULL || pool->kept == API_ENVELOPES_KEPT_MAX) {
        envelope_free(envelope);
        return;
    }
    first = shelf(pool, envelope->media, envelope->len);
    envelope->next = *first;
    *first = envelope;
    pool->kept++;
}

void api_envelope_pool_fini(struct api_envelope_pool *pool)
{
    for (size_t media = 0; media < WAY_COUNT_OF(pool->free); media++) {
        for (size_t len = 0; len < WAY_COUNT_OF(pool->free[media]); len++) {
            while (pool->free[media][len] != NULL) {
                struct api_envelope *envelope = pool->free[media][len];

                pool->free[media][len] = envelope->next;
                envelope_free(envelope);
            }
        }
    }
}
