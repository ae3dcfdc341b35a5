/* SPDX-License-Identifier: MIT */
#include "api/handlers/handlers.h"
#include "api/http_tls.h"
#include "api/request_metrics.h"
#include "base/json.h"

#include "base/metric.h"
#include "generated/way_openapi_yaml.h"

void api_get_liveness(struct api_exchange *exchange)
{
    struct way_text *body = &exchange->response.body;

    api_respond(exchange, 200, API_MEDIA_JSON);
    way_text_putc(body, '{');
    way_json_member_string(body, "status", "ok");
    way_json_member_string(body, "version", exchange->context->version);
    way_text_puts(body, "}\n");
    api_exchange_finish(exchange);
}

static void respond_ready(struct api_exchange *exchange, const struct way_sync_view *view)
{
    static const char *const words[] = {
        [WAY_STORE_OK] = "ok",
        [WAY_STORE_FAILING] = "failing",
        [WAY_STORE_READ_ONLY] = "read_only",
        [WAY_STORE_DOWN] = "down",
    };
    const struct way_index *index = exchange->context->index;
    struct way_text *body = &exchange->response.body;

    api_respond(exchange, 200, API_MEDIA_JSON);
    way_text_putc(body, '{');
    way_json_member_string(body, "status", "ready");
    way_json_member_string(body, "store", words[view->state]);
    way_json_member_u64(body, "stale_seconds", view->stale_seconds);
    way_json_member_u64(body, "revision", way_index_revision(index));
    way_json_member_u64(body, "overrides", way_index_count(index));
    way_json_member_u64(body, "rejected", view->rejected);
    if (view->state != WAY_STORE_OK) {
        way_json_member_string(body, "detail", view->detail);
    }
    way_text_puts(body, "}\n");
}

void api_get_readiness(struct api_exchange *exchange)
{
    struct way_sync_view view;
    struct way_error err;

    way_sync_view(exchange->context->sync, &view);
    if (exchange->context->is_draining) {
        api_refuse(exchange, API_NOT_READY, "", "the service is stopping");
    } else if (!view.has_data) {
        (void)way_fail(&err, WAY_UNAVAILABLE, "", "the overrides have not been loaded yet: %.200s",
                       view.detail);
        api_refuse(exchange, API_NOT_READY, "", err.detail);
    } else {
        respond_ready(exchange, &view);
    }
    api_exchange_finish(exchange);
}

void api_get_metrics(struct api_exchange *exchange)
{
    const struct api_context *context = exchange->context;
    struct way_meter_gauges gauges;
    struct way_sync_view view;

    way_sync_view(context->sync, &view);
    gauges = (struct way_meter_gauges){
        .overrides = way_index_count(context->index),
        .revision = way_index_revision(context->index),
        .is_store_up = view.state != WAY_STORE_DOWN,
        .is_store_writable = view.state == WAY_STORE_OK,
        .stale_seconds = view.stale_seconds,
        .rejected = view.rejected,
    };
    api_respond(exchange, 200, API_MEDIA_METRICS);
    api_request_metrics_render(context, &exchange->response.body);
    if (context->tls != NULL) {
        api_tls_render(context->tls, &exchange->response.body);
    }
    way_meter_render(context->meter, &gauges, &exchange->response.body);
    api_exchange_finish(exchange);
}

void api_get_contract(struct api_exchange *exchange)
{
    api_respond(exchange, 200, API_MEDIA_YAML);
    exchange->response.constant = way_openapi_yaml;
    exchange->response.constant_len = way_openapi_yaml_len;
    api_exchange_finish(exchange);
}
