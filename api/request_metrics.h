/* SPDX-License-Identifier: MIT */
/*
 * api/request_metrics - how many requests of which operation ended how, and how fast.
 *
 * Purpose  One counter a status class that matters and one histogram an operation; and how far
 *          what all requests share is used.
 * Owns     Nothing; the cells are a struct way_metrics made here.
 * Threads  Any.
 * Errors   -
 */
#ifndef WAY_API_REQUEST_METRICS_H
#define WAY_API_REQUEST_METRICS_H

#include "api/routes.h"
#include "base/metric.h"

/* NULL: out of memory. Free with way_metrics_free(). */
struct way_metrics *api_request_metrics_new(void);

/* `route` NULL: no operation matched. */
void api_request_metrics_count(struct way_metrics *metrics, const struct api_route *route,
                               unsigned status, uint64_t micros);
/* A request that the HTTP library refused by itself. */
void api_request_metrics_count_broken(struct way_metrics *metrics);

enum api_refused_connection { API_REFUSED_FULL, API_REFUSED_ADDRESS_FULL, API_REFUSED_COUNT };

void api_request_metrics_count_refused(struct way_metrics *metrics,
                                       enum api_refused_connection why);
/* A silent connection was closed to make room for another. */
void api_request_metrics_count_gave_way(struct way_metrics *metrics);

/* All of these, and how far the limits are that many requests share. */
void api_request_metrics_render(const struct api_context *context, struct way_text *out);

#endif
