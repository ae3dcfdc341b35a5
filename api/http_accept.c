/* SPDX-License-Identifier: MIT */
#include "api/http_accept.h"

#include "api/http_reply.h"
#include "api/request_metrics.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <unistd.h>

enum {
    ACCEPT_ROUNDS_MAX = 32,  /* connections, before others get their turn */
    ACCEPT_PAUSE_MS = 20,    /* when there is no room for another */
    TELL_MS = 60000,         /* in the log, again */
    FULL_WAIT_MS = 1000,     /* before another is told so */
    SEND_BUFFER = 64 * 1024, /* of a socket; the kernel makes it twice as much */
};

static void set_accepting(struct api_accept *accept, bool is_accepting)
{
    for (size_t i = 0; i < accept->listener_count; i++) {
        if (accept->listeners[i].watch != NULL) {
            way_watch_set(accept->listeners[i].watch, is_accepting ? WAY_EVENT_READ : 0);
        }
    }
}

static void pause_accepting(struct api_accept *accept)
{
    set_accepting(accept, false);
    way_timer_start(accept->timer, ACCEPT_PAUSE_MS, 0);
}

/* NULL: nobody gives way. */
static bool end_quietly(struct api_accept *accept, struct api_connection *connection)
{
    if (connection == NULL) {
        return false;
    }
    api_request_metrics_count_gave_way(accept->metrics);
    (void)shutdown(connection->fd, SHUT_RDWR);
    api_handshake_wake(&connection->handshake);
    accept->pump(accept->owner); /* the library sees the end, and closes */
    return true;
}

/* Whoever has been silent for longest makes room; of `peer`'s connections, unless that is NULL. */
static bool make_room(struct api_accept *accept, const struct api_peer *peer)
{
    return end_quietly(accept, api_connections_quietest(accept->connections, peer));
}

static bool has_waiting(const struct api_accepting *accepting)
{
    struct pollfd pollfd = {.fd = accepting->fd, .events = POLLIN};

    return poll(&pollfd, 1, 0) > 0;
}

/* Of handshakes there may be fewer: each costs more than a lookup. */
static bool has_room_for_handshake(const struct api_accepting *accepting)
{
    struct api_accept *accept = accepting->accept;
    const struct api_handshakes *all = accept->handshakes;

    if (!accepting->is_tls || all->count < accept->handshakes_max || !has_waiting(accepting)) {
        return true;
    }
    (void)end_quietly(accept, api_connections_first(accept->connections, API_PHASE_HANDSHAKE));
    return all->count < accept->handshakes_max;
}

static bool claim_place(struct api_accept *accept, const struct api_peer *peer)
{
    return api_places_claim(accept->places, peer) ||
           (make_room(accept, peer) && api_places_claim(accept->places, peer));
}

static void on_timer(void *owner)
{
    struct api_accept *accept = owner;

    set_accepting(accept, true);
}

static bool is_out_of_descriptors(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

static void note_starved(struct api_accept *accept, int code)
{
    if (!accept->is_starved) {
        way_log(WAY_LOG_WARN, "http.accept", "errno=%d detail=\"no descriptors left\"", code);
    }
    accept->is_starved = true;
    (void)make_room(accept, NULL);
    pause_accepting(accept);
}

/* -1: there is none. */
static int accept_next(struct api_accept *accept, struct api_accepting *accepting,
                       struct sockaddr_storage *address, socklen_t *len)
{
    int fd = accept4(accepting->fd, (struct sockaddr *)(void *)address, len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        accept->is_starved = false;
    } else if (is_out_of_descriptors(errno)) {
        note_starved(accept, errno);
    } else {
        accepting->full_since_ms = 0; /* nobody waits any more */
    }
    return fd;
}

/* Once in a while: each loop by itself, and not for each of a flood. */
static void tell_refused(struct api_accept *accept, const char *detail)
{
    uint64_t now_ms = way_clock_mono_ms();

    if (accept->told_ms == 0 || now_ms - accept->told_ms >= TELL_MS) {
        accept->told_ms = now_ms;
        way_log(WAY_LOG_WARN, "http.refused", "taken=%zu max=%zu detail=\"%s\"",
                api_places_taken(accept->places), api_places_max(accept->places), detail);
    }
}

/* Says so in a whole answer: a relay then asks elsewhere at once. Over TLS that would take a
 * handshake, which is more than serving it: there the connection is closed. */
static void refuse_connection(struct api_accepting *accepting, int fd,
                              enum api_refused_connection why, const char *detail)
{
    struct api_accept *accept = accepting->accept;
    struct api_slot *slot = accepting->is_tls ? NULL : api_slot_take(accept->slots, NULL, "");

    tell_refused(accept, detail);
    api_request_metrics_count_refused(accept->metrics, why);
    if (slot != NULL) {
        slot->must_close = true;
        api_refuse(&slot->exchange, API_BUSY, "", detail);
        (void)api_reply_send_past_library(slot, fd);
        api_slot_release(slot);
        api_linger_begin(accept->linger, fd);
    }
    (void)close(fd);
}

/* There is no place. A moment later there may be: so they wait in the kernel's queue, for a second
 * at most. Returns whether there may be more to accept. */
static bool accept_without_place(struct api_accept *accept, struct api_accepting *accepting)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    uint64_t now_ms = way_clock_mono_ms();
    int fd;

    if (accepting->full_since_ms == 0) {
        accepting->full_since_ms = now_ms;
    }
    if (now_ms - accepting->full_since_ms < FULL_WAIT_MS) {
        pause_accepting(accept);
        return false;
    }
    fd = accept_next(accept, accepting, &address, &len);
    if (fd >= 0) {
        refuse_connection(accepting, fd, API_REFUSED_FULL,
                          "this instance has as many connections as it may");
    }
    return fd >= 0;
}

/* By itself the kernel takes whole answers of some MiB off us, for a client that does not read
 * them, and what it has for all connections of the machine goes to that. What lies here counts. */
static void bound_send_buffer(int fd)
{
    int bytes = SEND_BUFFER;

    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

/* The place is the connection's from here on, or is given back. */
static void take_connection(struct api_accepting *accepting, int fd, const struct sockaddr *address,
                            socklen_t len, const struct api_peer *peer)
{
    struct api_accept *accept = accepting->accept;
    struct api_daemon *daemon = accepting->is_tls ? accept->tls : accept->plain;
    struct api_connection *connection = api_connections_join(accept->connections, fd, peer);

    bound_send_buffer(fd);
    if (connection == NULL) {
        api_places_leave(accept->places, peer);
        (void)close(fd);
    } else if (MHD_add_connection(daemon->mhd, fd, address, len) != MHD_YES) {
        api_connections_end(accept->connections, connection); /* the library has closed it */
    }
}

/* Returns whether there may be more to accept. */
static bool accept_one(struct api_accept *accept, struct api_accepting *accepting)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    struct api_peer peer;
    int fd;

    if (!has_room_for_handshake(accepting)) {
        return false; /* the listener is told again at once */
    }
    if (!api_places_reserve(accept->places)) {
        if (!has_waiting(accepting)) {
            accepting->full_since_ms = 0;
            return false; /* nobody gives way for nobody */
        }
        if (!make_room(accept, NULL) || !api_places_reserve(accept->places)) {
            return accept_without_place(accept, accepting);
        }
    }
    fd = accept_next(accept, accepting, &address, &len);
    if (fd < 0) {
        api_places_cancel(accept->places);
        return false;
    }
    api_peer_read((struct sockaddr *)(void *)&address, &peer);
    if (!claim_place(accept, &peer)) {
        api_places_cancel(accept->places);
        refuse_connection(accepting, fd, API_REFUSED_ADDRESS_FULL,
                          "this address has as many connections as it may");
        return true;
    }
    take_connection(accepting, fd, (struct sockaddr *)(void *)&address, len, &peer);
    return true;
}

/* Returns whether there may be more to accept. */
static bool accept_some(struct api_accept *accept, struct api_accepting *accepting)
{
    for (int i = 0; i < ACCEPT_ROUNDS_MAX; i++) {
        if (!accept_one(accept, accepting)) {
            return false;
        }
    }
    return true;
}

static void on_acceptable(void *owner, unsigned events)
{
    struct api_accepting *accepting = owner;

    (void)events;
    (void)accept_some(accepting->accept, accepting);
    accepting->accept->pump(accepting->accept->owner);
}

void api_accept_stop(struct api_accept *accept)
{
    for (size_t i = 0; i < accept->listener_count; i++) {
        /* Whoever the kernel has let in already is served. */
        while (accept_some(accept, &accept->listeners[i])) {
        }
        way_watch_close(accept->listeners[i].watch);
        /* From now on clients are refused, and do not wait for a process that ends. */
        (void)shutdown(accept->listeners[i].fd, SHUT_RDWR);
        accept->listeners[i].watch = NULL;
    }
    accept->listener_count = 0;
    way_timer_stop(accept->timer);
}

enum way_status api_accept_start(struct api_accept *accept, const struct api_listener *listeners,
                                 size_t count, size_t loop_index, struct way_error *err)
{
    accept->timer = way_timer_open(accept->loop, on_timer, accept);
    if (accept->timer == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory to watch a listener");
    }
    for (size_t i = 0; i < count; i++) {
        struct api_accepting *accepting = &accept->listeners[i];

        accepting->accept = accept;
        accepting->fd = listeners[i].descriptors[loop_index];
        accepting->is_tls = listeners[i].is_tls;
        accepting->watch = way_watch_open(accept->loop, accepting->fd, on_acceptable, accepting);
        if (accepting->watch == NULL) {
            return way_fail(err, WAY_NO_MEMORY, "", "no memory to watch a listener");
        }
        accept->listener_count++;
    }
    set_accepting(accept, true);
    return WAY_OK;
}

void api_accept_fini(struct api_accept *accept)
{
    for (size_t i = 0; i < accept->listener_count; i++) {
        way_watch_close(accept->listeners[i].watch);
    }
    way_timer_close(accept->timer);
}
