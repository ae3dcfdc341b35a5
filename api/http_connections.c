/* SPDX-License-Identifier: MIT */
#include "api/http_connections.h"

#include <stdlib.h>
#include <sys/socket.h>

enum { TRICKLE_MS = 1000 /* after this a head that is not whole is a slow one */ };

static struct api_connection *of_node(struct way_node *node)
{
    return WAY_OWNER_OF(node, struct api_connection, node);
}

void api_connections_init(struct api_connections *connections, struct api_places *places,
                          const struct way_loop *loop)
{
    connections->places = places;
    connections->loop = loop;
    connections->count = 0;
    way_list_init(&connections->joining);
    for (size_t i = 0; i < API_PHASE_COUNT; i++) {
        way_list_init(&connections->phases[i]);
    }
}

struct api_connection *api_connections_join(struct api_connections *connections, int fd,
                                            const struct api_peer *peer)
{
    struct api_connection *connection = calloc(1, sizeof *connection);

    if (connection != NULL) {
        connection->all = connections;
        connection->fd = fd;
        connection->peer = *peer;
        way_list_put(&connections->joining, &connection->node);
        connections->count++;
    }
    return connection;
}

struct api_connection *api_connections_start(struct api_connections *connections, int fd)
{
    for (struct way_node *node = connections->joining.next; node != &connections->joining;
         node = node->next) {
        if (of_node(node)->fd == fd) {
            api_connection_enter(connections, of_node(node), API_PHASE_HEAD);
            return of_node(node);
        }
    }
    return NULL;
}

void api_connections_drop_joining(struct api_connections *connections)
{
    struct way_node *next;

    for (struct way_node *node = connections->joining.next; node != &connections->joining;
         node = next) {
        next = node->next;
        api_connections_end(connections, of_node(node));
    }
}

void api_connections_end(struct api_connections *connections, struct api_connection *connection)
{
    way_list_del(&connection->node);
    connections->count--;
    api_places_leave(connections->places, &connection->peer);
    free(connection);
}

void api_connection_go_on(struct api_connections *connections, struct api_connection *connection,
                          enum api_phase phase)
{
    way_list_del(&connection->node);
    way_list_put(&connections->phases[phase], &connection->node);
    connection->phase = phase;
}

void api_connection_enter(struct api_connections *connections, struct api_connection *connection,
                          enum api_phase phase)
{
    if (connection != NULL) {
        api_connection_go_on(connections, connection, phase);
        connection->since_ms = way_loop_now_ms(connections->loop);
    }
}

/* Nothing has come that nobody has read yet, as the first bytes of a request. */
static bool is_silent(const struct api_connection *connection)
{
    char byte;

    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static bool is_of(const struct api_connection *connection, const struct api_peer *peer)
{
    return peer == NULL || api_peer_equal(&connection->peer, peer);
}

/* Who has been in a phase for longest, and for too long for a good client. */
static struct api_connection *slowest(const struct api_connections *connections,
                                      enum api_phase phase, const struct api_peer *peer)
{
    const struct way_node *head = &connections->phases[phase];
    uint64_t now_ms = way_loop_now_ms(connections->loop);

    for (struct way_node *node = head->next;
         node != head && now_ms - of_node(node)->since_ms > TRICKLE_MS; node = node->next) {
        if (is_of(of_node(node), peer)) {
            return of_node(node);
        }
    }
    return NULL;
}

/* An idle one whose next request has not come yet. */
static struct api_connection *longest_idle(const struct api_connections *connections,
                                           const struct api_peer *peer)
{
    const struct way_node *head = &connections->phases[API_PHASE_IDLE];

    for (struct way_node *node = head->next; node != head; node = node->next) {
        if (is_of(of_node(node), peer) && is_silent(of_node(node))) {
            return of_node(node);
        }
    }
    return NULL;
}

struct api_connection *api_connections_quietest(const struct api_connections *connections,
                                                const struct api_peer *peer)
{
    struct api_connection *found = slowest(connections, API_PHASE_HANDSHAKE, peer);

    if (found == NULL) {
        found = slowest(connections, API_PHASE_HEAD, peer);
    }
    return found != NULL ? found : longest_idle(connections, peer);
}

struct api_connection *api_connections_first(const struct api_connections *connections,
                                             enum api_phase phase)
{
    const struct way_node *head = &connections->phases[phase];

    return way_list_is_empty(head) ? NULL : of_node(head->next);
}
