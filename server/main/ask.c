/* SPDX-License-Identifier: MIT */
#include "main/ask.h"

#include "api/http_listener.h"
#include "base/text.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    QUESTION_MAX = 512, /* bytes of a request */
    STATUS_AT = 9,      /* behind "HTTP/1.1 " */
    STATUS_DIGITS = 3,
};

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

static enum way_status send_question(int fd, const char *question, const char *secret,
                                     struct way_error *err)
{
    char bytes[QUESTION_MAX];
    /* HTTP/1.0: the answer ends with the connection, and no Host is needed. */
    int len = snprintf(bytes, sizeof bytes, "%s HTTP/1.0\r\n%s%s%s\r\n", question,
                       secret[0] == '\0' ? "" : "Authorization: Bearer ", secret,
                       secret[0] == '\0' ? "" : "\r\n");
    ssize_t sent;

    WAY_ASSERT(len > 0 && (size_t)len < sizeof bytes);
    sent = send(fd, bytes, (size_t)len, MSG_NOSIGNAL);
    explicit_bzero(bytes, sizeof bytes);
    return sent == len ? WAY_OK : way_fail(err, WAY_UNAVAILABLE, "", "cannot send");
}

/* HTTP/1.0 is answered in 1.0 or 1.1. */
static bool read_status(const char *head, unsigned *status)
{
    uint64_t number;

    if (strlen(head) < STATUS_AT + STATUS_DIGITS || strncmp(head, "HTTP/", 5) != 0 ||
        !way_u64_parse(head + STATUS_AT, STATUS_DIGITS, 999, &number)) {
        return false;
    }
    *status = (unsigned)number;
    return true;
}

static enum way_status read_reply(int fd, struct way_reply *reply, struct way_error *err)
{
    size_t have = 0;
    ssize_t got = 1;
    char *end;

    while (got > 0 && have < sizeof reply->bytes - 1) {
        got = recv(fd, reply->bytes + have, sizeof reply->bytes - 1 - have, 0);
        have += got > 0 ? (size_t)got : 0;
    }
    reply->bytes[have] = '\0';
    end = strstr(reply->bytes, "\r\n\r\n");
    if (end == NULL || !read_status(reply->bytes, &reply->status)) {
        return way_fail(err, WAY_UNAVAILABLE, "",
                        have == 0 ? "no answer" : "the answer is not HTTP");
    }
    reply->body = end + 4;
    return WAY_OK;
}

static enum way_status reach(int fd, const char *listen, const struct api_listen_address *address,
                             struct way_error *err)
{
    char reason[128];

    if (connect(fd, (const struct sockaddr *)(const void *)&address->address, address->len) == 0) {
        return WAY_OK;
    }
    return way_fail(err, errno == ECONNREFUSED || errno == ENOENT ? WAY_NOT_FOUND : WAY_UNAVAILABLE,
                    "", "cannot connect to %.100s: %s", listen,
                    strerror_r(errno, reason, sizeof reason));
}

enum way_status way_ask(const char *listen, const char *question, const char *secret,
                        unsigned patience_ms, struct way_reply *reply, struct way_error *err)
{
    const struct timeval patience = {.tv_sec = patience_ms / 1000,
                                     .tv_usec = (suseconds_t)(patience_ms % 1000) * 1000};
    struct api_listen_address address;
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
    status = reach(fd, listen, &address, err);
    if (status == WAY_OK) {
        status = send_question(fd, question, secret, err);
    }
    if (status == WAY_OK) {
        status = read_reply(fd, reply, err);
    }
    (void)close(fd);
    return status;
}
