/* SPDX-License-Identifier: MIT */
/*
 * How  c-ares is kept to what it does well: ids, sockets, TCP after truncation. Each
 *      channel knows one server and tries once, because c-ares's own retries take
 *      SERVFAIL for a dead server and tell nobody which of the two it was.
 *      ARES_FLAG_STAYOPEN is left out on purpose: c-ares has one UDP socket for all
 *      queries, and closing it when the last one has ended is what changes our source
 *      port from time to time.
 */
#include "dns/channel.h"

#include "base/log.h"
#include "dns/list.h"

#define CARES_NO_DEPRECATED /* 1.34 prefers calls that 1.18 does not have */
#include <ares.h>
#include <arpa/nameser.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    EDNS_PAYLOAD = 1232,          /* bytes; fits IPv6's least MTU, so it is never fragmented */
    RECEIVE_BUFFER = 1024 * 1024, /* bytes; the default drops bursts of a few hundred answers */
};

struct way_channel {
    struct way_loop *loop; /* borrowed */
    struct way_channel_options options;
    ares_channel ares; /* owned */
    struct way_node sockets;
};

struct socket {
    struct way_node node; /* in channel->sockets */
    struct way_channel *channel;
    struct way_watch *watch;
    ares_socket_t descriptor;
};

static const int wire_types[] = {
    [WAY_DNS_A] = ns_t_a,
    [WAY_DNS_AAAA] = ns_t_aaaa,
    [WAY_DNS_MX] = ns_t_mx,
};
_Static_assert(WAY_COUNT_OF(wire_types) == WAY_DNS_TYPE_COUNT, "each type has a number");

static enum way_status fail(struct way_error *err, int code)
{
    return way_fail(err, code == ARES_ENOMEM ? WAY_NO_MEMORY : WAY_INTERNAL, "dns", "c-ares: %s",
                    ares_strerror(code));
}

enum way_status way_channel_library_start(struct way_error *err)
{
    int code = ares_library_init(ARES_LIB_INIT_ALL);

    return code == ARES_SUCCESS ? WAY_OK : fail(err, code);
}

void way_channel_library_stop(void)
{
    ares_library_cleanup();
}

static void on_socket_ready(void *owner, unsigned events)
{
    struct socket *socket = owner;
    struct way_channel *channel = socket->channel;
    ares_socket_t descriptor = socket->descriptor;

    /* The socket may be closed, and so freed, in the first call; the channel in the second. */
    ares_process_fd(channel->ares, (events & WAY_EVENT_READ) != 0 ? descriptor : ARES_SOCKET_BAD,
                    (events & WAY_EVENT_WRITE) != 0 ? descriptor : ARES_SOCKET_BAD);
    channel->options.settled(channel->options.owner);
}

static struct socket *find_socket(struct way_channel *channel, ares_socket_t descriptor)
{
    for (struct way_node *node = channel->sockets.next; node != &channel->sockets;
         node = node->next) {
        struct socket *socket = WAY_OWNER_OF(node, struct socket, node);

        if (socket->descriptor == descriptor) {
            return socket;
        }
    }
    return NULL;
}

static struct socket *open_socket(struct way_channel *channel, ares_socket_t descriptor)
{
    struct socket *socket = calloc(1, sizeof *socket);

    if (socket == NULL) {
        return NULL;
    }
    socket->watch = way_watch_open(channel->loop, descriptor, on_socket_ready, socket);
    if (socket->watch == NULL) {
        free(socket);
        return NULL;
    }
    socket->channel = channel;
    socket->descriptor = descriptor;
    way_list_put(&channel->sockets, &socket->node);
    return socket;
}

static void close_socket(struct socket *socket)
{
    way_list_del(&socket->node);
    way_watch_close(socket->watch);
    free(socket);
}

/* c-ares tells what it wants of a socket: neither comes just before it closes it. */
static void on_socket_state(void *owner, ares_socket_t descriptor, int readable, int writable)
{
    struct way_channel *channel = owner;
    struct socket *socket = find_socket(channel, descriptor);

    if (readable == 0 && writable == 0) {
        if (socket != NULL) {
            close_socket(socket);
        }
        return;
    }
    if (socket == NULL) {
        socket = open_socket(channel, descriptor);
    }
    if (socket == NULL) {
        /* Nothing can be told to c-ares here: the queries on this socket will time out. */
        way_log(WAY_LOG_ERROR, "dns.socket", "error=\"no room to watch a socket\"");
        return;
    }
    way_watch_set(socket->watch, (readable != 0 ? (unsigned)WAY_EVENT_READ : 0U) |
                                     (writable != 0 ? (unsigned)WAY_EVENT_WRITE : 0U));
}

/* The kernel may grant less than we ask for; then the bound on queries has to do. */
static int on_socket_configure(ares_socket_t descriptor, int type, void *owner)
{
    const int bytes = RECEIVE_BUFFER;

    (void)owner;
    if (type == SOCK_DGRAM) {
        (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    return 0;
}

/* Gives a channel without a server of ours yet; to be freed with ares_destroy(). */
static int open_ares(const char *resolv_conf, struct way_channel *channel, bool has_edns,
                     ares_channel *out)
{
    char files[] = "b"; /* DNS only. Set, so that c-ares does not look into nsswitch.conf */
    char *path = strdup(resolv_conf); /* c-ares wants it writable, and copies it */
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP |
                 (has_edns ? ARES_FLAG_EDNS : 0),
        .tries = 1,
        .ednspsz = EDNS_PAYLOAD,
        .lookups = files,
        .resolvconf_path = path,
    };
    int mask =
        ARES_OPT_FLAGS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF;
    int code = ARES_ENOMEM;

    if (path == NULL) {
        goto out;
    }
    if (channel != NULL) {
        options.timeout = (int)channel->options.attempt_ms;
        options.sock_state_cb = on_socket_state;
        options.sock_state_cb_data = channel;
        mask |= ARES_OPT_TIMEOUTMS | ARES_OPT_SOCK_STATE_CB;
    }
#ifdef ARES_OPT_QUERY_CACHE
    options.qcache_max_ttl = 0; /* an answer is what a server says now */
    mask |= ARES_OPT_QUERY_CACHE;
#endif
    code = ares_init_options(out, &options, mask);

out:
    free(path);
    return code;
}

static int set_server(ares_channel ares, const struct way_dns_server *server)
{
    struct ares_addr_port_node node = {.udp_port = server->port, .tcp_port = server->port};

    if (server->is_ipv6) {
        node.family = AF_INET6;
        memcpy(&node.addr.addr6, server->address, sizeof node.addr.addr6);
    } else {
        node.family = AF_INET;
        memcpy(&node.addr.addr4, server->address, sizeof node.addr.addr4);
    }
    return ares_set_servers_ports(ares, &node);
}

struct way_channel *way_channel_new(struct way_loop *loop, const struct way_dns_server *server,
                                    bool has_edns, const struct way_channel_options *options)
{
    struct way_channel *channel = calloc(1, sizeof *channel);

    if (channel == NULL) {
        return NULL;
    }
    channel->loop = loop;
    channel->options = *options;
    way_list_init(&channel->sockets);
    /* The server is set below: no file of the system has a say in it. */
    if (open_ares("/dev/null", channel, has_edns, &channel->ares) != ARES_SUCCESS) {
        free(channel);
        return NULL;
    }
    ares_set_socket_configure_callback(channel->ares, on_socket_configure, channel);
    if (set_server(channel->ares, server) != ARES_SUCCESS) {
        way_channel_free(channel);
        return NULL;
    }
    return channel;
}

void way_channel_free(struct way_channel *channel)
{
    if (channel == NULL) {
        return;
    }
    ares_destroy(channel->ares); /* closes its sockets through on_socket_state() */
    free(channel);
}

static enum way_query_end end_of(int code)
{
    switch (code) {
    case ARES_ETIMEOUT:
        return WAY_QUERY_TIMED_OUT;
    case ARES_EDESTRUCTION:
    case ARES_ECANCELLED:
        return WAY_QUERY_DROPPED;
    case ARES_ENOTFOUND:
        return WAY_QUERY_NXDOMAIN;
    case ARES_EBADNAME:
    case ARES_ENOMEM:
        return WAY_QUERY_IMPOSSIBLE;
    default:
        return WAY_QUERY_UNREACHABLE;
    }
}

static void on_query_ended(void *owner, int code, int timeouts, unsigned char *bytes, int len)
{
    struct way_query *query = owner;

    (void)timeouts;
    if (bytes != NULL && len > 0) {
        query->ended(query, WAY_QUERY_ANSWERED, bytes, (size_t)len);
    } else {
        query->ended(query, end_of(code), NULL, 0);
    }
}

void way_channel_query(struct way_channel *channel, enum way_dns_type type, const char *name,
                       struct way_query *query)
{
    ares_query(channel->ares, name, ns_c_in, wire_types[type], on_query_ended, query);
}

void way_channel_tick(struct way_channel *channel)
{
    ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void add_server(struct way_dns_server_list *list, const struct ares_addr_port_node *node)
{
    struct way_dns_server *server = &list->servers[list->count];

    *server = (struct way_dns_server){.is_ipv6 = node->family == AF_INET6};
    server->port = node->udp_port == 0 ? WAY_DNS_PORT : (uint16_t)node->udp_port;
    if (server->is_ipv6) {
        memcpy(server->address, &node->addr.addr6, sizeof node->addr.addr6);
    } else {
        memcpy(server->address, &node->addr.addr4, sizeof node->addr.addr4);
    }
    list->count++;
}

enum way_status way_channel_system_servers(const char *path, struct way_dns_server_list *out,
                                           struct way_error *err)
{
    struct way_dns_server_list list = {.count = 0};
    struct ares_addr_port_node *nodes = NULL;
    ares_channel ares;
    int code = open_ares(path, NULL, true, &ares);

    if (code != ARES_SUCCESS) {
        return fail(err, code);
    }
    code = ares_get_servers_ports(ares, &nodes);
    for (const struct ares_addr_port_node *node = nodes;
         node != NULL && list.count < WAY_DNS_SERVERS_MAX; node = node->next) {
        add_server(&list, node);
    }
    ares_free_data(nodes);
    ares_destroy(ares);
    if (code != ARES_SUCCESS) {
        return fail(err, code);
    }
    if (list.count == 0) {
        return way_fail(err, WAY_INTERNAL, "dns", "no DNS server in %s", path);
    }
    *out = list;
    return WAY_OK;
}
