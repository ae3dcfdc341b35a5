/* SPDX-License-Identifier: MIT */
#include "api/http_listener.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIELD "listen"

static enum way_status parse_mode(const char *value, size_t len, struct api_listen_address *out,
                                  struct way_error *err)
{
    unsigned mode = 0;

    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '7' || len > 4) {
            return way_fail(err, WAY_INVALID, FIELD, "mode must be octal, as in mode=0660");
        }
        mode = mode * 8 + (unsigned)(value[i] - '0');
    }
    if (len == 0) {
        return way_fail(err, WAY_INVALID, FIELD, "mode must be octal, as in mode=0660");
    }
    out->has_mode = true;
    out->mode = mode;
    return WAY_OK;
}

static enum way_status parse_unix_option(const char *option, size_t len,
                                         struct api_listen_address *out, struct way_error *err)
{
    if (len > 5 && strncmp(option, "mode=", 5) == 0) {
        return parse_mode(option + 5, len - 5, out, err);
    }
    if (len > 6 && strncmp(option, "group=", 6) == 0 && len - 6 < sizeof out->group) {
        memcpy(out->group, option + 6, len - 6);
        out->group[len - 6] = '\0';
        return WAY_OK;
    }
    return way_fail(err, WAY_INVALID, FIELD,
                    "a unix socket takes the options mode=0660 and group=NAME");
}

static enum way_status parse_unix(const char *text, struct api_listen_address *out,
                                  struct way_error *err)
{
    struct sockaddr_un *address = (struct sockaddr_un *)(void *)&out->address;
    size_t path_len = strcspn(text, "?");
    const char *options = text + path_len;

    if (path_len == 0 || path_len >= sizeof address->sun_path) {
        return way_fail(err, WAY_INVALID, FIELD, "a unix socket's path has 1 to %zu bytes",
                        sizeof address->sun_path - 1);
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, text, path_len);
    out->len = sizeof *address;
    out->is_loopback = true;
    while (*options != '\0') {
        size_t len = strcspn(options + 1, "&");
        enum way_status status = parse_unix_option(options + 1, len, out, err);

        if (status != WAY_OK) {
            return status;
        }
        options += len + 1;
    }
    return WAY_OK;
}

static bool set_ipv4(const char *host, uint16_t port, struct api_listen_address *out)
{
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)&out->address;

    if (inet_pton(AF_INET, host, &address->sin_addr) != 1) {
        return false;
    }
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    out->len = sizeof *address;
    out->is_loopback = ntohl(address->sin_addr.s_addr) >> 24 == 127;
    return true;
}

static bool set_ipv6(const char *host, uint16_t port, struct api_listen_address *out)
{
    struct sockaddr_in6 *address = (struct sockaddr_in6 *)(void *)&out->address;

    if (inet_pton(AF_INET6, host, &address->sin6_addr) != 1) {
        return false;
    }
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(port);
    out->len = sizeof *address;
    out->is_loopback = IN6_IS_ADDR_LOOPBACK(&address->sin6_addr);
    return true;
}

static enum way_status parse_host_and_port(const char *text, struct api_listen_address *out,
                                           struct way_error *err)
{
    const char *colon = strrchr(text, ':');
    char host[64];
    size_t host_len;
    uint64_t port;
    bool has_brackets;

    if (colon == NULL || !way_u64_parse(colon + 1, strlen(colon + 1), 65535, &port)) {
        return way_fail(err, WAY_INVALID, FIELD,
                        "\"%.100s\": an address has the form HOST:PORT, [IPv6]:PORT or unix:PATH",
                        text);
    }
    host_len = (size_t)(colon - text);
    has_brackets = host_len >= 2 && text[0] == '[' && colon[-1] == ']';
    if (has_brackets) {
        text++;
        host_len -= 2;
    }
    if (host_len >= sizeof host) {
        return way_fail(err, WAY_INVALID, FIELD, "\"%.100s\": the host is too long", text);
    }
    memcpy(host, text, host_len);
    host[host_len] = '\0';
    if (!has_brackets && strcmp(host, "localhost") == 0) {
        (void)snprintf(host, sizeof host, "127.0.0.1");
    }
    if (has_brackets ? set_ipv6(host, (uint16_t)port, out) : set_ipv4(host, (uint16_t)port, out)) {
        return WAY_OK;
    }
    return way_fail(err, WAY_INVALID, FIELD,
                    "\"%.100s\": the host must be an IPv4 address, an IPv6 address in brackets or "
                    "localhost",
                    host);
}

static enum way_status parse_tcp(const char *text, struct api_listen_address *out,
                                 struct way_error *err)
{
    char address[API_LISTEN_TEXT_MAX];
    size_t len = strcspn(text, "?");
    const char *option = text + len;

    if (strcmp(option, "?tls=on") == 0) {
        out->tls = API_LISTEN_TLS_ON;
    } else if (strcmp(option, "?tls=off") == 0) {
        out->tls = API_LISTEN_TLS_OFF;
    } else if (*option != '\0') {
        return way_fail(err, WAY_INVALID, FIELD,
                        "\"%.100s\": a TCP address takes the option tls=on or tls=off", text);
    }
    if (len >= sizeof address) {
        return way_fail(err, WAY_INVALID, FIELD, "\"%.100s\": the address is too long", text);
    }
    memcpy(address, text, len);
    address[len] = '\0';
    return parse_host_and_port(address, out, err);
}

bool api_listen_speaks_tls(const struct api_listen_address *address, bool has_certificate)
{
    return has_certificate && address->address.ss_family != AF_UNIX &&
           address->tls != API_LISTEN_TLS_OFF;
}

enum way_status api_listen_parse(const char *text, struct api_listen_address *out,
                                 struct way_error *err)
{
    struct api_listen_address address;
    enum way_status status;

    memset(&address, 0, sizeof address);
    status = strncmp(text, "unix:", 5) == 0 ? parse_unix(text + 5, &address, err)
                                            : parse_tcp(text, &address, err);
    if (status == WAY_OK) {
        *out = address;
    }
    return status;
}

static const char *describe(const struct sockaddr_storage *address, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";

    if (address->ss_family == AF_UNIX) {
        (void)snprintf(out, size, "unix:%s",
                       ((const struct sockaddr_un *)(const void *)address)->sun_path);
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)address;

        (void)inet_ntop(AF_INET6, &ipv6->sin6_addr, host, sizeof host);
        (void)snprintf(out, size, "[%s]:%u", host, (unsigned)ntohs(ipv6->sin6_port));
    } else {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)address;

        (void)inet_ntop(AF_INET, &ipv4->sin_addr, host, sizeof host);
        (void)snprintf(out, size, "%s:%u", host, (unsigned)ntohs(ipv4->sin_port));
    }
    return out;
}

static enum way_status fail_errno(const struct sockaddr_storage *address, const char *what,
                                  struct way_error *err)
{
    int code = errno;
    char text[API_LISTEN_TEXT_MAX];
    char reason[128];

    return way_fail(err, WAY_UNAVAILABLE, FIELD, "cannot %s %s: %s", what,
                    describe(address, text, sizeof text), strerror_r(code, reason, sizeof reason));
}

static int open_socket(const struct api_listen_address *address, bool may_share)
{
    int on = 1;
    int fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    /* None of these can fail on a fresh socket of these families. */
    if (address->address.ss_family != AF_UNIX) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (address->address.ss_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (may_share) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    return fd;
}

static bool has_port(const struct api_listen_address *address)
{
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)&address->address;
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)&address->address;

    return address->address.ss_family == AF_INET ? ipv4->sin_port != 0 : ipv6->sin6_port != 0;
}

/* Two processes that start at the same moment would both pass the probe. An abstract unix socket
 * named after the address can be bound by one only, and goes with its process (unix(7)). */
static enum way_status lock_address(const struct api_listen_address *address,
                                    struct api_listener *out, struct way_error *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char text[API_LISTEN_TEXT_MAX];
    int len = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "waypost:%.80s",
                       describe(&address->address, text, sizeof text));

    if (!has_port(address)) {
        return WAY_OK; /* the kernel gives each process another one */
    }
    out->lock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (out->lock < 0 ||
        bind(out->lock, (const struct sockaddr *)(const void *)&name,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) != 0) {
        return fail_errno(&address->address, "listen on", err);
    }
    return WAY_OK;
}

/* With SO_REUSEPORT a second process on the port would silently take half of the connections; a
 * plain bind tells whether somebody is there. */
static enum way_status probe(const struct api_listen_address *address, struct way_error *err)
{
    int fd = open_socket(address, false);
    enum way_status status = WAY_OK;

    if (fd < 0 ||
        bind(fd, (const struct sockaddr *)(const void *)&address->address, address->len) != 0) {
        status = fail_errno(&address->address, "listen on", err);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

static enum way_status open_tcp(const struct api_listen_address *address, size_t loops,
                                struct api_listener *out, struct way_error *err)
{
    struct api_listen_address bound = *address;
    enum way_status status = lock_address(address, out, err);

    if (status == WAY_OK) {
        status = probe(address, err);
    }
    while (status == WAY_OK && out->count < loops) {
        int fd = open_socket(&bound, true);

        if (fd >= 0) {
            out->descriptors[out->count++] = fd;
        }
        if (fd < 0 || bind(fd, (struct sockaddr *)(void *)&bound.address, bound.len) != 0 ||
            listen(fd, API_LISTEN_BACKLOG) != 0) {
            status = fail_errno(&bound.address, "listen on", err);
        }
        /* Port 0 has become a real one, which the other loops share. */
        else if (getsockname(fd, (struct sockaddr *)(void *)&bound.address, &bound.len) != 0) {
            status = fail_errno(&bound.address, "ask the port of", err);
        }
    }
    (void)describe(&bound.address, out->text, sizeof out->text);
    return status;
}

/* A socket file that nobody answers on was left by a process that died. */
static enum way_status remove_stale(const struct api_listen_address *address, struct way_error *err)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&address->address;
    struct stat info;
    bool refused;
    int fd;
    int rc;

    if (lstat(un->sun_path, &info) != 0) {
        return WAY_OK;
    }
    if (!S_ISSOCK(info.st_mode)) {
        return way_fail(err, WAY_UNAVAILABLE, FIELD, "cannot listen on unix:%s: it is not a socket",
                        un->sun_path);
    }
    fd = open_socket(address, false);
    if (fd < 0) {
        return fail_errno(&address->address, "listen on", err);
    }
    rc = connect(fd, (const struct sockaddr *)(const void *)un, address->len);
    refused = rc != 0 && errno == ECONNREFUSED;
    (void)close(fd);
    if (!refused) {
        return way_fail(err, WAY_UNAVAILABLE, FIELD,
                        "cannot listen on unix:%s: another process does", un->sun_path);
    }
    if (unlink(un->sun_path) != 0) {
        return fail_errno(&address->address, "remove the stale socket", err);
    }
    return WAY_OK;
}

static enum way_status set_owner(const struct api_listen_address *address, const char *path,
                                 struct way_error *err)
{
    const struct group *group = NULL;

    if (address->group[0] != '\0') {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet */
        group = getgrnam(address->group);
        if (group == NULL) {
            return way_fail(err, WAY_UNAVAILABLE, FIELD, "there is no group \"%s\"",
                            address->group);
        }
        if (chown(path, (uid_t)-1, group->gr_gid) != 0) {
            return fail_errno(&address->address, "change the group of", err);
        }
    }
    if (address->has_mode && chmod(path, (mode_t)address->mode) != 0) {
        return fail_errno(&address->address, "change the mode of", err);
    }
    return WAY_OK;
}

static void note_file(struct api_listener *listener)
{
    struct stat info;

    if (lstat(listener->path, &info) == 0) {
        listener->device = info.st_dev;
        listener->inode = info.st_ino;
    }
}

/* Somebody may have removed our file and put another socket there. */
static bool is_our_file(const struct api_listener *listener)
{
    struct stat info;

    return lstat(listener->path, &info) == 0 && info.st_dev == listener->device &&
           info.st_ino == listener->inode;
}

static enum way_status open_unix(const struct api_listen_address *address, size_t loops,
                                 struct api_listener *out, struct way_error *err)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&address->address;
    enum way_status status = remove_stale(address, err);
    int fd;

    if (status != WAY_OK) {
        return status;
    }
    fd = open_socket(address, false);
    if (fd < 0 || bind(fd, (const struct sockaddr *)(const void *)un, address->len) != 0) {
        status = fail_errno(&address->address, "listen on", err);
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    out->is_unix = true;
    out->count = loops;
    for (size_t i = 0; i < loops; i++) {
        out->descriptors[i] = fd;
    }
    memcpy(out->path, un->sun_path, sizeof out->path);
    note_file(out);
    (void)describe(&address->address, out->text, sizeof out->text);
    status = set_owner(address, un->sun_path, err);
    if (status == WAY_OK && listen(fd, API_LISTEN_BACKLOG) != 0) {
        status = fail_errno(&address->address, "listen on", err);
    }
    return status;
}

enum way_status api_listener_open(const struct api_listen_address *address, size_t loops,
                                  struct api_listener *out, struct way_error *err)
{
    enum way_status status;

    memset(out, 0, sizeof *out);
    out->lock = -1;
    WAY_ASSERT(loops <= API_LISTEN_LOOPS_MAX);
    status = address->address.ss_family == AF_UNIX ? open_unix(address, loops, out, err)
                                                   : open_tcp(address, loops, out, err);
    if (status != WAY_OK) {
        api_listener_close(out);
    }
    return status;
}

void api_listener_close(struct api_listener *listener)
{
    for (size_t i = 0; i < listener->count; i++) {
        if (i == 0 || !listener->is_unix) {
            (void)close(listener->descriptors[i]);
        }
    }
    if (listener->lock >= 0) {
        (void)close(listener->lock);
        listener->lock = -1;
    }
    if (listener->is_unix && listener->count > 0 && is_our_file(listener)) {
        (void)unlink(listener->path);
    }
    listener->count = 0;
}
