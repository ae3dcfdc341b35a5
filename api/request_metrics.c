/* SPDX-License-Identifier: MIT */
#include "api/request_metrics.h"

enum family { FAMILY_REQUESTS, FAMILY_SECONDS, FAMILY_BROKEN, FAMILY_COUNT };

enum {
    OPERATIONS_MAX = 32, /* rows of the route table, and one for "none" */
};

/* Every status that an answer of ours can have. */
static const unsigned statuses[] = {200, 201, 204, 304, 400, 401, 403, 404, 405, 406, 409, 410,
                                    412, 413, 414, 415, 422, 429, 431, 500, 501, 502, 503, 504};

enum { STATUSES = WAY_COUNT_OF(statuses) };

static const char *operation_name(size_t operation)
{
    return operation < api_route_count ? api_routes[operation].operation : "none";
}

static void label_operation(size_t series, struct way_text *out)
{
    way_text_printf(out, "operation=\"%s\"", operation_name(series));
}

static void label_request(size_t series, struct way_text *out)
{
    way_text_printf(out, "operation=\"%s\",status=\"%u\"", operation_name(series / STATUSES),
                    statuses[series % STATUSES]);
}

static const struct way_metric_family families[] = {
    [FAMILY_REQUESTS] = {"waypost_http_requests_total",
                         "Requests by operation and status; operation none: no route matched.",
                         WAY_COUNTER, (size_t)OPERATIONS_MAX *STATUSES, label_request},
    [FAMILY_SECONDS] = {"waypost_http_request_seconds",
                        "From the end of the request line to the answer being made.", WAY_HISTOGRAM,
                        OPERATIONS_MAX, label_operation},
    [FAMILY_BROKEN] = {"waypost_http_broken_requests_total",
                       "Requests too broken to reach an operation.", WAY_COUNTER, 1, NULL},
};

struct way_metrics *api_request_metrics_new(void)
{
    WAY_ASSERT(api_route_count < OPERATIONS_MAX);
    return way_metrics_new(families, FAMILY_COUNT);
}

void api_request_metrics_count(struct way_metrics *metrics, const struct api_route *route,
                               unsigned status, uint64_t micros)
{
    size_t operation = route == NULL ? api_route_count : (size_t)(route - api_routes);
    size_t at = 0;

    while (at < STATUSES - 1 && statuses[at] != status) {
        at++;
    }
    way_metric_add(metrics, FAMILY_REQUESTS, operation * STATUSES + at, 1);
    way_metric_observe_us(metrics, FAMILY_SECONDS, operation, micros);
}

void api_request_metrics_count_broken(struct way_metrics *metrics)
{
    way_metric_add(metrics, FAMILY_BROKEN, 0, 1);
}
