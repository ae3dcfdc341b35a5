/* SPDX-License-Identifier: MIT */
#include "domain/service.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct way_service {
    struct way_store *store; /* borrowed */
    struct way_sync *sync;   /* borrowed */
    struct way_meter *meter; /* borrowed */
    struct way_queue *queue; /* reads and lists */
    struct way_writer *writer;
    size_t reader_count; /* threads that run */
    pthread_t readers[WAY_SERVICE_READERS];
};

static void run_done(struct way_job *job)
{
    struct way_service_call *call = WAY_OWNER_OF(job, struct way_service_call, job);

    call->done(call);
}

static void send_home(struct way_service_call *call)
{
    call->job.run = run_done;
    way_loop_post(call->home, &call->job);
}

/* The visitor of a call, and whether it has seen anything: then the call cannot be begun again. */
struct watched_visit {
    struct way_service_call *call;
    bool has_visited;
};

static bool visit_row(void *owner, const struct way_override *row)
{
    struct watched_visit *watched = owner;

    watched->has_visited = true;
    return watched->call->of.list.visit(watched->call->of.list.owner, row);
}

static bool visit_feed(void *owner, const struct way_entry *entry)
{
    struct watched_visit *watched = owner;

    watched->has_visited = true;
    return watched->call->of.feed.visit(watched->call->of.feed.owner, entry);
}

static bool visit_history(void *owner, const struct way_entry *entry)
{
    struct watched_visit *watched = owner;

    watched->has_visited = true;
    return watched->call->of.history.visit(watched->call->of.history.owner, entry);
}

static bool visit_revision(void *owner, const struct way_entry *entry, uint64_t newest)
{
    struct watched_visit *watched = owner;

    watched->has_visited = true;
    return watched->call->of.revision.visit(watched->call->of.revision.owner, entry, newest);
}

/* Each node of a cluster has its own place in the history, and this session's may be behind the one
 * that the index follows. */
static enum way_status check_revision(struct way_session *session, uint64_t min_revision,
                                      struct way_error *err)
{
    struct way_position position = {0};
    enum way_status status;

    if (min_revision == 0) {
        return WAY_OK;
    }
    way_session_catch_up(session);
    status = way_store_poll(session, &position, err);
    if (status == WAY_OK && position.revision < min_revision) {
        status = way_fail(err, WAY_BEHIND, "",
                          "the database answers from revision %" PRIu64 ", not yet from %" PRIu64,
                          position.revision, min_revision);
    }
    return status;
}

static enum way_status read_row(struct way_session *session, struct way_service_call *call)
{
    enum way_status status = check_revision(session, call->of.read.min_revision, &call->err);

    return status == WAY_OK
               ? way_store_read(session, &call->of.read.key, &call->of.read.row, &call->err)
               : status;
}

static enum way_status perform(struct way_session *session, struct way_service_call *call,
                               struct watched_visit *watched)
{
    switch (call->kind) {
    case WAY_SERVICE_READ:
        return read_row(session, call);
    case WAY_SERVICE_LIST:
        return way_store_list(session, &call->of.list.query, visit_row, watched,
                              &call->of.list.page, &call->err);
    case WAY_SERVICE_FEED:
        return way_store_feed(session, &call->of.feed.query, visit_feed, watched,
                              &call->of.feed.page, &call->err);
    case WAY_SERVICE_HISTORY:
        return way_store_history(session, &call->of.history.query, visit_history, watched,
                                 &call->of.history.has_more, &call->err);
    case WAY_SERVICE_PAST:
        return way_store_past(session, &call->of.past.key, call->of.past.revision,
                              &call->of.past.past, &call->err);
    case WAY_SERVICE_REVISION:
        return way_store_revision(session, call->of.revision.revision, visit_revision, watched,
                                  &call->err);
    case WAY_SERVICE_WRITE:
        break; /* the writer's */
    }
    return way_fail(&call->err, WAY_INTERNAL, "", "a write went to a reader");
}

static const enum way_store_call metered_as[] = {
    [WAY_SERVICE_READ] = WAY_CALL_READ,    [WAY_SERVICE_LIST] = WAY_CALL_LIST,
    [WAY_SERVICE_FEED] = WAY_CALL_FEED,    [WAY_SERVICE_HISTORY] = WAY_CALL_HISTORY,
    [WAY_SERVICE_PAST] = WAY_CALL_HISTORY, [WAY_SERVICE_REVISION] = WAY_CALL_HISTORY,
    [WAY_SERVICE_WRITE] = WAY_CALL_WRITE,
};

/* One call on the thread's session, which is opened anew after a fault. */
static void serve(struct way_service *service, struct way_session **session,
                  struct way_service_call *call)
{
    uint64_t started = way_clock_mono_us();
    struct watched_visit watched = {.call = call};
    bool had_session = *session != NULL;

    if (started / 1000 >= call->deadline_ms) {
        call->status =
            way_fail(&call->err, WAY_UNAVAILABLE, "", "the database did not get to it in time");
        return;
    }
    for (;;) {
        call->status =
            *session == NULL ? way_session_open(service->store, session, &call->err) : WAY_OK;
        if (call->status == WAY_OK) {
            call->status = perform(*session, call, &watched);
        }
        if (call->status != WAY_UNAVAILABLE && call->status != WAY_INTERNAL) {
            break;
        }
        way_session_close(*session);
        *session = NULL;
        /* An idle session may have been closed by the server: a new one deserves one try. */
        if (!had_session || watched.has_visited) {
            break;
        }
        had_session = false;
    }
    way_meter_store(service->meter, metered_as[call->kind], call->status,
                    way_clock_mono_us() - started);
}

static void *run_reader(void *argument)
{
    struct way_service *service = argument;
    struct way_session *session = NULL;
    struct way_job *job;

    while ((job = way_queue_take(service->queue)) != NULL) {
        struct way_service_call *call = WAY_OWNER_OF(job, struct way_service_call, job);

        serve(service, &session, call);
        send_home(call);
    }
    way_session_close(session);
    return NULL;
}

static void on_committed(void *owner, const uint8_t tx[static WAY_TX_BYTES],
                         const struct way_change *changes, size_t count)
{
    struct way_service *service = owner;

    way_sync_committed(service->sync, tx, changes, count);
}

static void on_transaction(void *owner, enum way_status status, size_t wishes, uint64_t micros)
{
    struct way_service *service = owner;

    (void)wishes;
    way_meter_store(service->meter, WAY_CALL_WRITE, status, micros);
}

/* On the writer's thread. */
static void on_written(struct way_write *write)
{
    struct way_service_call *call = WAY_OWNER_OF(write, struct way_service_call, of.write);

    call->status = write->status;
    call->err = write->err;
    if (write->status == WAY_UNAVAILABLE || write->status == WAY_UNSETTLED) {
        way_sync_note_refused(call->service->sync, write->err.detail);
    }
    if (write->status == WAY_UNSETTLED || write->kind == WAY_WRITE_RELOAD) {
        way_sync_reload(call->service->sync);
    }
    send_home(call);
}

struct way_service *way_service_start(struct way_store *store, struct way_sync *sync,
                                      struct way_meter *meter)
{
    struct way_service *service = calloc(1, sizeof *service);
    struct way_writer_options options = {
        .store = store, .committed = on_committed, .observe = on_transaction, .owner = service};

    if (service == NULL) {
        return NULL;
    }
    service->store = store;
    service->sync = sync;
    service->meter = meter;
    service->queue = way_queue_new(WAY_SERVICE_QUEUE_MAX);
    if (service->queue == NULL) {
        goto out;
    }
    for (; service->reader_count < WAY_SERVICE_READERS; service->reader_count++) {
        pthread_t *thread = &service->readers[service->reader_count];
        char name[16];

        if (pthread_create(thread, NULL, run_reader, service) != 0) {
            goto out;
        }
        (void)snprintf(name, sizeof name, "store-%u", (unsigned)service->reader_count % 100);
        (void)pthread_setname_np(*thread, name);
    }
    service->writer = way_writer_start(&options);
    if (service->writer == NULL) {
        goto out;
    }
    return service;

out:
    way_service_stop(service);
    way_service_free(service);
    return NULL;
}

void way_service_stop(struct way_service *service)
{
    if (service->writer != NULL) {
        way_writer_stop(service->writer);
    }
    if (service->queue != NULL) {
        way_queue_close(service->queue);
    }
    for (size_t i = 0; i < service->reader_count; i++) {
        (void)pthread_join(service->readers[i], NULL);
    }
}

void way_service_free(struct way_service *service)
{
    if (service == NULL) {
        return;
    }
    way_writer_free(service->writer);
    way_queue_free(service->queue);
    free(service);
}

/* What is known to fail is refused at once, so that no thread waits for a dead server. */
static enum way_status check_store(struct way_service *service, enum way_service_kind kind,
                                   struct way_error *err)
{
    struct way_sync_view view;

    way_sync_view(service->sync, &view);
    if (view.state == WAY_STORE_DOWN || !view.is_prepared) {
        return way_fail(err, WAY_UNAVAILABLE, "", "the database is not available: %.200s",
                        view.detail);
    }
    if (view.is_schema_read_only && kind == WAY_SERVICE_WRITE) {
        return way_fail(err, WAY_UNAVAILABLE, "", "changes are refused: %.200s", view.detail);
    }
    return WAY_OK;
}

enum way_status way_service_post(struct way_service *service, struct way_service_call *call,
                                 struct way_error *err)
{
    enum way_status status = check_store(service, call->kind, err);

    if (status != WAY_OK) {
        return status;
    }
    call->service = service;
    call->deadline_ms = way_clock_mono_ms() + WAY_SERVICE_DEADLINE_MS;
    if (call->latest_ms != 0 && call->latest_ms < call->deadline_ms) {
        call->deadline_ms = call->latest_ms;
    }
    if (call->kind == WAY_SERVICE_WRITE) {
        call->of.write.done = on_written;
        call->of.write.deadline_ms = call->deadline_ms;
        status = way_writer_put(service->writer, &call->of.write);
    } else {
        status = way_queue_put(service->queue, &call->job);
    }
    if (status != WAY_OK) {
        return way_fail(err, status, "", "too many requests wait for the database");
    }
    return WAY_OK;
}
