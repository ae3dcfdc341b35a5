/* SPDX-License-Identifier: MIT */
/*
 * api/peer - whose connection it is, as far as an address tells.
 *
 * Purpose  What is counted for each client is counted by this: of IPv6 the /64, which one client
 *          has as a whole; all unix sockets are one.
 * Owns     Nothing: a plain value without padding, to be compared and hashed as bytes.
 * Threads  Any.
 * Errors   -
 */
#ifndef WAY_API_PEER_H
#define WAY_API_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct api_peer {
    uint8_t family; /* AF_INET, AF_INET6; 0: a unix socket */
    uint8_t octets[sizeof(struct in6_addr)];
};

enum { API_PEER_TEXT = INET6_ADDRSTRLEN }; /* bytes of one, written out, with NUL */

/* NULL counts as a unix socket. An IPv4 address that is mapped into IPv6 is the IPv4 address. */
void api_peer_read(const struct sockaddr *address, struct api_peer *peer);
bool api_peer_is_unix(const struct api_peer *peer);
bool api_peer_equal(const struct api_peer *a, const struct api_peer *b);
/* Returns `out`. */
const char *api_peer_write(const struct api_peer *peer, char out[static API_PEER_TEXT]);

#endif
