/* SPDX-License-Identifier: MIT */
#include "api/peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
    MAPPED_AT = 12,   /* the IPv4 address in ::ffff:192.0.2.1 */
    IPV6_COUNTED = 8, /* octets: a /64 */
};

void api_peer_read(const struct sockaddr *address, struct api_peer *peer)
{
    *peer = (struct api_peer){0};
    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)address;

        peer->family = AF_INET;
        memcpy(peer->octets, &ipv4->sin_addr, sizeof ipv4->sin_addr);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct in6_addr *ipv6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(ipv6);

        peer->family = is_mapped ? AF_INET : AF_INET6;
        memcpy(peer->octets, ipv6->s6_addr + (is_mapped ? MAPPED_AT : 0),
               is_mapped ? sizeof(struct in_addr) : IPV6_COUNTED);
    }
}

bool api_peer_is_unix(const struct api_peer *peer)
{
    return peer->family == 0;
}

bool api_peer_equal(const struct api_peer *a, const struct api_peer *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

const char *api_peer_write(const struct api_peer *peer, char out[static API_PEER_TEXT])
{
    if (api_peer_is_unix(peer) ||
        inet_ntop(peer->family, peer->octets, out, API_PEER_TEXT) == NULL) {
        (void)snprintf(out, API_PEER_TEXT, "unix");
    }
    return out;
}
