/* SPDX-License-Identifier: MIT */
/*
 * unit/dns/fake_server - a DNS server on loopback that does as it is told, for tests.
 *
 * Purpose  Answer, or not, as a script says, and count what was asked.
 * Owns     Its thread and its sockets (UDP and TCP on one port).
 * Threads  Scripts run in the server's thread; the functions here are the test's.
 * Errors   Abort: a test that has no sockets cannot go on.
 */
#ifndef WAY_TESTS_UNIT_DNS_FAKE_SERVER_H
#define WAY_TESTS_UNIT_DNS_FAKE_SERVER_H

#include "packet.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { QUERY_MAX = 512, HELD_MAX = 512, CONNECTIONS_MAX = 8, SERVER_WAIT_S = 20 };

struct server;

struct query {
    char name[256]; /* as it stands in the query */
    unsigned type;
    bool has_edns;
    bool is_tcp;
    unsigned number; /* 1 for the first that this server got */
    int descriptor;
    struct sockaddr_storage from;
    socklen_t from_len;
    size_t len;
    uint8_t bytes[QUERY_MAX];
};

/* Called for each query; with NULL when the test has called server_wake(). */
typedef void (*server_script_fn)(struct server *server, const struct query *query);

struct server {
    pthread_t thread;
    server_script_fn script;
    uint16_t port;
    int udp;
    int tcp;
    int wake;
    int connections[CONNECTIONS_MAX];
    /* the thread's */
    struct packet packet; /* for the script */
    struct query held[HELD_MAX];
    size_t held_count;
    bool is_open; /* the script's own: has the test woken it? */
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t counted;
    unsigned queries;
    size_t held_most;
    bool is_stopping;
};

/* Gives the query an answer: server->packet, under the query's id. */
static inline void server_reply(struct server *server, const struct query *query)
{
    uint8_t length[2] = {(uint8_t)(server->packet.len >> 8), (uint8_t)server->packet.len};

    memcpy(server->packet.bytes, query->bytes, 2);
    if (query->is_tcp) {
        (void)!write(query->descriptor, length, sizeof length);
        (void)!write(query->descriptor, server->packet.bytes, server->packet.len);
    } else {
        (void)sendto(query->descriptor, server->packet.bytes, server->packet.len, 0,
                     (const struct sockaddr *)&query->from, query->from_len);
    }
}

/* So many queries have come that are not answered. */
static inline void server_note_held(struct server *server, size_t held)
{
    (void)pthread_mutex_lock(&server->lock);
    server->held_most = held > server->held_most ? held : server->held_most;
    (void)pthread_mutex_unlock(&server->lock);
}

static inline void server_hold(struct server *server, const struct query *query)
{
    if (server->held_count == HELD_MAX) {
        abort();
    }
    server->held[server->held_count++] = *query;
    server_note_held(server, server->held_count);
}

static inline void server_read_query(struct server *server, struct query *query)
{
    size_t at = 12;
    size_t used = 0;

    while (at < query->len && query->bytes[at] != 0) {
        size_t len = query->bytes[at];

        if (used > 0) {
            query->name[used++] = '.';
        }
        memcpy(query->name + used, query->bytes + at + 1, len);
        used += len;
        at += 1 + len;
    }
    query->name[used] = '\0';
    query->type = (unsigned)(query->bytes[at + 1] << 8 | query->bytes[at + 2]);
    query->has_edns = query->bytes[11] != 0;
    (void)pthread_mutex_lock(&server->lock);
    query->number = ++server->queries;
    (void)pthread_cond_broadcast(&server->counted);
    (void)pthread_mutex_unlock(&server->lock);
    server->script(server, query);
}

static inline void server_read_udp(struct server *server)
{
    struct query query = {.descriptor = server->udp};
    ssize_t got;

    query.from_len = sizeof query.from;
    got = recvfrom(server->udp, query.bytes, sizeof query.bytes, MSG_DONTWAIT,
                   (struct sockaddr *)&query.from, &query.from_len);
    if (got > 12) {
        query.len = (size_t)got;
        server_read_query(server, &query);
    }
}

static inline void server_read_tcp(struct server *server, int *connection)
{
    struct query query = {.descriptor = *connection, .is_tcp = true};
    uint8_t length[2];

    if (recv(*connection, length, sizeof length, MSG_WAITALL) != sizeof length) {
        (void)close(*connection);
        *connection = -1;
        return;
    }
    query.len = (size_t)(length[0] << 8 | length[1]);
    if (query.len > sizeof query.bytes ||
        recv(*connection, query.bytes, query.len, MSG_WAITALL) != (ssize_t)query.len) {
        abort();
    }
    server_read_query(server, &query);
}

static inline void server_accept(struct server *server)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (server->connections[i] < 0) {
            server->connections[i] = accept(server->tcp, NULL, NULL);
            return;
        }
    }
    abort();
}

static inline bool server_is_stopping(struct server *server)
{
    bool is_stopping;

    (void)pthread_mutex_lock(&server->lock);
    is_stopping = server->is_stopping;
    (void)pthread_mutex_unlock(&server->lock);
    return is_stopping;
}

static inline void *server_run(void *argument)
{
    struct server *server = argument;

    while (!server_is_stopping(server)) {
        struct pollfd ready[3 + CONNECTIONS_MAX] = {
            {server->udp, POLLIN, 0}, {server->tcp, POLLIN, 0}, {server->wake, POLLIN, 0}};
        uint64_t wakes;

        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            ready[3 + i] = (struct pollfd){server->connections[i], POLLIN, 0};
        }
        if (poll(ready, 3 + CONNECTIONS_MAX, -1) < 0) {
            abort();
        }
        if (ready[0].revents != 0) {
            server_read_udp(server);
        }
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            if (ready[3 + i].revents != 0) {
                server_read_tcp(server, &server->connections[i]);
            }
        }
        if (ready[1].revents != 0) {
            server_accept(server);
        }
        if (ready[2].revents != 0 && read(server->wake, &wakes, sizeof wakes) > 0 &&
            !server_is_stopping(server)) {
            server->script(server, NULL);
        }
    }
    return NULL;
}

/* UDP and TCP on one port; 0: any that is free for both. False: not here. */
static inline bool server_bind(struct server *server, const char *address, uint16_t port)
{
    struct sockaddr_storage bound = {.ss_family = AF_INET};
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)&bound;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&bound;
    socklen_t len = sizeof *four;

    if (inet_pton(AF_INET, address, &four->sin_addr) != 1) {
        bound.ss_family = AF_INET6;
        len = sizeof *six;
        if (inet_pton(AF_INET6, address, &six->sin6_addr) != 1) {
            abort();
        }
    }
    /* The kernel gives a port that is free for UDP; somebody may have it for TCP. */
    for (int attempt = 0; attempt < 100; attempt++) {
        server->udp = socket(bound.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        server->tcp = socket(bound.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        four->sin_port = htons(port); /* the same place in both families */
        if (server->udp >= 0 && server->tcp >= 0 &&
            bind(server->udp, (struct sockaddr *)&bound, len) == 0 &&
            getsockname(server->udp, (struct sockaddr *)&bound, &len) == 0 &&
            bind(server->tcp, (struct sockaddr *)&bound, len) == 0 &&
            listen(server->tcp, CONNECTIONS_MAX) == 0) {
            server->port = ntohs(four->sin_port);
            return true;
        }
        (void)close(server->udp);
        (void)close(server->tcp);
    }
    return false;
}

/* NULL: this machine has no such address, or does not let us have the port. */
static inline struct server *server_start(const char *address, uint16_t port,
                                          server_script_fn script)
{
    struct server *server = calloc(1, sizeof *server);
    pthread_condattr_t clock;

    if (server == NULL) {
        abort();
    }
    if (!server_bind(server, address, port)) {
        free(server);
        return NULL;
    }
    server->script = script;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        server->connections[i] = -1;
    }
    server->wake = eventfd(0, EFD_CLOEXEC);
    if (server->wake < 0 || pthread_condattr_init(&clock) != 0 ||
        pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) != 0 ||
        pthread_mutex_init(&server->lock, NULL) != 0 ||
        pthread_cond_init(&server->counted, &clock) != 0 ||
        pthread_create(&server->thread, NULL, server_run, server) != 0) {
        abort();
    }
    (void)pthread_condattr_destroy(&clock);
    return server;
}

static inline void server_wake(struct server *server)
{
    const uint64_t one = 1;

    (void)!write(server->wake, &one, sizeof one);
}

static inline unsigned server_queries(struct server *server)
{
    unsigned queries;

    (void)pthread_mutex_lock(&server->lock);
    queries = server->queries;
    (void)pthread_mutex_unlock(&server->lock);
    return queries;
}

static inline size_t server_held_most(struct server *server)
{
    size_t held;

    (void)pthread_mutex_lock(&server->lock);
    held = server->held_most;
    (void)pthread_mutex_unlock(&server->lock);
    return held;
}

/* Waits until the server has got so many queries. */
static inline void server_await(struct server *server, unsigned queries)
{
    struct timespec deadline;

    (void)clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += SERVER_WAIT_S;
    (void)pthread_mutex_lock(&server->lock);
    while (server->queries < queries) {
        if (pthread_cond_timedwait(&server->counted, &server->lock, &deadline) != 0) {
            abort();
        }
    }
    (void)pthread_mutex_unlock(&server->lock);
}

static inline void server_stop(struct server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->is_stopping = true;
    (void)pthread_mutex_unlock(&server->lock);
    server_wake(server);
    (void)pthread_join(server->thread, NULL);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (server->connections[i] >= 0) {
            (void)close(server->connections[i]);
        }
    }
    (void)close(server->udp);
    (void)close(server->tcp);
    (void)close(server->wake);
    (void)pthread_cond_destroy(&server->counted);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

#endif
