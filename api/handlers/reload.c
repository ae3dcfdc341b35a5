/* SPDX-License-Identifier: MIT */
#include "api/epoch.h"
#include "api/handlers/handlers.h"
#include "api/handlers/store_call.h"
#include "base/json.h"
#include "base/log.h"

#include <inttypes.h>

static void on_reloaded(struct api_store_call *self)
{
    struct api_exchange *exchange = self->exchange;
    const struct way_write *write = &self->call.of.write;
    struct way_text *body = &exchange->response.body;
    char actor[API_ACTOR_QUOTED_MAX];

    if (self->call.status != WAY_OK) {
        api_store_call_refuse(self, &self->call.err);
        return;
    }
    way_log(WAY_LOG_NOTICE, "override.reload", "revision=%" PRIu64 " actor=%s request_id=%s",
            write->revision, api_exchange_actor(exchange, actor), exchange->request.id);
    exchange->response.revision = write->revision;
    api_respond(exchange, 200, API_MEDIA_JSON);
    way_text_putc(body, '{');
    way_json_member_u64(body, "revision", write->revision);
    way_json_name(body, "epoch");
    way_text_putc(body, '"');
    api_epoch_write(body, write->epoch);
    way_text_puts(body, "\"}\n");
    api_store_call_finish(self);
}

void api_reload(struct api_exchange *exchange)
{
    struct api_store_call *self = api_store_call_new(exchange, sizeof *self);
    struct way_error err;

    if (self == NULL) {
        return;
    }
    if (api_store_call_sign(exchange, &self->call.of.write.wish, &err) != WAY_OK) {
        api_store_call_refuse(self, &err);
        return;
    }
    self->call.of.write.kind = WAY_WRITE_RELOAD;
    api_store_call_post(self, WAY_SERVICE_WRITE, on_reloaded);
}
