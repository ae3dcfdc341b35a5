/* SPDX-License-Identifier: MIT */
/*
 * How  One daemon in external mode: libmicrohttpd keeps its sockets in an epoll set of
 *      its own, whose descriptor we watch; pump() lets it work. It is also to be pumped
 *      after every connection that we add or resume, and when its time-out says so.
 *
 *      A request passes through here as a struct exchange_slot: made when the request
 *      line is read (on_request_line), filled by the calls of on_request (head, body,
 *      end), and freed when the answer is out (on_completed). While a handler waits,
 *      the connection is suspended; libmicrohttpd then has no time-out for it, and ours
 *      in sweep() counts.
 */
#include "api/http_server.h"

#include "api/http_head.h"
#include "api/request_metrics.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    POOL_BYTES = 32 * 1024, /* libmicrohttpd's memory of one connection */
    TARGET_INLINE = 512,    /* bytes of a request target that need no heap */
    PUMP_ROUNDS_MAX = 8,    /* of the daemon, before others get their turn */
    ACCEPT_ROUNDS_MAX = 32, /* connections, likewise */
    ACCEPT_PAUSE_MS = 100,  /* when descriptors have run out */
    SWEEP_MS = 500,         /* how exactly the deadlines of phases are kept */
    SLOTS_KEPT = 256,       /* freed slots that are kept for the next requests */
    PREFIX_DIGITS = 8,      /* of request ids: drawn at start */
};

enum phase { PHASE_HEAD, PHASE_BODY, PHASE_HANDLING, PHASE_WRITING, PHASE_IDLE, PHASE_COUNT };

struct connection {
    struct api_server *server;
    struct connection *next;
    struct connection **link;
    int fd;
    enum phase phase;
    uint64_t since_ms;
    struct exchange_slot *slot; /* the request that is being made, or NULL */
    bool must_linger;           /* it was refused while it was still sending */
};

struct exchange_slot {
    struct api_exchange exchange; /* first */
    struct api_server *server;
    struct MHD_Connection *mhd;
    struct connection *connection;
    struct exchange_slot *next_free;
    uint64_t started_us;
    bool has_head; /* on_request() was called */
    bool is_suspended;
    bool must_close;    /* after this answer */
    bool is_discarding; /* the rest of the body */
    struct way_text body;
    size_t target_len; /* as it came; more than API_TARGET_MAX is not kept */
    char *target;      /* inline_target, or on the heap */
    char inline_target[TARGET_INLINE];
};

/* A socket that was closed for libmicrohttpd and stays half-open until its sender has read. */
struct lingering {
    struct api_server *server; /* NULL: free */
    int fd;
    struct way_watch *watch;
    uint64_t until_ms;
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
    bool is_accepting;
    size_t accepting_count;
    struct accepting accepting[API_LISTEN_MAX];
    size_t connection_count;
    struct connection *connections;
    struct exchange_slot *free_slots;
    size_t free_count;
    struct lingering lingers[API_LINGER_MAX];
    uint64_t request_count;
    char id_prefix[PREFIX_DIGITS + 1];
    void (*drained)(void *owner);
    void *drained_owner;
};

static const uint64_t phase_ms[] = {
    [PHASE_HEAD] = API_HEAD_MS,     [PHASE_BODY] = API_BODY_MS, [PHASE_HANDLING] = UINT64_MAX,
    [PHASE_WRITING] = API_WRITE_MS, [PHASE_IDLE] = API_IDLE_MS,
};
_Static_assert(WAY_COUNT_OF(phase_ms) == PHASE_COUNT, "give every phase its time");

static void enter_phase(struct connection *connection, enum phase phase)
{
    if (connection != NULL) {
        connection->phase = phase;
        connection->since_ms = way_clock_mono_ms();
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

/* --- lingering close ---------------------------------------------------------------------- */

static void linger_end(struct lingering *linger)
{
    way_watch_close(linger->watch);
    (void)close(linger->fd);
    linger->server = NULL;
}

/* Reads and forgets, so that the kernel does not answer data with a reset. */
static void on_linger_ready(void *owner, unsigned events)
{
    struct lingering *linger = owner;
    char sink[16 * 1024];
    ssize_t got = recv(linger->fd, sink, sizeof sink, MSG_DONTWAIT);

    (void)events;
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        linger_end(linger);
    }
}

/* libmicrohttpd is about to close the socket, whose sending side it has shut: keep a copy open. */
static void linger_begin(struct api_server *server, int fd)
{
    for (size_t i = 0; i < API_LINGER_MAX; i++) {
        struct lingering *linger = &server->lingers[i];

        if (linger->server != NULL) {
            continue;
        }
        linger->fd = dup(fd);
        if (linger->fd < 0) {
            return;
        }
        (void)shutdown(linger->fd, SHUT_WR);
        linger->watch = way_watch_open(server->context->loop, linger->fd, on_linger_ready, linger);
        if (linger->watch == NULL) {
            (void)close(linger->fd);
            return;
        }
        linger->server = server;
        linger->until_ms = way_clock_mono_ms() + API_LINGER_MS;
        way_watch_set(linger->watch, WAY_EVENT_READ);
        return;
    }
}

/* --- slots -------------------------------------------------------------------------------- */

/* A request id without a call to printf: this is made for every request. */
static void make_id(struct api_server *server, char *id)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = server->request_count++;

    memcpy(id, server->id_prefix, PREFIX_DIGITS);
    for (size_t i = 0; i < 8; i++) {
        id[PREFIX_DIGITS + i] = digits[(number >> (28 - 4 * i)) & 15];
    }
    id[PREFIX_DIGITS + 8] = '\0';
}

static struct exchange_slot *slot_take(struct api_server *server)
{
    struct exchange_slot *slot = server->free_slots;

    if (slot != NULL) {
        server->free_slots = slot->next_free;
        server->free_count--;
        return slot;
    }
    return malloc(sizeof *slot);
}

/* Only what a request reads before it writes is set: a slot is large and requests are many. */
static void slot_init(struct exchange_slot *slot, struct api_server *server,
                      struct MHD_Connection *mhd)
{
    struct api_exchange *exchange = &slot->exchange;
    struct api_response *response = &exchange->response;

    slot->server = server;
    slot->mhd = mhd;
    slot->connection = NULL;
    slot->started_us = way_clock_mono_us();
    slot->has_head = false;
    slot->is_suspended = false;
    slot->must_close = false;
    slot->is_discarding = false;
    slot->target = slot->inline_target;
    way_text_init(&slot->body, NULL, 0, 0);
    exchange->context = server->context;
    exchange->route = NULL;
    exchange->produces = API_MEDIA_NONE;
    exchange->is_finished = false;
    exchange->abandon = NULL;
    exchange->waiting = NULL;
    exchange->deadline_ms = 0;
    exchange->request.key = (struct api_bytes){NULL, 0};
    exchange->request.body = (struct api_bytes){NULL, 0};
    exchange->request.method = API_METHOD_OTHER;
    make_id(server, exchange->request.id);
    response->status = 0;
    response->media = API_MEDIA_NONE;
    response->is_problem = false;
    response->may_be_kept = false;
    response->constant = NULL;
    response->constant_len = 0;
    response->header_count = 0;
    way_text_init(&response->body, response->inline_body, sizeof response->inline_body,
                  API_RESPONSE_MAX);
}

static void slot_free(struct exchange_slot *slot)
{
    struct api_server *server = slot->server;

    way_text_fini(&slot->body);
    way_text_fini(&slot->exchange.response.body);
    if (slot->target != slot->inline_target) {
        free(slot->target);
    }
    if (server->free_count == SLOTS_KEPT) {
        free(slot);
        return;
    }
    slot->next_free = server->free_slots;
    server->free_slots = slot;
    server->free_count++;
}

/* Copies the target, raw, before libmicrohttpd changes it. */
static bool slot_keep_target(struct exchange_slot *slot, const char *uri)
{
    slot->target_len = strlen(uri);
    if (slot->target_len > API_TARGET_MAX) {
        slot->inline_target[0] = '\0';
        return true; /* it will be refused by its length */
    }
    if (slot->target_len >= sizeof slot->inline_target) {
        slot->target = malloc(slot->target_len + 1);
        if (slot->target == NULL) {
            slot->target = slot->inline_target;
            return false;
        }
    }
    memcpy(slot->target, uri, slot->target_len + 1);
    return true;
}

/* --- from the head to the handler ----------------------------------------------------------- */

/* The answer that a request gets before any handler sees it. */
static void refuse_head(struct exchange_slot *slot, enum api_problem problem, const char *field,
                        const char *detail)
{
    api_refuse(&slot->exchange, problem, field, detail);
    slot->exchange.is_finished = true;
}

static void answer_options(struct exchange_slot *slot, const char *allow)
{
    api_respond(&slot->exchange, 204, API_MEDIA_NONE);
    api_respond_header(&slot->exchange, "Allow", allow);
    slot->exchange.is_finished = true;
}

static bool find_route(struct exchange_slot *slot)
{
    struct api_exchange *exchange = &slot->exchange;
    struct api_match match;

    api_route_find(&exchange->request, &match);
    if (match.route != NULL) {
        exchange->route = match.route;
        exchange->request.key = match.key;
        return true;
    }
    if (!match.is_known_path && !exchange->request.is_asterisk) {
        refuse_head(slot, API_NO_ROUTE, "", "no operation has this path");
    } else if (exchange->request.method == API_OPTIONS) {
        answer_options(slot, match.allow);
    } else {
        refuse_head(slot, API_METHOD_NOT_ALLOWED, "",
                    "the header Allow lists the methods of this path");
        api_respond_header(exchange, "Allow", match.allow);
    }
    return false;
}

static bool check_body(struct exchange_slot *slot, const struct api_head *head)
{
    struct api_exchange *exchange = &slot->exchange;
    const struct api_route *route = exchange->route;
    char detail[96];

    if (route->body_max == 0) {
        if (head->has_body) {
            refuse_head(slot, API_BAD_REQUEST, "", "this operation takes no body");
            return false;
        }
        return true;
    }
    if (head->has_body && !head->is_chunked && head->content_length > route->body_max) {
        (void)snprintf(detail, sizeof detail, "a body here has at most %zu bytes", route->body_max);
        refuse_head(slot, API_TOO_LARGE, "", detail);
        return false;
    }
    if (head->has_body && (exchange->request.headers.content_type == NULL ||
                           api_media_of_content(exchange->request.headers.content_type,
                                                route->consumes) == API_MEDIA_NONE)) {
        refuse_head(slot, API_UNSUPPORTED_MEDIA_TYPE, "",
                    (route->consumes & API_MEDIA_MERGE_PATCH) != 0
                        ? "send Content-Type: application/merge-patch+json or application/json"
                        : "send Content-Type: application/json");
        return false;
    }
    way_text_init(&slot->body, NULL, 0, route->body_max);
    return true;
}

static bool negotiate(struct exchange_slot *slot)
{
    struct api_exchange *exchange = &slot->exchange;

    if (exchange->route->produces == 0) {
        return true;
    }
    exchange->produces =
        api_media_negotiate(exchange->request.headers.accept, exchange->route->produces);
    if (exchange->produces == API_MEDIA_NONE) {
        refuse_head(slot, API_NOT_ACCEPTABLE, "",
                    "the operation has no representation that Accept allows");
        return false;
    }
    return true;
}

/* Everything that can be decided before the body. False: the exchange is finished. */
static bool judge_head(struct exchange_slot *slot, const char *url, const char *version,
                       const char *method, struct api_head *head)
{
    struct api_request *request = &slot->exchange.request;
    struct api_head_fault fault;
    struct way_error err;

    if (!api_head_read(slot->mhd, version, request, head, &fault)) {
        refuse_head(slot, fault.problem, "", fault.detail);
        return false;
    }
    if (slot->target_len > API_TARGET_MAX) {
        refuse_head(slot, API_URI_TOO_LONG, "", "a request target has at most 8192 bytes");
        return false;
    }
    /* libmicrohttpd hands out the line up to a NUL; the version, one byte behind the target, tells
     * where it really ended. */
    if ((size_t)(version - 1 - url) != slot->target_len) {
        head->has_body = true; /* nothing of this connection can be trusted any more */
        refuse_head(slot, API_BAD_REQUEST, "", "the URL has a NUL byte");
        return false;
    }
    request->method = api_method_parse(method);
    if (api_request_parse_target(slot->target, request, &err) != WAY_OK) {
        api_refuse_error(&slot->exchange, &err);
        slot->exchange.is_finished = true;
        return false;
    }
    if (!find_route(slot)) {
        return false;
    }
    if (api_request_check_params(request, slot->exchange.route->params, &err) != WAY_OK) {
        api_refuse_error(&slot->exchange, &err);
        slot->exchange.is_finished = true;
        return false;
    }
    return negotiate(slot) && check_body(slot, head);
}

/* --- the answer ----------------------------------------------------------------------------- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    /* Fails only for want of memory; an answer without one header beats none. */
    (void)MHD_add_response_header(response, name, value);
}

static void add_headers(struct exchange_slot *slot, struct MHD_Response *response)
{
    const struct api_response *made = &slot->exchange.response;
    char revision[24];

    if (made->is_problem) {
        add_header(response, "Content-Type", "application/problem+json");
    } else if (made->media != API_MEDIA_NONE) {
        add_header(response, "Content-Type", api_media_type(made->media));
    }
    add_header(response, "X-Request-Id", slot->exchange.request.id);
    (void)snprintf(revision, sizeof revision, "%" PRIu64,
                   way_index_revision(slot->exchange.context->index));
    add_header(response, "X-Waypost-Revision", revision);
    add_header(response, "Cache-Control", made->may_be_kept ? "no-cache" : "no-store");
    for (size_t i = 0; i < made->header_count; i++) {
        add_header(response, made->headers[i].name, made->headers[i].value);
    }
    if (slot->must_close || slot->exchange.context->is_draining) {
        add_header(response, "Connection", "close");
    }
}

static void log_request(const struct exchange_slot *slot, uint64_t micros)
{
    const struct api_exchange *exchange = &slot->exchange;
    unsigned status = exchange->response.status;
    enum way_log_level level = status == 500 ? WAY_LOG_ERROR : WAY_LOG_INFO;

    if (!way_log_is_on(level)) {
        return;
    }
    way_log(level, "request",
            "operation=%s method=%s status=%u us=%" PRIu64 " bytes=%zu request_id=%s",
            exchange->route == NULL ? "none" : exchange->route->operation,
            api_method_name(exchange->request.method), status, micros, exchange->response.body.len,
            exchange->request.id);
}

/* An answer that did not fit its buffer is no answer. */
static void check_answer(struct api_exchange *exchange)
{
    if (exchange->response.constant == NULL &&
        way_text_status(&exchange->response.body) != WAY_OK) {
        api_refuse(exchange, API_BUSY, "", "out of memory");
    }
}

static enum MHD_Result send_answer(struct exchange_slot *slot)
{
    struct api_exchange *exchange = &slot->exchange;
    struct api_response *made = &exchange->response;
    uint64_t micros = way_clock_mono_us() - slot->started_us;
    const void *bytes;
    size_t len;
    struct MHD_Response *response;
    enum MHD_Result result;

    check_answer(exchange);
    bytes = made->constant != NULL ? made->constant : made->body.data;
    len = made->constant != NULL ? made->constant_len : made->body.len;
    /* libmicrohttpd takes a writable pointer and does not write. The bytes live in the slot, which
     * lives until on_completed(). */
    response =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return MHD_NO;
    }
    add_headers(slot, response);
    api_request_metrics_count(exchange->context->requests, exchange->route, made->status, micros);
    log_request(slot, micros);
    enter_phase(slot->connection, PHASE_WRITING);
    result = MHD_queue_response(slot->mhd, made->status, response);
    MHD_destroy_response(response);
    return result;
}

/* --- libmicrohttpd's calls -------------------------------------------------------------------- */

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info == NULL ? NULL : info->socket_context;
}

/* Before the headers are read, let alone checked. What it returns becomes the request's own. */
static void *on_request_line(void *owner, const char *uri, struct MHD_Connection *mhd)
{
    struct api_server *server = owner;
    struct exchange_slot *slot = slot_take(server);

    if (slot == NULL) {
        return NULL;
    }
    slot_init(slot, server, mhd);
    slot->connection = connection_of(mhd);
    if (!slot_keep_target(slot, uri)) {
        slot_free(slot);
        return NULL;
    }
    if (slot->connection != NULL) {
        slot->connection->slot = slot;
    }
    enter_phase(slot->connection, PHASE_HEAD);
    return slot;
}

/* The first call for a request. An answer that is queued here closes the connection, which is what
 * we want while a body is under way, and else waits for the second call. */
static enum MHD_Result take_head(struct exchange_slot *slot, const char *url, const char *method,
                                 const char *version)
{
    struct api_head head;

    slot->has_head = true;
    enter_phase(slot->connection, PHASE_BODY);
    if (!judge_head(slot, url, version, method, &head) && head.has_body) {
        slot->must_close = true;
        if (slot->connection != NULL) {
            slot->connection->must_linger = true;
        }
        return send_answer(slot);
    }
    return MHD_YES;
}

static void take_body(struct exchange_slot *slot, const char *bytes, size_t len)
{
    char detail[96];

    if (slot->is_discarding) {
        return;
    }
    way_text_append(&slot->body, bytes, len);
    if (way_text_status(&slot->body) == WAY_OK) {
        return;
    }
    /* Only a chunked body comes here: the length of others was checked. libmicrohttpd takes no
     * answer before the body's end, so the rest is read and forgotten; PHASE_BODY bounds it. */
    slot->is_discarding = true;
    (void)snprintf(detail, sizeof detail, "a body here has at most %zu bytes",
                   slot->exchange.route->body_max);
    refuse_head(slot, slot->body.is_full ? API_TOO_LARGE : API_BUSY, "",
                slot->body.is_full ? detail : "out of memory");
}

static enum MHD_Result run_handler(struct exchange_slot *slot)
{
    struct api_exchange *exchange = &slot->exchange;

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

static enum MHD_Result on_request(void *owner, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **request)
{
    struct exchange_slot *slot = *request;

    (void)owner;
    (void)mhd;
    if (slot == NULL) {
        return MHD_NO; /* there was no memory for it */
    }
    if (!slot->has_head) {
        return take_head(slot, url, method, version);
    }
    if (*upload_len > 0) {
        take_body(slot, upload, *upload_len);
        *upload_len = 0;
        return MHD_YES;
    }
    return slot->exchange.is_finished ? send_answer(slot) : run_handler(slot);
}

static void on_completed(void *owner, struct MHD_Connection *mhd, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct api_server *server = owner;
    struct exchange_slot *slot = *request;

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
    slot_free(slot);
}

static void check_drained(struct api_server *server);

static void on_connection(void *owner, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct api_server *server = owner;
    struct connection *connection = *socket_context;

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
        linger_begin(server, connection->fd);
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
    server->is_accepting = is_accepting;
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

static void on_accept_timer(void *owner)
{
    struct api_server *server = owner;

    if (server->connection_count < server->connections_max) {
        set_accepting(server, true);
    } else {
        way_timer_start(server->accept_timer, ACCEPT_PAUSE_MS, 0);
    }
}

static void accept_some(struct api_server *server, int listener)
{
    for (int i = 0; i < ACCEPT_ROUNDS_MAX; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        int fd;

        if (server->connection_count >= server->connections_max) {
            pause_accepting(server);
            return;
        }
        fd = accept4(listener, (struct sockaddr *)(void *)&address, &len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                way_log(WAY_LOG_WARN, "http.accept", "errno=%d detail=\"no descriptors left\"",
                        errno);
                pause_accepting(server);
            }
            return;
        }
        /* It closes the descriptor itself when it refuses. */
        (void)MHD_add_connection(server->daemon, fd, (struct sockaddr *)(void *)&address, len);
    }
}

static void on_acceptable(void *owner, unsigned events)
{
    struct accepting *accepting = owner;

    (void)events;
    accept_some(accepting->server, accepting->fd);
    pump(accepting->server);
}

static void stop_accepting(struct api_server *server)
{
    for (size_t i = 0; i < server->accepting_count; i++) {
        /* Whoever the kernel has let in already is served. */
        accept_some(server, server->accepting[i].fd);
        way_watch_close(server->accepting[i].watch);
        server->accepting[i].watch = NULL;
    }
    server->accepting_count = 0;
    way_timer_stop(server->accept_timer);
}

/* --- deadlines ------------------------------------------------------------------------------ */

static bool peer_has_left(const struct connection *connection)
{
    char byte;

    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* The handler has waited long enough. */
static void give_up(struct exchange_slot *slot, enum api_problem problem, const char *detail)
{
    struct api_exchange *exchange = &slot->exchange;

    exchange->abandon(exchange);
    api_refuse(exchange, problem, "", detail);
    api_exchange_finish(exchange);
}

static void sweep_one(struct connection *connection, uint64_t now_ms)
{
    struct exchange_slot *slot = connection->slot;

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
    uint64_t now_ms = way_clock_mono_ms();

    for (struct connection *connection = server->connections; connection != NULL;
         connection = connection->next) {
        sweep_one(connection, now_ms);
    }
    for (size_t i = 0; i < API_LINGER_MAX; i++) {
        if (server->lingers[i].server != NULL && server->lingers[i].until_ms <= now_ms) {
            linger_end(&server->lingers[i]);
        }
    }
}

void api_exchange_resume(struct api_exchange *exchange)
{
    struct exchange_slot *slot = WAY_OWNER_OF(exchange, struct exchange_slot, exchange);

    WAY_ASSERT(slot->is_suspended);
    slot->is_suspended = false;
    MHD_resume_connection(slot->mhd);
    pump_soon(slot->server);
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
    (void)snprintf(server->id_prefix, sizeof server->id_prefix, "%08" PRIx64,
                   way_random_u64() & UINT32_MAX);
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
    for (struct connection *connection = server->connections; connection != NULL;
         connection = connection->next) {
        if (connection->phase == PHASE_IDLE) {
            (void)shutdown(connection->fd, SHUT_RDWR);
        }
    }
    pump(server);
    check_drained(server);
}

void api_server_stop(struct api_server *server)
{
    server->context->is_draining = true;
    server->drained = NULL;
    stop_accepting(server);
    for (struct connection *connection = server->connections; connection != NULL;
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
    for (size_t i = 0; i < API_LINGER_MAX; i++) {
        if (server->lingers[i].server != NULL) {
            linger_end(&server->lingers[i]);
        }
    }
    way_timer_close(server->daemon_timer);
    way_timer_close(server->sweep_timer);
    way_timer_close(server->accept_timer);
    while (server->free_slots != NULL) {
        struct exchange_slot *slot = server->free_slots;

        server->free_slots = slot->next_free;
        free(slot);
    }
    free(server);
}
