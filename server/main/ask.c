/* SPDX-License-Identifier: MIT */
#include "main/ask.h"

#include "api/http_listener.h"
#include "base/text.h"
#include "main/ask_tls.h"

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

/* A socket, and what is spoken over it. */
struct line {
    int fd;
    struct way_tls_client *tls; /* NULL: plain */
};

static ssize_t put(const struct line *line, const char *bytes, size_t len)
{
    return line->tls != NULL ? way_tls_client_send(line->tls, bytes, len)
                             : send(line->fd, bytes, len, MSG_NOSIGNAL);
}

static ssize_t get(const struct line *line, char *bytes, size_t size)
{
    return line->tls != NULL ? way_tls_client_receive(line->tls, bytes, size)
                             : recv(line->fd, bytes, size, 0);
}

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

static enum way_status send_question(const struct line *line, const struct way_question *question,
                                     struct way_error *err)
{
    char bytes[QUESTION_MAX];
    const char *secret = question->secret;
    /* HTTP/1.0: the answer ends with the connection, and no Host is needed. */
    int len = snprintf(bytes, sizeof bytes, "%s HTTP/1.0\r\n%s%s%s\r\n", question->line,
                       secret[0] == '\0' ? "" : "Authorization: Bearer ", secret,
                       secret[0] == '\0' ? "" : "\r\n");
    ssize_t sent;

    WAY_ASSERT(len > 0 && (size_t)len < sizeof bytes);
    sent = put(line, bytes, (size_t)len);
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

static enum way_status read_reply(const struct line *line, struct way_reply *reply,
                                  struct way_error *err)
{
    size_t have = 0;
    ssize_t got = 1;
    char *end;

    while (got > 0 && have < sizeof reply->bytes - 1) {
        got = get(line, reply->bytes + have, sizeof reply->bytes - 1 - have);
        have += got > 0 ? (size_t)got : 0;
    }
    reply->bytes[have] = '\0';
    if (line->tls != NULL && way_tls_client_alert(line->tls) != NULL) {
        /* With TLS 1.3 a client certificate is judged after the client's side of the handshake. */
        return way_fail(err, WAY_UNAVAILABLE, "", "no TLS handshake: %s",
                        way_tls_client_alert(line->tls));
    }
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

enum way_status way_ask_where(const struct way_options *options, struct way_question *question,
                              struct way_error *err)
{
    bool has_certificate = options->tls_cert[0] != '\0';
    bool is_asked_for_one = options->tls_client_ca[0] != '\0';

    for (size_t i = 0; i < options->listen.count; i++) {
        struct api_listen_address address;
        enum way_status status = api_listen_parse(options->listen.items[i], &address, err);
        bool is_tls;

        if (status != WAY_OK) {
            return status;
        }
        is_tls = api_listen_speaks_tls(&address, has_certificate);
        if (!is_tls || !is_asked_for_one) {
            question->listen = options->listen.items[i];
            question->is_tls = is_tls;
            return WAY_OK;
        }
    }
    return way_fail(err, WAY_INVALID, "listen",
                    "with --tls-client-ca only a plain address can be asked, and there is none: "
                    "add one, as in unix:PATH or 127.0.0.1:PORT?tls=off");
}

static enum way_status talk(const struct line *line, const struct way_question *question,
                            struct way_reply *reply, struct way_error *err)
{
    enum way_status status = send_question(line, question, err);

    return status == WAY_OK ? read_reply(line, reply, err) : status;
}

enum way_status way_ask(const struct way_question *question, struct way_reply *reply,
                        struct way_error *err)
{
    const struct timeval patience = {.tv_sec = question->patience_ms / 1000,
                                     .tv_usec = (suseconds_t)(question->patience_ms % 1000) * 1000};
    struct api_listen_address address;
    struct line line = {0};
    enum way_status status = api_listen_parse(question->listen, &address, err);

    if (status != WAY_OK) {
        return status;
    }
    make_reachable(&address);
    line.fd = socket(address.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line.fd < 0) {
        return way_fail(err, WAY_UNAVAILABLE, "", "no socket");
    }
    (void)setsockopt(line.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(line.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    status = reach(line.fd, question->listen, &address, err);
    if (status == WAY_OK && question->is_tls) {
        status = way_tls_client_open(line.fd, question->pin, &line.tls, err);
    }
    if (status == WAY_OK) {
        status = talk(&line, question, reply, err);
    }
    way_tls_client_close(line.tls);
    (void)close(line.fd);
    return status;
}
