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

#include "api/http_daemon.h"
#include "api/http_handshake.h"
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
    ACCEPT_ROUNDS_MAX = 32, /* connections, before others get their turn */
    ACCEPT_PAUSE_MS = 20,   /* when there is no room for another */
    SWEEP_MS = 500,         /* how exactly the deadlines of phases are kept */
};

enum phase {
    PHASE_HANDSHAKE,
    PHASE_HEAD,
    PHASE_BODY,
    PHASE_HANDLING,
    PHASE_WRITING,
    PHASE_IDLE,
    PHASE_COUNT
};

struct api_connection {
    struct api_server *server;
    struct api_connection *next;
    struct api_connection **link;
    int fd;
    enum phase phase;
    uint64_t since_ms;
    struct api_slot *slot; /* the request that is being made, or NULL */
    bool must_linger;      /* it was refused while it was still sending */
    struct api_tls_link tls;
    struct api_handshake handshake;
};

struct accepting {
    struct api_server *server;
    struct api_daemon *daemon; /* the one that its connections go to */
    int fd;
    struct way_watch *watch; /* NULL: closed */
};

struct api_server {
    struct api_context *context; /* borrowed */
    size_t connections_max;
    struct api_tls *tls; /* borrowed; NULL: none */
    struct api_daemon plain_daemon;
    struct api_daemon tls_daemon;
    uint64_t phase_ms[PHASE_COUNT]; /* how long each may last */
    struct way_timer *sweep_timer;
    struct way_timer *accept_timer;
    bool is_starved;  /* of descriptors: told once */
    bool is_stopping; /* no handler runs any more */
    size_t accepting_count;
    struct accepting accepting[API_LISTEN_MAX];
    size_t connection_count;
    struct api_handshakes handshakes; /* of some of them */
    struct api_connection *connections;
    struct api_slot_pool slots;
    struct api_linger linger;
    void (*drained)(void *owner);
    void *drained_owner;
};

static void enter_phase(struct api_connection *connection, enum phase phase)
{
    if (connection != NULL) {
        connection->phase = phase;
        connection->since_ms = way_loop_now_ms(connection->server->context->loop);
    }
}

/* --- the daemons' turn ---------------------------------------------------------------------- */

static void pump(struct api_server *server)
{
    api_daemon_pump(&server->plain_daemon);
    api_daemon_pump(&server->tls_daemon);
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
        if (slot->connection->phase != PHASE_HEAD) {
            enter_phase(slot->connection, PHASE_HEAD);
        }
    }
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
        enter_phase(slot->connection, PHASE_IDLE);
    }
    api_slot_release(slot);
}

/* It goes on with the time that is left of a head's. */
static void on_established(struct api_tls_link *link)
{
    struct api_connection *connection = WAY_OWNER_OF(link, struct api_connection, tls);

    connection->phase = PHASE_HEAD;
    api_handshake_end(&connection->handshake);
}

static void begin_tls(struct api_connection *connection, struct MHD_Connection *mhd)
{
    struct api_server *server = connection->server;

    if (api_tls_begin(server->tls, mhd, connection->fd, &connection->tls, on_established)) {
        connection->phase = PHASE_HANDSHAKE;
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
        begin_tls(connection, mhd);
        return;
    }
    if (connection == NULL) {
        return;
    }
    end_tls(connection);
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

/* Whoever has been silent for longest makes room; or of those in a handshake. */
static void evict_idle(struct api_server *server, bool is_handshake)
{
    struct api_connection *oldest = NULL;

    for (struct api_connection *connection = server->connections; connection != NULL;
         connection = connection->next) {
        if (connection->slot == NULL && (!is_handshake || connection->phase == PHASE_HANDSHAKE) &&
            (oldest == NULL || connection->since_ms < oldest->since_ms)) {
            oldest = connection;
        }
    }
    if (oldest != NULL) {
        (void)shutdown(oldest->fd, SHUT_RDWR);
        api_handshake_wake(&oldest->handshake);
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
static bool accept_one(struct accepting *accepting)
{
    struct api_server *server = accepting->server;
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    int fd;

    if (server->connection_count >= server->connections_max) {
        evict_idle(server, false);
        pause_accepting(server);
        return false;
    }
    if (accepting->daemon == &server->tls_daemon &&
        server->handshakes.count >= server->connections_max / API_HANDSHAKES_SHARE) {
        evict_idle(server, true);
        return false; /* the listener is told again at once */
    }
    fd = accept4(accepting->fd, (struct sockaddr *)(void *)&address, &len,
                 SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (is_out_of_descriptors(errno)) {
            if (!server->is_starved) {
                way_log(WAY_LOG_WARN, "http.accept", "errno=%d detail=\"no descriptors left\"",
                        errno);
            }
            server->is_starved = true;
            evict_idle(server, false);
            pause_accepting(server);
        }
        return false;
    }
    server->is_starved = false;
    /* It closes the descriptor itself when it refuses. */
    (void)MHD_add_connection(accepting->daemon->mhd, fd, (struct sockaddr *)(void *)&address, len);
    return true;
}

/* Returns whether there may be more to accept. */
static bool accept_some(struct accepting *accepting)
{
    for (int i = 0; i < ACCEPT_ROUNDS_MAX; i++) {
        if (!accept_one(accepting)) {
            return false;
        }
    }
    return true;
}

static void on_acceptable(void *owner, unsigned events)
{
    struct accepting *accepting = owner;

    (void)events;
    (void)accept_some(accepting);
    api_daemon_pump(accepting->daemon);
}

static void stop_accepting(struct api_server *server)
{
    for (size_t i = 0; i < server->accepting_count; i++) {
        /* Whoever the kernel has let in already is served. */
        while (accept_some(&server->accepting[i])) {
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
    if ((now_ms - connection->since_ms > connection->server->phase_ms[connection->phase]) ||
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

static void set_deadlines(struct api_server *server, const struct api_deadlines *deadlines)
{
    server->phase_ms[PHASE_HANDSHAKE] = deadlines->head_ms;
    server->phase_ms[PHASE_HEAD] = deadlines->head_ms;
    server->phase_ms[PHASE_BODY] = deadlines->body_ms;
    server->phase_ms[PHASE_HANDLING] = UINT64_MAX; /* the handler keeps its own */
    server->phase_ms[PHASE_WRITING] = deadlines->answer_ms;
    server->phase_ms[PHASE_IDLE] = deadlines->idle_ms;
}

/* In seconds, for a connection on which nothing moves. It comes behind all of ours, which count in
 * any case, and is there for what they cannot see. */
static unsigned library_timeout(const struct api_server *server)
{
    uint64_t longest_ms = 0;

    for (size_t i = 0; i < PHASE_COUNT; i++) {
        if (i != PHASE_HANDLING && server->phase_ms[i] > longest_ms) {
            longest_ms = server->phase_ms[i];
        }
    }
    return (unsigned)(longest_ms / 1000 + 1);
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
            (unsigned)server->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
            library_timeout(server), MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
            MHD_OPTION_ARRAY, more, MHD_OPTION_END),
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

static enum way_status watch_listeners(struct api_server *server,
                                       const struct api_server_options *options,
                                       struct way_error *err)
{
    for (size_t i = 0; i < options->listener_count; i++) {
        struct accepting *accepting = &server->accepting[i];

        accepting->server = server;
        accepting->daemon =
            options->listeners[i].is_tls ? &server->tls_daemon : &server->plain_daemon;
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
    server->tls = options->tls;
    set_deadlines(server, &options->deadlines);
    server->linger.loop = options->context->loop;
    api_slot_pool_init(&server->slots, options->context, server);
    server->sweep_timer = way_timer_open(options->context->loop, on_sweep, server);
    server->accept_timer = way_timer_open(options->context->loop, on_accept_timer, server);
    if (server->sweep_timer == NULL || server->accept_timer == NULL) {
        status = way_fail(err, WAY_NO_MEMORY, "", "no memory for the HTTP server");
        goto out;
    }
    status = start_daemons(server, err);
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
    api_handshakes_wake_all(&server->handshakes);
    api_daemon_fini(&server->plain_daemon);
    api_daemon_fini(&server->tls_daemon);
    api_linger_fini(&server->linger);
    way_timer_close(server->sweep_timer);
    way_timer_close(server->accept_timer);
    api_slot_pool_fini(&server->slots);
    free(server);
}
