/* SPDX-License-Identifier: MIT */
#include "main/reload.h"

#include "api/epoch.h"
#include "base/clock.h"
#include "main/ask.h"
#include "main/database.h"
#include "main/token_file.h"
#include "store/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- a shared database ------------------------------------------------------------------------ */

static void ignore_done(struct way_write *write)
{
    (void)write; /* it is looked at when the writer has stopped */
}

/* No index stands behind this writer, and no metrics. */
static void ignore_changes(void *owner, const uint8_t tx[static WAY_TX_BYTES],
                           const struct way_change *changes, size_t count)
{
    (void)owner;
    (void)tx;
    (void)changes;
    (void)count;
}

static void ignore_transaction(void *owner, enum way_status status, size_t writes, uint64_t micros)
{
    (void)owner;
    (void)status;
    (void)writes;
    (void)micros;
}

static enum way_status write_reload(struct way_store *store, struct way_write *write,
                                    struct way_error *err)
{
    const struct way_writer_options options = {
        .store = store, .committed = ignore_changes, .observe = ignore_transaction};
    struct way_writer *writer = way_writer_start(&options);
    enum way_status status;

    if (writer == NULL) {
        return way_fail(err, WAY_INTERNAL, "", "cannot start a thread");
    }
    write->done = ignore_done;
    write->deadline_ms = way_clock_mono_ms() + WAY_RELOAD_MS;
    (void)snprintf(write->wish.actor, sizeof write->wish.actor, "-");
    status = way_writer_put(writer, write); /* from here on it is the writer's */
    way_writer_stop(writer);                /* it writes what waits first */
    way_writer_free(writer);
    if (status != WAY_OK) {
        return way_fail(err, status, "", "the writer takes nothing");
    }
    *err = write->err;
    return write->status;
}

static enum way_status reload_database(const struct way_options *options, struct way_text *out,
                                       struct way_error *err)
{
    struct way_write write = {.kind = WAY_WRITE_RELOAD};
    struct way_store_report report = {0};
    struct way_store *store = NULL;
    enum way_status status = way_open_prepared(options, &store, &report, err);

    if (status == WAY_OK) {
        status = write_reload(store, &write, err);
    }
    if (status == WAY_OK) {
        way_text_printf(out, "revision=%" PRIu64 " epoch=", write.revision);
        api_epoch_write(out, write.epoch);
        way_text_putc(out, '\n');
    } else if (status == WAY_UNSETTLED) {
        (void)way_fail(err, status, "",
                       "the database broke off: the reload may or may not have been stored; run "
                       "it again, twice does no harm");
    }
    way_store_free(store);
    return status;
}

/* --- the one instance of an SQLite file ------------------------------------------------------- */

/* What stands between `name` and the next of `ends` in a document of ours. */
static bool find_member(const char *body, const char *name, const char *ends,
                        struct api_bytes *value)
{
    const char *at = strstr(body, name);

    if (at == NULL) {
        return false;
    }
    value->at = at + strlen(name);
    value->len = strcspn(value->at, ends);
    return value->at[value->len] != '\0';
}

/* A token is sent, so over TLS the certificate must be the instance's own. */
static enum way_status ask_instance(const struct way_options *options, const char *secret,
                                    struct way_text *out, struct way_error *err)
{
    struct way_question question = {.line = "POST /reload",
                                    .secret = secret,
                                    .pin = options->tls_cert,
                                    .patience_ms = WAY_RELOAD_MS};
    struct way_reply reply;
    struct api_bytes revision;
    struct api_bytes epoch;
    const char *listen;
    enum way_status status = way_ask_where(options, &question, err);

    if (status != WAY_OK) {
        return status;
    }
    listen = question.listen;
    status = way_ask(&question, &reply, err);
    if (status == WAY_NOT_FOUND) {
        return way_fail(err, status, "",
                        "nothing listens on %.100s: no instance has the file open there, and one "
                        "that starts reads all of it anyway",
                        listen);
    }
    if (status != WAY_OK) {
        return status;
    }
    if (reply.status != 200) {
        struct api_bytes detail = {"", 0};

        (void)find_member(reply.body, "\"detail\":\"", "\"", &detail);
        return way_fail(err, WAY_UNAVAILABLE, "", "the instance on %.100s answers %u: %.*s", listen,
                        reply.status, (int)detail.len, detail.at);
    }
    if (!find_member(reply.body, "\"revision\":", ",}", &revision) ||
        !find_member(reply.body, "\"epoch\":\"", "\"", &epoch)) {
        return way_fail(err, WAY_UNAVAILABLE, "", "what listens on %.100s is no Waypost", listen);
    }
    way_text_printf(out, "revision=%.*s epoch=%.*s\n", (int)revision.len, revision.at,
                    (int)epoch.len, epoch.at);
    return WAY_OK;
}

enum way_status way_reload(const struct way_options *options, struct way_text *out,
                           struct way_error *err)
{
    struct way_database_url url;
    char secret[WAY_SECRET_MAX];
    enum way_status status = way_database_read(options, &url, err);

    if (status != WAY_OK) {
        return status;
    }
    if (url.engine != WAY_ENGINE_SQLITE) {
        return reload_database(options, out, err);
    }
    status = way_secret_read(options, secret, err);
    if (status == WAY_OK) {
        status = ask_instance(options, secret, out, err);
    }
    explicit_bzero(secret, sizeof secret);
    return status;
}
