/* SPDX-License-Identifier: MIT */
/*
 * How  libmicrohttpd takes connections that we have accepted; see api/http_daemon for how
 *      it gets its turns. A daemon of it speaks TLS or does not, so there may be two.
 *
 *      A request passes through here as a struct api_slot: made when the request
 *      line is read (on_request_line), filled by the calls of on_request (head, body,
 *      end), and freed when the answer is out (on_completed). While a handler waits,
 *      the connection is suspended; libmicrohttpd then has no time-out for it, and ours
 *      in sweep() counts.
 */
#include "api/http_server.h"

#include "api/http_accept.h"
#include "api/http_daemon.h"
#include "api/http_handshake.h"
#include "api/http_intake.h"
#include "api/http_reply.h"
#include "api/request_metrics.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    POOL_BYTES = 32 * 1024, /* libmicrohttpd's memory of one connection */
    SWEEP_MS = 500,         /* how exactly the deadlines of phases are kept */
};

struct api_server {
    struct api_context *context; /* borrowed */
    struct api_places *places;   /* borrowed */
    struct api_tls *tls;         /* borrowed; NULL: none */
    struct api_daemon plain_daemon;
    struct api_daemon tls_daemon;
    uint64_t phase_ms[API_PHASE_COUNT]; /* how long each may last */
    struct way_timer *sweep_timer;
    bool is_stopping; /* no handler runs any more */
    struct api_accept accept;
    struct api_handshakes handshakes; /* of some of them */
    struct api_connections connections;
    uint64_t swept_ms; /* when on_sweep() looks at them */
    struct api_slot_pool slots;
    struct api_linger linger;
    void (*drained)(void *owner);
    void *drained_owner;
};

static void enter_phase(struct api_slot *slot, enum api_phase phase)
{
    struct api_server *server = slot->pool->owner;

    api_connection_enter(&server->connections, slot->connection, phase);
}

/* --- the daemons' turn ---------------------------------------------------------------------- */

static void pump(void *owner)
{
    struct api_server *server = owner;

    api_daemon_pump(&server->plain_daemon);
    api_daemon_pump(&server->tls_daemon);
    api_connections_drop_joining(&server->connections);
}

static void pump_soon(struct api_server *server)
{
    api_daemon_pump_soon(&server->plain_daemon);
    api_daemon_pump_soon(&server->tls_daemon);
}

/* --- libmicrohttpd's calls -------------------------------------------------------------------- */

static struct api_connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info == NULL ? NULL : info->socket_context;
}

/* The library would take the query apart next, into its small pool, and drop a connection whose
 * parameters do not fit without a word. We have our own copy. The text lies in its read buffer,
 * which is writable; only the argument is declared const. */
static void hide_query(const char *uri)
{
    char *at = strchr((char *)(uintptr_t)uri, '?'); /* NOLINT(performance-no-int-to-ptr) */

    if (at != NULL) {
        at[1] = '\0'; /* the library has found the '?' already, and reads on up to a NUL */
    }
}

/* Before the headers are read, let alone checked. What it returns becomes the request's own. */
static void *on_request_line(void *owner, const char *uri, struct MHD_Connection *mhd)
{
    struct api_server *server = owner;
    struct api_slot *slot = api_slot_take(&server->slots, mhd, uri);

    hide_query(uri);
    if (slot == NULL) {
        return NULL;
    }
    slot->connection = connection_of(mhd);
    if (slot->connection != NULL) {
        slot->connection->slot = slot;
        /* The first request's head counts from accept on. */
        if (slot->connection->phase != API_PHASE_HEAD) {
            enter_phase(slot, API_PHASE_HEAD);
        }
    }
    return slot;
}

static enum MHD_Result send_answer(struct api_slot *slot)
{
    enter_phase(slot, API_PHASE_WRITING);
    return api_reply_send(slot) ? MHD_YES : MHD_NO;
}

/* The first call for a request. An answer that is queued here closes the connection, which is what
 * we want while a body is under way, and else waits for the second call. */
static enum MHD_Result take_head(struct api_slot *slot, const char *url, const char *method,
                                 const char *version)
{
    bool has_body = false;

    slot->has_head = true;
    enter_phase(slot, API_PHASE_BODY);
    if (!api_intake_head(slot, url, version, method, &has_body) && has_body) {
        slot->must_close = true;
        if (slot->connection != NULL) {
            slot->connection->must_linger = true;
        }
        return send_answer(slot);
    }
    return MHD_YES;
}

/* A chunked body has passed the limit. The library takes no answer before its end, which may never
 * come; so the answer goes out past it, and the connection is closed. */
static enum MHD_Result refuse_upload(struct api_slot *slot)
{
    slot->must_close = true;
    if (slot->connection == NULL || !api_reply_send_past_library(slot, slot->connection->fd)) {
        return MHD_NO;
    }
    slot->connection->must_linger = true;
    return MHD_NO;
}

static const struct api_server *slot_server(const struct api_slot *slot)
{
    return slot->pool->owner;
}

static enum MHD_Result run_handler(struct api_slot *slot)
{
    struct api_exchange *exchange = &slot->exchange;

    if (slot_server(slot)->is_stopping) {
        api_refuse(exchange, API_NOT_READY, "", "the service is stopping");
        exchange->is_finished = true;
        return send_answer(slot);
    }
    exchange->request.body = (struct api_bytes){slot->body.data, slot->body.len};
    enter_phase(slot, API_PHASE_HANDLING);
    if (!exchange->route->is_lookup || exchange->route->body_max > 0) {
        /* A lookup of one key is never refused for what others make us keep. */
        way_text_charge(&exchange->response.body, exchange->context->answers, API_RESPONSE_SPARE);
    }
    exchange->route->handle(exchange);
    /* Whatever the handler wants of the body it has read. */
    exchange->request.body = (struct api_bytes){NULL, 0};
    way_text_fini(&slot->body);
    if (exchange->is_finished) {
        return send_answer(slot);
    }
    WAY_ASSERT(exchange->abandon != NULL); /* a handler finishes or waits */
    MHD_suspend_connection(slot->mhd);
    slot->is_suspended = true;
    return MHD_YES;
}

/* NOLINTNEXTLINE(readability-function-size): the library wants eight parameters */
static enum MHD_Result on_request(void *owner, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **request)
{
    struct api_slot *slot = *request;

    (void)owner;
    (void)mhd;
    if (slot == NULL) {
        return MHD_NO; /* there was no memory for it */
    }
    if (!slot->has_head) {
        return take_head(slot, url, method, version);
    }
    if (*upload_len > 0) {
        size_t len = *upload_len;

        *upload_len = 0;
        return api_intake_body(slot, upload, len) ? MHD_YES : refuse_upload(slot);
    }
    return slot->exchange.is_finished ? send_answer(slot) : run_handler(slot);
}

static void on_completed(void *owner, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct api_server *server = owner;
    struct api_slot *slot = *request;

    (void)mhd;
    (void)code;
    if (slot == NULL) {
        return;
    }
    *request = NULL;
    if (!slot->has_head) {
        api_request_metrics_count_broken(server->context->requests);
    }
    if (slot->exchange.abandon != NULL) {
        slot->exchange.abandon(&slot->exchange);
    }
    if (slot->connection != NULL) {
        slot->connection->slot = NULL;
        enter_phase(slot, API_PHASE_IDLE);
    }
    api_slot_release(slot);
}

/* It goes on with the time that is left of a head's. */
static void on_established(struct api_tls_link *link)
{
    struct api_connection *connection = WAY_OWNER_OF(link, struct api_connection, tls);

    api_connection_go_on(connection->all, connection, API_PHASE_HEAD);
    api_handshake_end(&connection->handshake);
}

static void begin_tls(struct api_server *server, struct api_connection *connection,
                      struct MHD_Connection *mhd)
{
    if (api_tls_begin(server->tls, mhd, connection->fd, &connection->tls, on_established)) {
        api_connection_go_on(&server->connections, connection, API_PHASE_HANDSHAKE);
        api_handshake_begin(&server->handshakes, &connection->handshake, mhd, &connection->tls);
    }
}

static void end_tls(struct api_connection *connection)
{
    connection->must_linger = connection->must_linger || connection->tls.is_refused;
    api_handshake_end(&connection->handshake);
    api_tls_end(&connection->tls);
}

static void check_drained(struct api_server *server);

static void on_connection(void *owner, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct api_server *server = owner;
    struct api_connection *connection = *socket_context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

        connection = api_connections_start(&server->connections, fd);
        *socket_context = connection;
        if (connection == NULL) {
            (void)shutdown(fd, SHUT_RDWR); /* we know nothing of it, and would keep no deadline */
            return;
        }
        begin_tls(server, connection, mhd);
        return;
    }
    if (connection == NULL) {
        return;
    }
    end_tls(connection);
    if (connection->must_linger) {
        api_linger_begin(&server->linger, connection->fd);
    }
    api_connections_end(&server->connections, connection);
    check_drained(server);
}

/* The target is taken from the raw line, see on_request_line(). */
static size_t leave_escaped(void *owner, struct MHD_Connection *mhd, char *text)
{
    (void)owner;
    (void)mhd;
    return strlen(text);
}

static void on_library_log(void *owner, const char *format, va_list arguments)
{
    char message[256];
    char quoted[512];

    (void)owner;
    if (!way_log_is_on(WAY_LOG_DEBUG)) {
        return;
    }
    (void)vsnprintf(message, sizeof message, format, arguments);
    message[strcspn(message, "\n")] = '\0';
    way_log(WAY_LOG_DEBUG, "http.library", "message=%s",
            way_log_quote(message, strlen(message), quoted, sizeof quoted));
}

/* --- deadlines ------------------------------------------------------------------------------ */

/* libmicrohttpd can miss a FIN that comes with the last bytes; it would then wait for nothing. */
static bool has_missed_end(const struct api_connection *connection)
{
    char byte;

    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Or has closed its side only, which looks the same. */
static bool peer_has_left(const struct api_connection *connection)
{
    struct pollfd pollfd = {.fd = connection->fd, .events = POLLRDHUP};

    return poll(&pollfd, 1, 0) > 0;
}

/* The handler has waited long enough. */
static void give_up(struct api_slot *slot, enum api_problem problem, const char *detail)
{
    struct api_exchange *exchange = &slot->exchange;

    exchange->abandon(exchange);
    api_refuse(exchange, problem, "", detail);
    api_exchange_finish(exchange);
}

static void sweep_waiting(const struct api_connection *connection, uint64_t now_ms)
{
    struct api_slot *slot = connection->slot;
    struct api_exchange *exchange = &slot->exchange;

    if (exchange->deadline_ms != 0 && exchange->deadline_ms <= now_ms) {
        give_up(slot, API_STORE_UNAVAILABLE,
                "the database did not answer in time: a change may or may not be stored; read "
                "it before you try again");
    } else if (exchange->cut_short != NULL && peer_has_left(connection)) {
        exchange->cut_short(exchange);
    }
}

static void sweep_one(struct api_server *server, struct api_connection *connection)
{
    uint64_t now_ms = server->swept_ms;

    if (connection->slot != NULL && connection->slot->is_suspended) {
        sweep_waiting(connection, now_ms);
    } else if (now_ms - connection->since_ms > server->phase_ms[connection->phase] ||
               (connection->phase != API_PHASE_WRITING && connection->phase != API_PHASE_HANDLING &&
                has_missed_end(connection))) {
        (void)shutdown(connection->fd, SHUT_RDWR);
    }
}

/* `visit` neither ends connections nor moves them to another phase: the library does, later. */
static void for_each_connection(struct api_server *server,
                                void (*visit)(struct api_server *server,
                                              struct api_connection *connection))
{
    for (size_t i = 0; i < API_PHASE_COUNT; i++) {
        const struct way_node *head = &server->connections.phases[i];

        for (struct way_node *node = head->next; node != head; node = node->next) {
            visit(server, WAY_OWNER_OF(node, struct api_connection, node));
        }
    }
}

static void on_sweep(void *owner)
{
    struct api_server *server = owner;

    server->swept_ms = way_loop_now_ms(server->context->loop);
    for_each_connection(server, sweep_one);
    api_linger_sweep(&server->linger, server->swept_ms);
}

void api_exchange_resume(struct api_exchange *exchange)
{
    struct api_slot *slot = WAY_OWNER_OF(exchange, struct api_slot, exchange);

    WAY_ASSERT(slot->is_suspended);
    slot->is_suspended = false;
    MHD_resume_connection(slot->mhd);
    pump_soon(slot->pool->owner);
}

/* --- life ----------------------------------------------------------------------------------- */

static void set_deadlines(struct api_server *server, const struct api_deadlines *deadlines)
{
    server->phase_ms[API_PHASE_HANDSHAKE] = deadlines->head_ms;
    server->phase_ms[API_PHASE_HEAD] = deadlines->head_ms;
    server->phase_ms[API_PHASE_BODY] = deadlines->body_ms;
    server->phase_ms[API_PHASE_HANDLING] = UINT64_MAX; /* the handler keeps its own */
    server->phase_ms[API_PHASE_WRITING] = deadlines->answer_ms;
    server->phase_ms[API_PHASE_IDLE] = deadlines->idle_ms;
}

/* In seconds, for a connection on which nothing moves. It comes behind all of ours, which count in
 * any case, and is there for what they cannot see. */
static unsigned library_timeout(const struct api_server *server)
{
    uint64_t longest_ms = 0;

    for (size_t i = 0; i < API_PHASE_COUNT; i++) {
        if (i != API_PHASE_HANDLING && server->phase_ms[i] > longest_ms) {
            longest_ms = server->phase_ms[i];
        }
    }
    return (unsigned)(longest_ms / 1000 + 1);
}

/* The bound is ours; the library's lies above it. */
static unsigned library_connections(const struct api_server *server)
{
    return (unsigned)api_places_max(server->places) + 1;
}

static enum way_status start_daemon(struct api_server *server, struct api_daemon *daemon,
                                    unsigned flags, const struct MHD_OptionItem *more,
                                    struct way_error *err)
{
    return api_daemon_start(
        daemon,
        MHD_start_daemon(
            flags | MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                MHD_USE_ERROR_LOG,
            0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, server,
            MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server, MHD_OPTION_UNESCAPE_CALLBACK,
            leave_escaped, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_LIMIT,
            library_connections(server), MHD_OPTION_CONNECTION_TIMEOUT, library_timeout(server),
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES, MHD_OPTION_ARRAY, more,
            MHD_OPTION_END),
        server->context->loop, err);
}

static void park_handshakes(void *owner)
{
    api_handshakes_park(owner);
}

static enum way_status start_daemons(struct api_server *server, struct way_error *err)
{
    const struct MHD_OptionItem nothing[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem tls[API_TLS_DAEMON_OPTIONS];
    enum way_status status = start_daemon(server, &server->plain_daemon, 0, nothing, err);

    if (status == WAY_OK && server->tls != NULL) {
        api_tls_daemon_options(tls);
        server->handshakes =
            (struct api_handshakes){.loop = server->context->loop, .daemon = &server->tls_daemon};
        server->tls_daemon.settle = park_handshakes;
        server->tls_daemon.owner = &server->handshakes;
        status = start_daemon(server, &server->tls_daemon, MHD_USE_TLS, tls, err);
    }
    return status;
}

static enum way_status start_accepting(struct api_server *server,
                                       const struct api_server_options *options,
                                       struct way_error *err)
{
    server->accept = (struct api_accept){
        .loop = options->context->loop,
        .plain = &server->plain_daemon,
        .tls = &server->tls_daemon,
        .handshakes = &server->handshakes,
        .handshakes_max =
            (api_places_max(options->places) / options->loop_count + 1) / API_HANDSHAKES_SHARE,
        .places = options->places,
        .connections = &server->connections,
        .slots = &server->slots,
        .linger = &server->linger,
        .metrics = options->context->requests,
        .pump = pump,
        .owner = server,
    };
    return api_accept_start(&server->accept, options->listeners, options->listener_count,
                            options->loop_index, err);
}

enum way_status api_server_new(const struct api_server_options *options, struct api_server **out,
                               struct way_error *err)
{
    struct api_server *server = calloc(1, sizeof *server);
    enum way_status status;

    if (server == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for the HTTP server");
    }
    server->context = options->context;
    server->places = options->places;
    api_connections_init(&server->connections, options->places, options->context->loop);
    server->tls = options->tls;
    set_deadlines(server, &options->deadlines);
    server->linger.loop = options->context->loop;
    api_slot_pool_init(&server->slots, options->context, server);
    server->sweep_timer = way_timer_open(options->context->loop, on_sweep, server);
    if (server->sweep_timer == NULL) {
        status = way_fail(err, WAY_NO_MEMORY, "", "no memory for the HTTP server");
        goto out;
    }
    status = start_daemons(server, err);
    if (status != WAY_OK) {
        goto out;
    }
    status = start_accepting(server, options, err);
    if (status != WAY_OK) {
        goto out;
    }
    way_timer_start(server->sweep_timer, SWEEP_MS, SWEEP_MS);
    *out = server;
    return WAY_OK;

out:
    api_server_free(server);
    return status;
}

static void check_drained(struct api_server *server)
{
    if (server->drained != NULL && server->connections.count == 0) {
        void (*drained)(void *owner) = server->drained;

        server->drained = NULL;
        drained(server->drained_owner);
    }
}

/* Between requests, or before the first one. */
static void end_if_idle(struct api_server *server, struct api_connection *connection)
{
    (void)server;
    if (connection->slot == NULL) {
        (void)shutdown(connection->fd, SHUT_RDWR);
    }
}

static void end_if_waiting(struct api_server *server, struct api_connection *connection)
{
    (void)server;
    if (connection->slot != NULL && connection->slot->is_suspended) {
        give_up(connection->slot, API_NOT_READY, "the service is stopping");
    }
}

void api_server_drain(struct api_server *server, void (*drained)(void *owner), void *owner)
{
    server->context->is_draining = true;
    api_accept_stop(&server->accept);
    server->drained = drained;
    server->drained_owner = owner;
    for_each_connection(server, end_if_idle);
    pump(server);
    check_drained(server);
}

void api_server_stop(struct api_server *server)
{
    server->context->is_draining = true;
    server->is_stopping = true;
    server->drained = NULL;
    api_accept_stop(&server->accept);
    for_each_connection(server, end_if_waiting);
    pump(server); /* the resumed ones get their answer */
}

void api_server_free(struct api_server *server)
{
    if (server == NULL) {
        return;
    }
    api_accept_fini(&server->accept);
    api_handshakes_wake_all(&server->handshakes);
    api_daemon_fini(&server->plain_daemon);
    api_daemon_fini(&server->tls_daemon);
    if (server->places != NULL) {
        api_connections_drop_joining(&server->connections);
    }
    api_linger_fini(&server->linger);
    way_timer_close(server->sweep_timer);
    api_slot_pool_fini(&server->slots);
    free(server);
}
