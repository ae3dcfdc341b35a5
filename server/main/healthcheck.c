/* SPDX-License-Identifier: MIT */
#include "main/healthcheck.h"

#include "api/http_listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* A server that listens everywhere listens on loopback, too. */
static void make_reachable(struct api_listen_address *address)
{
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)&address->address;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)&address->address;

    if (address->address.ss_family == AF_INET && ipv4->sin_addr.s_addr == htonl(INADDR_ANY)) {
        ipv4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    if (address->address.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&ipv6->sin6_addr)) {
        ipv6->sin6_addr = in6addr_loopback;
    }
}

static enum way_status ask(int fd, struct way_error *err)
{
    static const char question[] = "GET /healthz HTTP/1.0\r\n\r\n";
    static const char wanted[] = "HTTP/1.1 200 ";
    char answer[sizeof wanted] = "";
    size_t have = 0;

    if (send(fd, question, sizeof question - 1, MSG_NOSIGNAL) != (ssize_t)sizeof question - 1) {
        return way_fail(err, WAY_UNAVAILABLE, "", "cannot send");
    }
    while (have < sizeof answer - 1) {
        ssize_t got = recv(fd, answer + have, sizeof answer - 1 - have, 0);

        if (got <= 0) {
            return way_fail(err, WAY_UNAVAILABLE, "", "no answer");
        }
        have += (size_t)got;
    }
    /* HTTP/1.0 is answered in 1.0 or 1.1; only the status counts. */
    if (memcmp(answer, wanted, 5) != 0 || memcmp(answer + 8, wanted + 8, 5) != 0) {
        return way_fail(err, WAY_UNAVAILABLE, "", "the answer is not 200");
    }
    return WAY_OK;
}

enum way_status way_healthcheck(const char *listen, struct way_error *err)
{
    const struct timeval patience = {.tv_sec = WAY_HEALTHCHECK_MS / 1000};
    struct api_listen_address address;
    char reason[128];
    int fd;
    enum way_status status = api_listen_parse(listen, &address, err);

    if (status != WAY_OK) {
        return status;
    }
    make_reachable(&address);
    fd = socket(address.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return way_fail(err, WAY_UNAVAILABLE, "", "no socket");
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)(void *)&address.address, address.len) != 0) {
        status = way_fail(err, WAY_UNAVAILABLE, "", "cannot connect to %.100s: %s", listen,
                          strerror_r(errno, reason, sizeof reason));
    } else {
        status = ask(fd, err);
    }
    (void)close(fd);
    return status;
}
