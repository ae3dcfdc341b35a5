/* SPDX-License-Identifier: MIT */
#include "api/http_linger.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SINK_BYTES = 16 * 1024 };

static void end(struct api_lingering *socket)
{
    way_watch_close(socket->watch);
    (void)close(socket->fd);
    socket->is_open = false;
}

static void on_ready(void *owner, unsigned events)
{
    struct api_lingering *socket = owner;
    char sink[SINK_BYTES];
    ssize_t got = recv(socket->fd, sink, sizeof sink, MSG_DONTWAIT);

    (void)events;
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        end(socket);
    }
}

static struct api_lingering *find_free(struct api_linger *linger)
{
    for (size_t i = 0; i < API_LINGER_MAX; i++) {
        if (!linger->sockets[i].is_open) {
            return &linger->sockets[i];
        }
    }
    return NULL;
}

void api_linger_begin(struct api_linger *linger, int fd)
{
    struct api_lingering *socket = find_free(linger);

    if (socket == NULL) {
        return;
    }
    socket->fd = dup(fd);
    if (socket->fd < 0) {
        return;
    }
    (void)shutdown(socket->fd, SHUT_WR);
    socket->watch = way_watch_open(linger->loop, socket->fd, on_ready, socket);
    if (socket->watch == NULL) {
        (void)close(socket->fd);
        return;
    }
    socket->is_open = true;
    socket->until_ms = way_clock_mono_ms() + API_LINGER_MS;
    way_watch_set(socket->watch, WAY_EVENT_READ);
}

void api_linger_sweep(struct api_linger *linger, uint64_t now_ms)
{
    for (size_t i = 0; i < API_LINGER_MAX; i++) {
        if (linger->sockets[i].is_open && linger->sockets[i].until_ms <= now_ms) {
            end(&linger->sockets[i]);
        }
    }
}

void api_linger_fini(struct api_linger *linger)
{
    api_linger_sweep(linger, UINT64_MAX);
}
