/* SPDX-License-Identifier: MIT */
/*
 * How  One daemon in external mode: libmicrohttpd keeps its sockets in an epoll set of
 *      its own, whose descriptor we watch; pump() lets it work. It is also to be pumped
 *      after every connection that we add or resume, and when its time-out says so.
 *
 *      A request passes through here as a struct api_slot: made when the request
 *      line is read (on_request_line), filled by the calls of on_request (head, body,
 *      end), and freed when the answer is out (on_completed). While a handler waits,
 *      the connection is suspended; libmicrohttpd then has no time-out for it, and ours
 *      in sweep() counts.
 */
#include "api/http_server.h"

#include "api/http_intake.h"
#include "api/http_linger.h"
#include "api/http_reply.h"
#include "api/request_metrics.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    POOL_BYTES = 32 * 1024, /* libmicrohttpd's memory of one connection */
    PUMP_ROUNDS_MAX = 8,    /* of the daemon, before others get their turn */
    ACCEPT_ROUNDS_MAX = 32, /* connections, likewise */
    ACCEPT_PAUSE_MS = 20,   /* when there is no room for another */
    SWEEP_MS = 500,         /* how exactly the deadlines of phases are kept */
};

enum phase { PHASE_HEAD, PHASE_BODY, PHASE_HANDLING, PHASE_WRITING, PHASE_IDLE, PHASE_COUNT };

struct api_connection {
    struct api_server *server;
    struct api_connection *next;
    struct api_connection **link;
    int fd;
    enum phase phase;
    uint64_t since_ms;
    struct api_slot *slot; /* the request that is being made, or NULL */
    bool must_linger;      /* it was refused while it was still sending */
};

struct accepting {
    struct api_server *server;
    int fd;
    struct way_watch *watch; /* NULL: closed */
};

struct api_server {
    struct api_context *context; /* borrowed */
    size_t connections_max;
    struct MHD_Daemon *daemon;
    struct way_watch *watch;        /* of the daemon's epoll set */
    struct way_timer *daemon_timer; /* libmicrohttpd's time-outs, and "pump soon" */
    struct way_timer *sweep_timer;
    struct way_timer *accept_timer;
    bool is_pump_due;
    bool is_starved;  /* of descriptors: told once */
    bool is_stopping; /* no handler runs any more */
    size_t accepting_count;
    struct accepting accepting[API_LISTEN_MAX];
    size_t connection_count;
    struct api_connection *connections;
    struct api_slot_pool slots;
    struct api_linger linger;
    void (*drained)(void *owner);
    void *drained_owner;
};

static const uint64_t phase_ms[] = {
    [PHASE_HEAD] = API_HEAD_MS,     [PHASE_BODY] = API_BODY_MS, [PHASE_HANDLING] = UINT64_MAX,
    [PHASE_WRITING] = API_WRITE_MS, [PHASE_IDLE] = API_IDLE_MS,
};
_Static_assert(WAY_COUNT_OF(phase_ms) == PHASE_COUNT, "give every phase its time");

static void enter_phase(struct api_connection *connection, enum phase phase)
{
    if (connection != NULL) {
        connection->phase = phase;
        connection->since_ms = way_loop_now_ms(connection->server->context->loop);
    }
}

/* --- the daemon's turn -------------------------------------------------------------------- */

static void pump(struct api_server *server)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    enum MHD_Result has_timeout;
    int rounds = 0;

    server->is_pump_due = false;
    do {
        (void)MHD_run(server->daemon);
        has_timeout = MHD_get_timeout(server->daemon, &wait_ms);
    } while (has_timeout == MHD_YES && wait_ms == 0 && ++rounds < PUMP_ROUNDS_MAX);
    if (has_timeout == MHD_YES) {
        way_timer_start(server->daemon_timer, wait_ms, 0);
    } else {
        way_timer_stop(server->daemon_timer);
    }
}

/* Once for all that happens in this turn of the loop. */
static void pump_soon(struct api_server *server)
{
    if (!server->is_pump_due) {
        server->is_pump_due = true;
        way_timer_start(server->daemon_timer, 0, 0);
    }
}

static void on_daemon_timer(void *owner)
{
    pump(owner);
}

static void on_daemon_ready(void *owner, unsigned events)
{
    (void)events;
    pump(owner);
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
    }
    enter_phase(slot->connection, PHASE_HEAD);
    return slot;
}

static enum MHD_Result send_answer(struct api_slot *slot)
{
    enter_phase(slot->connection, PHASE_WRITING);
    return api_reply_send(slot) ? MHD_YES : MHD_NO;
}

/* The first call for a request. An answer that is queued here closes the connection, which is what
 * we want while a body is under way, and else waits for the second call. */
static enum MHD_Result take_head(struct api_slot *slot, const char *url, const char *method,
                                 const char *version)
{
    bool has_body = false;

    slot->has_head = true;
    enter_phase(slot->connection, PHASE_BODY);
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
    enter_phase(slot->connection, PHASE_HANDLING);
    exchange->route->handle(exchange);
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
        enter_phase(slot->connection, PHASE_IDLE);
    }
    api_slot_release(slot);
}

static void check_drained(struct api_server *server);

static void on_connection(void *owner, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct api_server *server = owner;
    struct api_connection *connection = *socket_context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection = calloc(1, sizeof *connection);
        *socket_context = connection;
        if (connection == NULL) {
            return; /* it is served without deadlines of ours */
        }
        connection->server = server;
        connection->fd =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        connection->next = server->connections;
        connection->link = &server->connections;
        if (connection->next != NULL) {
            connection->next->link = &connection->next;
        }
        server->connections = connection;
        server->connection_count++;
        enter_phase(connection, PHASE_HEAD);
        return;
    }
    if (connection == NULL) {
        return;
    }
    if (connection->must_linger) {
        api_linger_begin(&server->linger, connection->fd);
    }
    *connection->link = connection->next;
    if (connection->next != NULL) {
        connection->next->link = connection->link;
    }
    server->connection_count--;
    free(connection);
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

/* --- accepting ------------------------------------------------------------------------------ */

static void set_accepting(struct api_server *server, bool is_accepting)
{
    for (size_t i = 0; i < server->accepting_count; i++) {
        if (server->accepting[i].watch != NULL) {
            way_watch_set(server->accepting[i].watch, is_accepting ? WAY_EVENT_READ : 0);
        }
    }
}

static void pause_accepting(struct api_server *server)
{
    set_accepting(server, false);
    way_timer_start(server->accept_timer, ACCEPT_PAUSE_MS, 0);
}

/* Whoever has been silent for longest makes room. */
static void evict_idle(struct api_server *server)
{
    struct api_connection *oldest = NULL;

    for (struct api_connection *connection = server->connections; connection != NULL;
         connection = connection->next) {
        if (connection->slot == NULL &&
            (oldest == NULL || connection->since_ms < oldest->since_ms)) {
            oldest = connection;
        }
    }
    if (oldest != NULL) {
        (void)shutdown(oldest->fd, SHUT_RDWR);
        pump_soon(server);
    }
}

static void on_accept_timer(void *owner)
{
    struct api_server *server = owner;

    set_accepting(server, true);
}

static bool is_out_of_descriptors(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

/* Returns whether there may be more to accept. */
static bool accept_one(struct api_server *server, int listener)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    int fd;

    if (server->connection_count >= server->connections_max) {
        evict_idle(server);
        pause_accepting(server);
        return false;
    }
    fd = accept4(listener, (struct sockaddr *)(void *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (is_out_of_descriptors(errno)) {
            if (!server->is_starved) {
                way_log(WAY_LOG_WARN, "http.accept", "errno=%d detail=\"no descriptors left\"",
                        errno);
            }
            server->is_starved = true;
            evict_idle(server);
            pause_accepting(server);
        }
        return false;
    }
    server->is_starved = false;
    /* It closes the descriptor itself when it refuses. */
    (void)MHD_add_connection(server->daemon, fd, (struct sockaddr *)(void *)&address, len);
    return true;
}

/* Returns whether there may be more to accept. */
static bool accept_some(struct api_server *server, int listener)
{
    for (int i = 0; i < ACCEPT_ROUNDS_MAX; i++) {
        if (!accept_one(server, listener)) {
            return false;
        }
    }
    return true;
}

static void on_acceptable(void *owner, unsigned events)
{
    struct accepting *accepting = owner;

    (void)events;
    (void)accept_some(accepting->server, accepting->fd);
    pump(accepting->server);
}

static void stop_accepting(struct api_server *server)
{
    for (size_t i = 0; i < server->accepting_count; i++) {
        /* Whoever the kernel has let in already is served. */
        while (accept_some(server, server->accepting[i].fd)) {
        }
        way_watch_close(server->accepting[i].watch);
        /* From now on clients are refused, and do not wait for a process that ends. */
        (void)shutdown(server->accepting[i].fd, SHUT_RDWR);
        server->accepting[i].watch = NULL;
    }
    server->accepting_count = 0;
    way_timer_stop(server->accept_timer);
}

/* --- deadlines ------------------------------------------------------------------------------ */

static bool peer_has_left(const struct api_connection *connection)
{
    char byte;

    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* The handler has waited long enough. */
static void give_up(struct api_slot *slot, enum api_problem problem, const char *detail)
{
    struct api_exchange *exchange = &slot->exchange;

    exchange->abandon(exchange);
    api_refuse(exchange, problem, "", detail);
    api_exchange_finish(exchange);
}

static void sweep_one(struct api_connection *connection, uint64_t now_ms)
{
    struct api_slot *slot = connection->slot;

    if (slot != NULL && slot->is_suspended) {
        if (slot->exchange.deadline_ms != 0 && slot->exchange.deadline_ms <= now_ms) {
            give_up(slot, API_STORE_UNAVAILABLE,
                    "the database did not answer in time: a change may or may not be stored; read "
                    "it before you try again");
        }
        return;
    }
    /* libmicrohttpd can miss a FIN that comes with the last bytes; it would then wait for nothing.
     */
    if ((now_ms - connection->since_ms > phase_ms[connection->phase]) ||
        (connection->phase != PHASE_WRITING && connection->phase != PHASE_HANDLING &&
         peer_has_left(connection))) {
        (void)shutdown(connection->fd, SHUT_RDWR);
    }
}

static void on_sweep(void *owner)
{
    struct api_server *server = owner;
    uint64_t now_ms = way_loop_now_ms(server->context->loop);

    for (struct api_connection *connection = server->connections; connection != NULL;
         connection = connection->next) {
        sweep_one(connection, now_ms);
    }
    api_linger_sweep(&server->linger, now_ms);
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

static enum way_status start_daemon(struct api_server *server, struct way_error *err)
{
    const union MHD_DaemonInfo *info;

    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, server,
        MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server, MHD_OPTION_UNESCAPE_CALLBACK,
        leave_escaped, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)server->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(API_IDLE_MS / 1000), MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
        MHD_OPTION_END);
    if (server->daemon == NULL) {
        return way_fail(err, WAY_INTERNAL, "", "the HTTP library did not start");
    }
    info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    server->watch = info == NULL ? NULL
                                 : way_watch_open(server->context->loop, info->epoll_fd,
                                                  on_daemon_ready, server);
    if (server->watch == NULL) {
        return way_fail(err, WAY_INTERNAL, "", "the HTTP library's events cannot be watched");
    }
    way_watch_set(server->watch, WAY_EVENT_READ);
    return WAY_OK;
}

static enum way_status watch_listeners(struct api_server *server,
                                       const struct api_server_options *options,
                                       struct way_error *err)
{
    for (size_t i = 0; i < options->listener_count; i++) {
        struct accepting *accepting = &server->accepting[i];

        accepting->server = server;
        accepting->fd = options->listeners[i].descriptors[options->loop_index];
        accepting->watch =
            way_watch_open(server->context->loop, accepting->fd, on_acceptable, accepting);
        if (accepting->watch == NULL) {
            return way_fail(err, WAY_NO_MEMORY, "", "no memory to watch a listener");
        }
        server->accepting_count++;
    }
    set_accepting(server, true);
    return WAY_OK;
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
    server->connections_max = options->connections_max;
    server->linger.loop = options->context->loop;
    api_slot_pool_init(&server->slots, options->context, server);
    server->daemon_timer = way_timer_open(options->context->loop, on_daemon_timer, server);
    server->sweep_timer = way_timer_open(options->context->loop, on_sweep, server);
    server->accept_timer = way_timer_open(options->context->loop, on_accept_timer, server);
    if (server->daemon_timer == NULL || server->sweep_timer == NULL ||
        server->accept_timer == NULL) {
        status = way_fail(err, WAY_NO_MEMORY, "", "no memory for the HTTP server");
        goto out;
    }
    status = start_daemon(server, err);
    if (status != WAY_OK) {
        goto out;
    }
    status = watch_listeners(server, options, err);
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
    if (server->drained != NULL && server->connection_count == 0) {
        void (*drained)(void *owner) = server->drained;

        server->drained = NULL;
        drained(server->drained_owner);
    }
}

void api_server_drain(struct api_server *server, void (*drained)(void *owner), void *owner)
{
    server->context->is_draining = true;
    stop_accepting(server);
    server->drained = drained;
    server->drained_owner = owner;
    for (struct api_connection *connection = server->connections; connection != NULL;
         connection = connection->next) {
        /* Between requests, or before the first one. */
        if (connection->slot == NULL) {
            (void)shutdown(connection->fd, SHUT_RDWR);
        }
    }
    pump(server);
    check_drained(server);
}

void api_server_stop(struct api_server *server)
{
    server->context->is_draining = true;
    server->is_stopping = true;
    server->drained = NULL;
    stop_accepting(server);
    for (struct api_connection *connection = server->connections; connection != NULL;
         connection = connection->next) {
        if (connection->slot != NULL && connection->slot->is_suspended) {
            give_up(connection->slot, API_NOT_READY, "the service is stopping");
        }
    }
    pump(server); /* the resumed ones get their answer */
}

void api_server_free(struct api_server *server)
{
    if (server == NULL) {
        return;
    }
    for (size_t i = 0; i < server->accepting_count; i++) {
        way_watch_close(server->accepting[i].watch);
    }
    way_watch_close(server->watch);
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    api_linger_fini(&server->linger);
    way_timer_close(server->daemon_timer);
    way_timer_close(server->sweep_timer);
    way_timer_close(server->accept_timer);
    api_slot_pool_fini(&server->slots);
    free(server);
}
