/* SPDX-License-Identifier: MIT */
#include "main/wiring.h"

#include "api/failures.h"
#include "api/http_server.h"
#include "api/http_tls.h"
#include "api/origin.h"
#include "api/request_metrics.h"
#include "base/clock.h"
#include "base/condition.h"
#include "base/log.h"
#include "dns/resolver_cares.h"
#include "domain/janitor.h"
#include "domain/keeper.h"
#include "domain/lookup.h"
#include "domain/service.h"
#include "main/database.h"
#include "main/descriptors.h"
#include "main/tls_files.h"
#include "main/token_file.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DRAIN_MS = 4000,       /* for requests under way when we are told to stop */
    DNS_ON_WIRE_MAX = 128, /* queries to one server at a time, over all loops */
    WHEN_EMPTY_DNS = 1,    /* the second word of --when-empty */
};

/* One of the threads that serve. */
struct lane {
    struct way_instance *instance;
    size_t index;
    struct way_loop *loop;
    struct way_resolver *resolver;
    struct way_lookup *lookup;
    struct api_context context;
    struct api_server *server;
    pthread_t thread;
    bool is_running;
    struct way_job drain; /* posted to the loop, one after the other */
    struct way_job stop;
    struct way_job halt;
    struct way_job beat;            /* posted when it is not on its way */
    atomic_bool is_beating;         /* it is on its way */
    struct way_token_table *tokens; /* the loop's own copy; NULL: every operation is open */
};

/* Tokens that were read again, on their way to a loop. */
struct new_tokens {
    struct way_job job;
    struct lane *lane;
    struct way_token_table *table; /* owned; the lane's as soon as the job has run */
};

struct way_instance {
    struct way_options options; /* borrowed texts */
    struct way_store *store;
    struct way_index *index;
    struct way_waiters *waiters;
    struct way_sync *sync;
    struct way_keeper *keeper;
    struct way_janitor *janitor;
    struct way_meter *meter;
    struct way_metrics *requests;
    struct way_service *service;
    struct api_failures *failures;
    struct api_origins origins;
    struct api_tls *tls;            /* NULL: no listener speaks TLS */
    struct way_token_table *tokens; /* as they were last read; the loops have copies */
    size_t listener_count;
    struct api_listener listeners[API_LISTEN_MAX];
    struct api_places *places;
    struct way_budget bodies; /* memory that requests take */
    struct way_budget answers;
    size_t lane_count;
    struct lane *lanes;
    bool has_cares;
    struct way_condition condition;
    size_t undrained; /* guarded by it: lanes with connections left */
};

static size_t thread_count(const struct way_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (options->threads > 0) {
        return (size_t)options->threads;
    }
    return cores < 1 ? 1 : cores > 64 ? 64 : (size_t)cores;
}

/* A certificate that no address shows, or an address that wants one, is a mistake. */
static enum way_status check_tls(const struct way_options *options,
                                 const struct api_listen_address *addresses, struct way_error *err)
{
    bool has_certificate = options->tls_cert[0] != '\0';
    bool is_shown = false;

    for (size_t i = 0; i < options->listen.count; i++) {
        is_shown = is_shown || api_listen_speaks_tls(&addresses[i], has_certificate);
        if (addresses[i].tls == API_LISTEN_TLS_ON && !has_certificate) {
            return way_fail(err, WAY_INVALID, "listen", "%.100s wants --tls-cert and --tls-key",
                            options->listen.items[i]);
        }
    }
    if (has_certificate && !is_shown) {
        return way_fail(err, WAY_INVALID, "tls-cert",
                        "no address of --listen speaks TLS: all are unix sockets or tls=off");
    }
    return WAY_OK;
}

static enum way_status read_addresses(const struct way_options *options,
                                      struct api_listen_address *addresses, struct way_error *err)
{
    for (size_t i = 0; i < options->listen.count; i++) {
        enum way_status status = api_listen_parse(options->listen.items[i], &addresses[i], err);

        if (status != WAY_OK) {
            return status;
        }
        if (!addresses[i].is_loopback && !options->is_open && options->tokens[0] == '\0') {
            return way_fail(err, WAY_INVALID, "listen",
                            "%.100s can be reached from other machines and there are no tokens; "
                            "give --tokens, or say --open if everybody may change where mail goes",
                            options->listen.items[i]);
        }
    }
    return check_tls(options, addresses, err);
}

static enum way_status read_cors_origins(const struct way_options *options,
                                         struct api_origin_list *list, struct way_error *err)
{
    enum way_status status = WAY_OK;

    for (size_t i = 0; status == WAY_OK && i < options->cors_origins.count; i++) {
        status = api_origins_add(list, options->cors_origins.items[i], err);
    }
    return status;
}

enum way_status way_instance_check(const struct way_options *options, struct way_error *err)
{
    struct api_listen_address addresses[WAY_OPTION_LIST_MAX];
    struct way_database_url url;
    struct way_token_table *tokens = NULL;
    struct api_origin_list origins = {0};
    enum way_status status = way_tls_options_check(options, err);

    if (status == WAY_OK) {
        status = read_addresses(options, addresses, err);
    }
    if (status == WAY_OK) {
        status = read_cors_origins(options, &origins, err);
    }
    if (status == WAY_OK) {
        status = way_database_read(options, &url, err);
    }
    if (status == WAY_OK && options->dns[0] != '\0') {
        status = way_cares_servers_check(options->dns, err);
    }
    if (status == WAY_OK && options->request == WAY_REQUEST_CHECK_CONFIG &&
        options->tokens[0] != '\0') {
        status = way_token_file_read(options->tokens, &tokens, err);
    }
    if (status == WAY_OK && options->request == WAY_REQUEST_CHECK_CONFIG) {
        status = way_tls_files_check(options, err);
    }
    free(tokens);
    return status;
}

/* --- a lane's loop -------------------------------------------------------------------------- */

static bool has_data(const void *owner)
{
    return way_sync_has_data(owner);
}

static void observe_dns(void *owner, enum way_dns_type type, enum way_dns_outcome outcome,
                        uint64_t micros)
{
    way_meter_dns(owner, type, outcome, micros);
}

static void *run_lane(void *argument)
{
    struct lane *lane = argument;

    way_loop_run(lane->loop);
    return NULL;
}

static void on_drained(void *owner)
{
    struct way_instance *instance = ((struct lane *)owner)->instance;

    way_condition_lock(&instance->condition);
    instance->undrained--;
    way_condition_signal(&instance->condition);
    way_condition_unlock(&instance->condition);
}

static void drain_lane(struct way_job *job)
{
    struct lane *lane = WAY_OWNER_OF(job, struct lane, drain);

    api_server_drain(lane->server, on_drained, lane);
}

static void stop_lane(struct way_job *job)
{
    struct lane *lane = WAY_OWNER_OF(job, struct lane, stop);

    api_server_stop(lane->server);
}

static void halt_lane(struct way_job *job)
{
    way_loop_stop(WAY_OWNER_OF(job, struct lane, halt)->loop);
}

static void beat_lane(struct way_job *job)
{
    atomic_store(&WAY_OWNER_OF(job, struct lane, beat)->is_beating, false);
}

static struct way_token_table *copy_tokens(const struct way_token_table *table)
{
    struct way_token_table *copy = malloc(sizeof *copy);

    if (copy != NULL) {
        *copy = *table;
    }
    return copy;
}

static void take_tokens(struct way_job *job)
{
    struct new_tokens *new_tokens = WAY_OWNER_OF(job, struct new_tokens, job);
    struct lane *lane = new_tokens->lane;

    free(lane->tokens);
    lane->tokens = new_tokens->table;
    lane->context.tokens = lane->tokens;
    free(new_tokens);
}

static void set_context(struct way_instance *instance, struct lane *lane)
{
    lane->context = (struct api_context){
        .loop = lane->loop,
        .lookup = lane->lookup,
        .service = instance->service,
        .sync = instance->sync,
        .index = instance->index,
        .waiters = instance->waiters,
        .meter = instance->meter,
        .requests = instance->requests,
        .places = instance->places,
        .bodies = &instance->bodies,
        .answers = &instance->answers,
        .version = WAY_VERSION,
        .dns_timeout_ms = instance->options.dns_timeout_ms,
        .stale_after_ms = instance->options.stale_after_ms,
        .failures = instance->failures,
        .origins = &instance->origins,
        .tls = instance->tls,
        .tokens = lane->tokens,
    };
}

WAY_KEEPS_BEGIN /* the copy is freed with its lane, or by take_tokens() */

static bool give_tokens(const struct way_instance *instance, struct lane *lane)
{
    if (instance->tokens == NULL) {
        return true;
    }
    lane->tokens = copy_tokens(instance->tokens);
    return lane->tokens != NULL;
}

WAY_KEEPS_END

static enum way_status build_lane(struct way_instance *instance, struct lane *lane, size_t index,
                                  struct way_error *err)
{
    size_t lanes = instance->lane_count;
    struct way_cares_options cares = {
        .servers = instance->options.dns,
        .timeout_ms = instance->options.dns_timeout_ms,
        .on_wire_max = DNS_ON_WIRE_MAX / lanes > 0 ? DNS_ON_WIRE_MAX / lanes : 1,
        .observe = observe_dns,
        .owner = instance->meter,
    };
    struct way_lookup_options lookup = {
        .index = instance->index,
        .meter = instance->meter,
        .waiting_max = (size_t)(instance->options.dns_max_lookups + lanes - 1) / lanes,
        .log = (enum way_log_lookups)instance->options.log_lookups,
        .is_empty_served = instance->options.when_empty == WHEN_EMPTY_DNS,
        .has_data = has_data,
        .owner = instance->sync,
    };
    struct api_server_options server = {
        .context = &lane->context,
        .places = instance->places,
        .deadlines =
            {
                .head_ms = instance->options.header_timeout_ms,
                .body_ms = instance->options.body_timeout_ms,
                .answer_ms = instance->options.answer_timeout_ms,
                .idle_ms = instance->options.idle_timeout_ms,
            },
        .loop_count = lanes,
        .loop_index = index,
        .listeners = instance->listeners,
        .listener_count = instance->listener_count,
        .tls = instance->tls,
    };
    enum way_status status;

    lane->instance = instance;
    lane->index = index;
    lane->drain.run = drain_lane;
    lane->stop.run = stop_lane;
    lane->halt.run = halt_lane;
    lane->beat.run = beat_lane;
    lane->loop = way_loop_new();
    if (lane->loop == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a loop");
    }
    status = way_resolver_cares_new(lane->loop, &cares, &lane->resolver, err);
    if (status != WAY_OK) {
        return status;
    }
    lookup.resolver = lane->resolver;
    lane->lookup = way_lookup_new(&lookup);
    if (lane->lookup == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a loop");
    }
    if (!give_tokens(instance, lane)) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a loop");
    }
    set_context(instance, lane);
    return api_server_new(&server, &lane->server, err);
}

static void free_lane(struct lane *lane)
{
    api_server_free(lane->server);
    way_lookup_free(lane->lookup);
    way_resolver_free(lane->resolver);
    way_loop_free(lane->loop);
    free(lane->tokens);
}

static enum way_status start_lane(struct lane *lane, struct way_error *err)
{
    char name[16];

    if (pthread_create(&lane->thread, NULL, run_lane, lane) != 0) {
        return way_fail(err, WAY_INTERNAL, "", "cannot start a thread");
    }
    lane->is_running = true;
    (void)snprintf(name, sizeof name, "loop-%u", (unsigned)lane->index % 1000);
    (void)pthread_setname_np(lane->thread, name);
    return WAY_OK;
}

/* --- starting ------------------------------------------------------------------------------- */

static enum way_status make_places(struct way_instance *instance, struct way_error *err)
{
    const struct way_options *options = &instance->options;
    size_t max = way_descriptors_raise((size_t)options->max_connections, instance->lane_count);
    size_t per_address = (size_t)options->max_connections_per_address;

    instance->places = api_places_new(max, per_address == 0 ? (max + 1) / 2 : per_address);
    return instance->places != NULL ? WAY_OK
                                    : way_fail(err, WAY_NO_MEMORY, "", "no memory to start");
}

static enum way_status open_listeners(struct way_instance *instance, struct way_error *err)
{
    struct api_listen_address addresses[WAY_OPTION_LIST_MAX];
    enum way_status status = read_addresses(&instance->options, addresses, err);

    for (size_t i = 0; status == WAY_OK && i < instance->options.listen.count; i++) {
        status =
            api_listener_open(&addresses[i], instance->lane_count, &instance->listeners[i], err);
        instance->listeners[i].is_tls = api_listen_speaks_tls(&addresses[i], instance->tls != NULL);
        instance->listener_count += status == WAY_OK;
    }
    return status;
}

/* Where a page must come from to be ours. A unix socket is no browser's; what stands in front of it
 * has another address. */
static enum way_status add_own_origin(struct way_instance *instance,
                                      const struct api_listener *listener, struct way_error *err)
{
    char text[API_LISTEN_TEXT_MAX + 16];

    if (listener->is_unix) {
        return WAY_OK;
    }
    (void)snprintf(text, sizeof text, "%s://%s", listener->is_tls ? "https" : "http",
                   listener->text);
    return api_origins_add(&instance->origins.own, text, err);
}

_Static_assert((int)API_LISTEN_MAX <= (int)API_ORIGINS_MAX &&
                   (int)WAY_OPTION_LIST_MAX <= (int)API_ORIGINS_MAX,
               "a list of origins must hold what may be given");

static enum way_status find_origins(struct way_instance *instance, struct way_error *err)
{
    enum way_status status = read_cors_origins(&instance->options, &instance->origins.allowed, err);

    for (size_t i = 0; status == WAY_OK && i < instance->listener_count; i++) {
        status = add_own_origin(instance, &instance->listeners[i], err);
    }
    return status;
}

static enum way_status write_port_file(const struct way_instance *instance, struct way_error *err)
{
    const char *path = instance->options.port_file;
    char reason[128];
    FILE *file;
    bool is_written = true;

    if (path[0] == '\0') {
        return WAY_OK;
    }
    file = fopen(path, "we");
    for (size_t i = 0; file != NULL && i < instance->listener_count; i++) {
        is_written = fprintf(file, "%s\n", instance->listeners[i].text) > 0 && is_written;
    }
    if (file == NULL || fclose(file) != 0 || !is_written) {
        return way_fail(err, WAY_UNAVAILABLE, "port-file", "cannot write %.100s: %s", path,
                        strerror_r(errno, reason, sizeof reason));
    }
    return WAY_OK;
}

static enum way_status start_middle(struct way_instance *instance, struct way_error *err)
{
    const struct way_options *options = &instance->options;
    struct way_sync_options sync = {
        .store = instance->store,
        .snapshot = options->snapshot[0] == '\0' ? NULL : options->snapshot,
        .snapshot_max_age_ms = options->snapshot_max_age_ms,
        .poll_ms = options->poll_interval_ms,
    };
    const struct way_retention retention = {
        .log_us = (int64_t)options->log_retention_ms * 1000,
        .history_us = (int64_t)options->history_retention_ms * 1000,
    };

    instance->index = way_index_new();
    sync.index = instance->index;
    instance->waiters = way_waiters_new();
    sync.waiters = instance->waiters;
    instance->meter = way_meter_new();
    instance->requests = api_request_metrics_new();
    if (instance->index == NULL || instance->waiters == NULL || instance->meter == NULL ||
        instance->requests == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory to start");
    }
    instance->sync = way_sync_start(&sync);
    if (instance->sync == NULL) {
        return way_fail(err, WAY_INTERNAL, "", "cannot start a thread");
    }
    if (sync.snapshot != NULL) {
        instance->keeper = way_keeper_start(sync.snapshot, instance->sync, instance->index);
        if (instance->keeper == NULL) {
            return way_fail(err, WAY_INTERNAL, "", "cannot start a thread");
        }
    }
    instance->janitor = way_janitor_start(instance->store, instance->sync, &retention);
    if (instance->janitor == NULL) {
        return way_fail(err, WAY_INTERNAL, "", "cannot start a thread");
    }
    instance->service = way_service_start(instance->store, instance->sync, instance->meter);
    if (instance->service == NULL) {
        return way_fail(err, WAY_INTERNAL, "", "cannot start a thread");
    }
    return WAY_OK;
}

static enum way_status start_lanes(struct way_instance *instance, struct way_error *err)
{
    enum way_status status = WAY_OK;

    instance->lanes = calloc(instance->lane_count, sizeof *instance->lanes);
    if (instance->lanes == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory to start");
    }
    for (size_t i = 0; status == WAY_OK && i < instance->lane_count; i++) {
        status = build_lane(instance, &instance->lanes[i], i, err);
    }
    for (size_t i = 0; status == WAY_OK && i < instance->lane_count; i++) {
        status = start_lane(&instance->lanes[i], err);
    }
    return status;
}

/* --- tokens --------------------------------------------------------------------------------- */

static enum way_status read_tokens(struct way_instance *instance, struct way_error *err)
{
    enum way_status status;

    if (instance->options.tokens[0] == '\0') {
        return WAY_OK;
    }
    status = way_token_file_read(instance->options.tokens, &instance->tokens, err);
    if (status != WAY_OK) {
        return status;
    }
    way_log(WAY_LOG_NOTICE, "tokens.read", "count=%zu", instance->tokens->count);
    instance->failures = api_failures_new();
    return instance->failures != NULL ? WAY_OK
                                      : way_fail(err, WAY_NO_MEMORY, "", "no memory to start");
}

/* Everything that the hand-over needs, before any of it happens. NULL: out of memory. */
static struct new_tokens **prepare_tokens(struct way_instance *instance,
                                          const struct way_token_table *table)
{
    struct new_tokens **made = calloc(instance->lane_count, sizeof(struct new_tokens *));

    for (size_t i = 0; made != NULL && i < instance->lane_count; i++) {
        made[i] = calloc(1, sizeof *made[i]);
        if (made[i] != NULL) {
            *made[i] = (struct new_tokens){
                .job.run = take_tokens, .lane = &instance->lanes[i], .table = copy_tokens(table)};
        }
        if (made[i] == NULL || made[i]->table == NULL) {
            for (size_t j = 0; j <= i && made[j] != NULL; j++) {
                free(made[j]->table);
                free(made[j]);
            }
            free(made);
            return NULL;
        }
    }
    return made;
}

WAY_KEEPS_BEGIN /* what is posted is freed by take_tokens() */

static enum way_status replace_tokens(struct way_instance *instance, struct way_error *err)
{
    struct way_token_table *table = NULL;
    struct new_tokens **made;
    enum way_status status = way_token_file_read(instance->options.tokens, &table, err);

    if (status != WAY_OK) {
        return status;
    }
    made = prepare_tokens(instance, table);
    if (made == NULL) {
        free(table);
        return way_fail(err, WAY_NO_MEMORY, "tokens", "out of memory");
    }
    for (size_t i = 0; i < instance->lane_count; i++) {
        way_loop_post(instance->lanes[i].loop, &made[i]->job);
    }
    free(made);
    way_log(WAY_LOG_NOTICE, "tokens.read", "count=%zu", table->count);
    free(instance->tokens);
    instance->tokens = table;
    return WAY_OK;
}

WAY_KEEPS_END

void way_instance_read_again(struct way_instance *instance)
{
    struct way_error err;
    char quoted[WAY_LOG_VALUE_MAX];

    if (instance->tokens == NULL && instance->tls == NULL) {
        way_log(WAY_LOG_NOTICE, "hangup", "detail=\"there is nothing to read again\"");
    }
    if (instance->tokens != NULL && replace_tokens(instance, &err) != WAY_OK) {
        way_log(WAY_LOG_ERROR, "tokens.refused", "detail=%s",
                way_log_quote(err.detail, strlen(err.detail), quoted, sizeof quoted));
    }
    if (instance->tls != NULL &&
        way_tls_read_again(&instance->options, instance->tls, &err) != WAY_OK) {
        way_log(WAY_LOG_ERROR, "tls.refused", "option=%s detail=%s", err.field,
                way_log_quote(err.detail, strlen(err.detail), quoted, sizeof quoted));
    }
}

static void log_start(const struct way_instance *instance)
{
    for (size_t i = 0; i < instance->listener_count; i++) {
        way_log(WAY_LOG_NOTICE, "serve", "version=%s listen=%s tls=%s store=%s threads=%zu",
                WAY_VERSION, instance->listeners[i].text,
                instance->listeners[i].is_tls ? "on" : "off", way_store_name(instance->store),
                instance->lane_count);
    }
}

enum way_status way_instance_start(const struct way_options *options, struct way_instance **out,
                                   struct way_error *err)
{
    struct way_instance *instance = calloc(1, sizeof *instance);
    enum way_status status;

    if (instance == NULL || way_condition_init(&instance->condition) != WAY_OK) {
        free(instance);
        return way_fail(err, WAY_NO_MEMORY, "", "no memory to start");
    }
    instance->options = *options;
    way_budget_init(&instance->bodies, (size_t)options->max_body_memory);
    way_budget_init(&instance->answers, (size_t)options->max_answer_memory);
    instance->lane_count = thread_count(options);
    status = way_cares_library_start(err);
    instance->has_cares = status == WAY_OK;
    if (status == WAY_OK) {
        status = make_places(instance, err);
    }
    if (status == WAY_OK) {
        status = read_tokens(instance, err);
    }
    if (status == WAY_OK) {
        status = way_tls_open(options, &instance->tls, err);
    }
    if (status == WAY_OK) {
        status = open_listeners(instance, err);
    }
    if (status == WAY_OK) {
        status = find_origins(instance, err);
    }
    if (status == WAY_OK) {
        status = write_port_file(instance, err);
    }
    if (status == WAY_OK) {
        status = way_database_open(options, &instance->store, err);
    }
    if (status == WAY_OK) {
        status = start_middle(instance, err);
    }
    if (status == WAY_OK) {
        status = start_lanes(instance, err);
    }
    if (status != WAY_OK) {
        way_instance_stop(instance);
        return status;
    }
    log_start(instance);
    *out = instance;
    return WAY_OK;
}

/* --- while it runs -------------------------------------------------------------------------- */

void way_instance_describe(struct way_instance *instance, struct way_text *out)
{
    static const char *const states[] = {
        [WAY_STORE_OK] = "",
        [WAY_STORE_FAILING] = "the database refuses changes",
        [WAY_STORE_READ_ONLY] = "the database is read-only",
        [WAY_STORE_DOWN] = "the database is away",
    };
    struct way_sync_view view;

    way_sync_view(instance->sync, &view);
    if (view.has_data) {
        way_text_printf(out, "Serving %" PRIu64 " overrides", way_index_count(instance->index));
    } else {
        way_text_puts(out, "Waiting for the overrides");
    }
    if (view.state != WAY_STORE_OK) {
        way_text_printf(out, "; %s: %s", states[view.state], view.detail);
    }
}

bool way_instance_is_alive(struct way_instance *instance)
{
    for (size_t i = 0; i < instance->lane_count; i++) {
        if (atomic_load(&instance->lanes[i].is_beating)) {
            return false;
        }
    }
    for (size_t i = 0; i < instance->lane_count; i++) {
        atomic_store(&instance->lanes[i].is_beating, true);
        way_loop_post(instance->lanes[i].loop, &instance->lanes[i].beat);
    }
    return true;
}

/* --- stopping: the reverse of starting ------------------------------------------------------ */

static void drain(struct way_instance *instance)
{
    uint64_t until_ms = way_clock_mono_ms() + DRAIN_MS;

    way_waiters_close(instance->waiters);
    way_condition_lock(&instance->condition);
    for (size_t i = 0; i < instance->lane_count; i++) {
        if (instance->lanes[i].is_running) {
            instance->undrained++;
            way_loop_post(instance->lanes[i].loop, &instance->lanes[i].drain);
        }
    }
    while (instance->undrained > 0 && way_condition_wait(&instance->condition, until_ms)) {
    }
    way_condition_unlock(&instance->condition);
}

/* Whoever still waits is told so before we wait ourselves for a database that may hang. */
static void stop_lanes(struct way_instance *instance)
{
    for (size_t i = 0; i < instance->lane_count; i++) {
        if (instance->lanes[i].is_running) {
            way_loop_post(instance->lanes[i].loop, &instance->lanes[i].stop);
        }
    }
}

static void join_lanes(struct way_instance *instance)
{
    for (size_t i = 0; i < instance->lane_count; i++) {
        if (instance->lanes[i].is_running) {
            way_loop_post(instance->lanes[i].loop, &instance->lanes[i].halt);
        }
    }
    for (size_t i = 0; i < instance->lane_count; i++) {
        if (instance->lanes[i].is_running) {
            (void)pthread_join(instance->lanes[i].thread, NULL);
        }
    }
    for (size_t i = 0; i < instance->lane_count; i++) {
        free_lane(&instance->lanes[i]);
    }
}

void way_instance_stop(struct way_instance *instance)
{
    if (instance->lanes != NULL) {
        drain(instance);
        stop_lanes(instance);
    }
    /* The loops still run: what the store's threads finish now has somebody to go to. */
    if (instance->service != NULL) {
        way_service_stop(instance->service);
    }
    if (instance->lanes != NULL) {
        join_lanes(instance);
    }
    free(instance->lanes);
    api_places_free(instance->places);
    api_failures_free(instance->failures);
    api_tls_free(instance->tls);
    free(instance->tokens);
    way_service_free(instance->service);
    way_janitor_stop(instance->janitor);
    way_keeper_stop(instance->keeper);
    way_sync_stop(instance->sync);
    way_waiters_free(instance->waiters);
    way_metrics_free(instance->requests);
    way_meter_free(instance->meter);
    way_index_free(instance->index);
    way_store_free(instance->store);
    for (size_t i = 0; i < instance->listener_count; i++) {
        api_listener_close(&instance->listeners[i]);
    }
    if (instance->has_cares) {
        way_cares_library_stop();
    }
    way_condition_fini(&instance->condition);
    free(instance);
}
