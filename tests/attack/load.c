/* SPDX-License-Identifier: MIT */
/*
 * load HOST PORT CONNECTIONS MILLISECONDS TARGET - asks the same over connections that stay open,
 * each as soon as it is answered, and prints how many answers there were. All answers are taken to
 * be as long as the first one of their connection.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MOST = 64, ANSWER_BYTES = 4096, REQUEST_BYTES = 512, ARGUMENTS = 6 };

struct asker {
    size_t answer_len; /* 0: not known yet */
    size_t got;        /* of the answer that is coming */
};

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void die(const char *what)
{
    perror(what);
    _exit(1);
}

static int open_connection(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)(void *)&address, sizeof address) != 0) {
        die("connect");
    }
    return fd;
}

static void ask(int fd, const char *request, size_t len)
{
    if (send(fd, request, len, MSG_NOSIGNAL) != (ssize_t)len) {
        die("send");
    }
}

/* Takes what has come. Returns whether that is the end of an answer. */
static bool take(int fd, struct asker *asker)
{
    char answer[ANSWER_BYTES + 1];
    ssize_t got = recv(fd, answer, ANSWER_BYTES, 0);

    if (got <= 0) {
        die("recv");
    }
    if (asker->answer_len == 0) { /* a small answer comes in one piece */
        answer[got] = '\0';
        if (strncmp(answer, "HTTP/1.1 200", 12) != 0 || strstr(answer, "\r\n\r\n") == NULL) {
            (void)fprintf(stderr, "no answer to count: %.200s\n", answer);
            _exit(1);
        }
        asker->answer_len = (size_t)got;
    }
    asker->got += (size_t)got;
    if (asker->got < asker->answer_len) {
        return false;
    }
    asker->got = 0;
    return true;
}

static unsigned long run(struct pollfd *polled, nfds_t count, const char *request, size_t len,
                         uint64_t until_ms)
{
    struct asker askers[CONNECTIONS_MOST] = {0};
    unsigned long answers = 0;

    while (now_ms() < until_ms) {
        if (poll(polled, count, 100) < 0) {
            die("poll");
        }
        for (nfds_t i = 0; i < count; i++) {
            if (polled[i].revents != 0 && take(polled[i].fd, &askers[i])) {
                answers++;
                ask(polled[i].fd, request, len);
            }
        }
    }
    return answers;
}

int main(int count, char **arguments)
{
    struct pollfd polled[CONNECTIONS_MOST];
    char request[REQUEST_BYTES];
    nfds_t connections;
    int len;

    if (count != ARGUMENTS) {
        (void)fputs("usage: load HOST PORT CONNECTIONS MILLISECONDS TARGET\n", stderr);
        return 2;
    }
    connections = strtoul(arguments[3], NULL, 10);
    len = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: load\r\n\r\n", arguments[5]);
    if (connections > CONNECTIONS_MOST || len <= 0 || (size_t)len >= sizeof request) {
        return 2;
    }
    for (nfds_t i = 0; i < connections; i++) {
        polled[i] =
            (struct pollfd){.fd = open_connection(arguments[1], arguments[2]), .events = POLLIN};
        ask(polled[i].fd, request, (size_t)len);
    }
    printf("%lu\n", run(polled, connections, request, (size_t)len,
                        now_ms() + strtoul(arguments[4], NULL, 10)));
    return 0;
}
