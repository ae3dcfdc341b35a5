/* SPDX-License-Identifier: MIT */
/*
 * How  The entries of the revision are read first. Each becomes a wish for what was before, on the
 *      condition that the row is still as the revision left it; the writer takes all or none.
 */
#include "api/body.h"
#include "api/handlers/handlers.h"
#include "api/handlers/store_call.h"
#include "base/json.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A key that has changed since. */
struct changed {
    struct way_key key;
    uint64_t newest;
};

struct undo_call {
    struct api_store_call base;
    uint64_t revision;        /* what to undo */
    struct way_wish template; /* actor and reason */
    /* the visitor's, on a store thread */
    enum way_status status; /* not WAY_OK: it cannot be undone, see err */
    struct way_error err;
    size_t count;
    size_t room;
    struct way_wish *wishes; /* owned */
    size_t changed_count;    /* also of those that are not listed */
    struct changed changed[API_PROBLEM_ERRORS_MAX];
};

static void release(struct api_store_call *self)
{
    free(WAY_OWNER_OF(self, struct undo_call, base)->wishes);
}

/* The next wish, empty but for actor and reason. NULL: see undo_call->err. */
static struct way_wish *add_wish(struct undo_call *undo_call)
{
    if (undo_call->count == WAY_WRITER_GROUP_MAX) {
        undo_call->status =
            way_fail(&undo_call->err, WAY_INVALID, "revision",
                     "changed more than %d overrides, which is too much to undo at once",
                     WAY_WRITER_GROUP_MAX);
        return NULL;
    }
    if (undo_call->count == undo_call->room) {
        size_t room = undo_call->room == 0 ? 1 : undo_call->room * 2;
        struct way_wish *wishes = realloc(undo_call->wishes, room * sizeof *wishes);

        if (wishes == NULL) {
            undo_call->status = way_fail(&undo_call->err, WAY_NO_MEMORY, "", "out of memory");
            return NULL;
        }
        undo_call->wishes = wishes;
        undo_call->room = room;
    }
    undo_call->wishes[undo_call->count] = undo_call->template;
    return &undo_call->wishes[undo_call->count++];
}

/* A wish for what was before the entry. */
static enum way_status wish_back(struct undo_call *undo_call, const struct way_entry *entry)
{
    struct way_wish *wish = add_wish(undo_call);
    struct way_error cause;

    if (wish == NULL) {
        return undo_call->status;
    }
    wish->key = entry->key;
    wish->precondition.has_revision = true;
    wish->precondition.revision = entry->op == WAY_OP_DELETE ? 0 : entry->revision;
    if (entry->before[0] == '\0') {
        wish->kind = WAY_WISH_DELETE;
        return WAY_OK;
    }
    wish->kind = WAY_WISH_PUT;
    if (api_body_read_stored((struct api_bytes){entry->before, strlen(entry->before)}, wish,
                             &cause) != WAY_OK) {
        undo_call->status = way_fail(
            &undo_call->err, WAY_INVALID, "revision",
            "what was stored for %.100s before cannot be stored any more: %s%s%.80s",
            entry->key.text, cause.field, cause.field[0] == '\0' ? "" : ": ", cause.detail);
    }
    return undo_call->status;
}

static void note_changed(struct undo_call *undo_call, const struct way_key *key, uint64_t newest)
{
    if (undo_call->changed_count < API_PROBLEM_ERRORS_MAX) {
        undo_call->changed[undo_call->changed_count] = (struct changed){*key, newest};
    }
    undo_call->changed_count++;
}

/* On a store thread. */
static bool visit_entry(void *owner, const struct way_entry *entry, uint64_t newest)
{
    struct undo_call *undo_call = owner;

    if (entry->op == WAY_OP_RELOAD) {
        undo_call->status = way_fail(&undo_call->err, WAY_INVALID, "revision",
                                     "is a reload: what was before it is not known");
        return false;
    }
    if (entry->before[0] == '\0' && entry->after[0] == '\0') {
        undo_call->status =
            way_fail(&undo_call->err, WAY_INVALID, "revision",
                     "was recorded before the history kept overrides: what was before it is not "
                     "known");
        return false;
    }
    if (newest != entry->revision) {
        note_changed(undo_call, &entry->key, newest);
        return true;
    }
    return wish_back(undo_call, entry) == WAY_OK;
}

static void refuse_changed(struct undo_call *undo_call)
{
    struct api_problem_error errors[API_PROBLEM_ERRORS_MAX];
    char messages[API_PROBLEM_ERRORS_MAX][64];
    char detail[128];
    size_t listed = undo_call->changed_count < API_PROBLEM_ERRORS_MAX ? undo_call->changed_count
                                                                      : API_PROBLEM_ERRORS_MAX;

    for (size_t i = 0; i < listed; i++) {
        uint64_t newest = undo_call->changed[i].newest;

        (void)snprintf(messages[i], sizeof messages[i], "was changed by revision %" PRIu64, newest);
        errors[i] = (struct api_problem_error){undo_call->changed[i].key.text,
                                               newest == 0 ? "was changed meanwhile" : messages[i]};
    }
    (void)snprintf(detail, sizeof detail,
                   "%zu of the overrides that revision %" PRIu64 " changed were changed since",
                   undo_call->changed_count, undo_call->revision);
    api_refuse_errors(undo_call->base.exchange, API_CHANGED_SINCE, detail, errors, listed);
    api_store_call_finish(&undo_call->base);
}

static void respond_undone(struct undo_call *undo_call, uint64_t revision)
{
    struct api_exchange *exchange = undo_call->base.exchange;
    struct way_text *body = &exchange->response.body;

    api_respond(exchange, 200, API_MEDIA_JSON);
    way_text_putc(body, '{');
    way_json_member_u64(body, "revision", revision);
    way_json_name(body, "reverted");
    way_text_putc(body, '[');
    for (size_t i = 0; i < undo_call->count; i++) {
        const struct way_key *key = &undo_call->wishes[i].key;

        way_json_separate(body);
        way_json_string(body, key->text, key->len);
    }
    way_text_puts(body, "]}\n");
}

static void on_written(struct api_store_call *self)
{
    struct undo_call *undo_call = WAY_OWNER_OF(self, struct undo_call, base);
    const struct way_write *write = &self->call.of.write;
    uint64_t revision = write->revision;
    char actor[API_ACTOR_QUOTED_MAX];

    /* A row that shall be deleted and is gone was changed since, too. */
    if (self->call.status == WAY_STALE || self->call.status == WAY_NOT_FOUND) {
        note_changed(undo_call, &undo_call->wishes[write->failed].key, 0);
        refuse_changed(undo_call);
        return;
    }
    if (self->call.status != WAY_OK) {
        api_store_call_refuse(self, &self->call.err);
        return;
    }
    if (revision == 0) { /* all of it is as it was before already */
        revision = way_index_revision(self->exchange->context->index);
    }
    way_log(WAY_LOG_NOTICE, "history.undone",
            "undone=%" PRIu64 " overrides=%zu revision=%" PRIu64 " actor=%s request_id=%s",
            undo_call->revision, undo_call->count, revision,
            api_exchange_actor(self->exchange, actor), self->exchange->request.id);
    self->exchange->response.revision = revision;
    respond_undone(undo_call, revision);
    api_store_call_finish(self);
}

static void on_read(struct api_store_call *self)
{
    struct undo_call *undo_call = WAY_OWNER_OF(self, struct undo_call, base);

    if (self->call.status != WAY_OK) {
        api_store_call_refuse(self, &self->call.err);
        return;
    }
    if (undo_call->status != WAY_OK) {
        api_store_call_refuse(self, &undo_call->err);
        return;
    }
    if (undo_call->changed_count > 0) {
        refuse_changed(undo_call);
        return;
    }
    if (undo_call->count == 0) {
        api_refuse(self->exchange, API_GONE, "revision", "the change log does not have it");
        api_store_call_finish(self);
        return;
    }
    self->call.of.write = (struct way_write){
        .kind = WAY_WRITE_GROUP, .group = undo_call->wishes, .group_count = undo_call->count};
    api_store_call_post(self, WAY_SERVICE_WRITE, on_written);
}

static enum way_status read_request(const struct api_exchange *exchange,
                                    struct undo_call *undo_call, struct way_error *err)
{
    struct api_bytes revision = exchange->request.key; /* the one parameter of the path */

    if (!way_u64_parse(revision.at, revision.len, INT64_MAX, &undo_call->revision) ||
        undo_call->revision == 0) {
        return way_fail(err, WAY_INVALID, "revision", "must be a number from 1 to %" PRId64,
                        INT64_MAX);
    }
    return api_store_call_sign(exchange, &undo_call->template, err);
}

void api_revert_revision(struct api_exchange *exchange)
{
    struct undo_call *undo_call = api_store_call_new(exchange, sizeof *undo_call);
    struct way_error err;

    if (undo_call == NULL) {
        return;
    }
    undo_call->base.release = release;
    if (read_request(exchange, undo_call, &err) != WAY_OK) {
        api_store_call_refuse(&undo_call->base, &err);
        return;
    }
    undo_call->base.call.of.revision.revision = undo_call->revision;
    undo_call->base.call.of.revision.visit = visit_entry;
    undo_call->base.call.of.revision.owner = undo_call;
    api_store_call_post(&undo_call->base, WAY_SERVICE_REVISION, on_read);
}
