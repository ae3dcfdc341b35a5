/* SPDX-License-Identifier: MIT */
#include "relay.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { PIECE_BYTES = 64 * 1024 };

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    assert_true(strlen(path) < sizeof address.sun_path);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

static bool pass_on(int to, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(to, bytes, len, MSG_NOSIGNAL);

        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* A COM_QUERY (3) with this text, in a packet of its own: the client awaits each answer. */
static bool is_commit(const char *bytes, size_t len)
{
    static const char packet[] = "\x07\0\0\0\x03"
                                 "COMMIT";

    return len == sizeof packet - 1 && memcmp(bytes, packet, len) == 0;
}

/* Passes bytes on both ways until COMMIT comes. */
static void relay_until_commit(struct relay *relay, int client)
{
    char piece[PIECE_BYTES];
    struct pollfd ends[2] = {{.fd = client, .events = POLLIN},
                             {.fd = relay->server, .events = POLLIN}};

    while (poll(ends, 2, -1) > 0) {
        bool from_client = ends[0].revents != 0;
        ssize_t len = recv(from_client ? client : relay->server, piece, sizeof piece, 0);

        if (len <= 0) {
            return;
        }
        if (!from_client) {
            if (!pass_on(client, piece, (size_t)len)) {
                return;
            }
            continue;
        }
        if (!is_commit(piece, (size_t)len)) {
            if (!pass_on(relay->server, piece, (size_t)len)) {
                return;
            }
            continue;
        }
        if (relay->fault == RELAY_DROPS_ANSWER && pass_on(relay->server, piece, (size_t)len)) {
            (void)recv(relay->server, piece, sizeof piece, 0); /* it is done; nobody will know */
        }
        return;
    }
}

static void *run(void *argument)
{
    struct relay *relay = argument;
    int client = accept(relay->listener, NULL, NULL);

    if (client >= 0) {
        relay_until_commit(relay, client);
        (void)close(client);
    }
    return NULL;
}

void relay_start(struct relay *relay, const char *socket_path, const char *server_socket,
                 enum relay_fault fault)
{
    struct sockaddr_un own = address_of(socket_path);
    struct sockaddr_un server = address_of(server_socket);

    *relay = (struct relay){.fault = fault};
    (void)snprintf(relay->socket, sizeof relay->socket, "%s", socket_path);
    relay->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    relay->server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(relay->listener >= 0 && relay->server >= 0);
    assert_int_equal(bind(relay->listener, (const struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(listen(relay->listener, 1), 0);
    assert_int_equal(connect(relay->server, (const struct sockaddr *)&server, sizeof server), 0);
    assert_int_equal(pthread_create(&relay->thread, NULL, run, relay), 0);
}

void relay_stop(struct relay *relay)
{
    (void)shutdown(relay->listener, SHUT_RDWR); /* in case nobody came */
    (void)shutdown(relay->server, SHUT_RDWR);
    assert_int_equal(pthread_join(relay->thread, NULL), 0);
    (void)close(relay->listener);
    (void)close(relay->server);
    (void)unlink(relay->socket);
}
