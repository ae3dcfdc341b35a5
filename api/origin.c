/* SPDX-License-Identifier: MIT */
#include "api/origin.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define FIELD "cors-origin"

enum {
    HTTP_PORT = 80,
    HTTPS_PORT = 443,
    PORT_MAX = 65535,
    IPV6_GROUPS = 8,
    ADDRESS_BYTES = 16,
    LOOPBACK_NET = 127, /* 127.0.0.0/8 */
};

/* A part of what is read. */
struct span {
    const char *at;
    size_t len;
};

static bool is_alnum(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

/* --- hosts, as a browser writes them ---------------------------------------------------------- */

static bool copy_lower(struct span host, char out[static API_ORIGIN_HOST_MAX + 1])
{
    if (host.len == 0 || host.len > API_ORIGIN_HOST_MAX) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        if (host.at[i] == '\0') {
            return false;
        }
        out[i] = way_ascii_lower(host.at[i]);
    }
    out[host.len] = '\0';
    return true;
}

/* The first of the longest runs of zeros gets "::", when it is longer than one. */
static size_t find_zeros(const unsigned *groups, size_t *len)
{
    size_t best = 0;

    *len = 1;
    for (size_t at = 0; at < IPV6_GROUPS; at++) {
        size_t run = 0;

        while (at + run < IPV6_GROUPS && groups[at + run] == 0) {
            run++;
        }
        if (run > *len) {
            best = at;
            *len = run;
        }
    }
    return best;
}

/* inet_ntop() would write an address that holds one of IPv4 with dots; browsers do not. */
static void write_ipv6(const uint8_t *address, char *out, size_t size)
{
    unsigned groups[IPV6_GROUPS];
    size_t zeros_len;
    size_t zeros;
    size_t len = 1;

    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        groups[i] = (unsigned)address[2 * i] << 8 | address[2 * i + 1];
    }
    zeros = find_zeros(groups, &zeros_len);
    out[0] = '[';
    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        if (zeros_len > 1 && i == zeros) {
            len += (size_t)snprintf(out + len, size - len, i == 0 ? "::" : ":");
            i += zeros_len - 1;
        } else {
            len += (size_t)snprintf(out + len, size - len, i + 1 < IPV6_GROUPS ? "%x:" : "%x",
                                    groups[i]);
        }
    }
    (void)snprintf(out + len, size - len, "]");
}

static bool is_all_zero(const uint8_t *address, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (address[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool read_ipv6(struct span host, struct api_origin *out, char *name)
{
    char text[API_ORIGIN_HOST_MAX + 1];
    uint8_t address[ADDRESS_BYTES];

    host = (struct span){host.at + 1, host.len - 2};
    if (!copy_lower(host, text) || inet_pton(AF_INET6, text, address) != 1) {
        return false;
    }
    out->is_any_address = is_all_zero(address, ADDRESS_BYTES);
    out->is_loopback = is_all_zero(address, ADDRESS_BYTES - 1) && address[ADDRESS_BYTES - 1] == 1;
    write_ipv6(address, name, API_ORIGIN_HOST_MAX + 1);
    return true;
}

/* A browser takes every host whose last label is a number for an IPv4 address, also with a dot
 * behind it. */
static bool ends_in_number(const char *name)
{
    size_t len = strlen(name);
    size_t end = len > 0 && name[len - 1] == '.' ? len - 1 : len;
    size_t begin = end;

    while (begin > 0 && name[begin - 1] != '.') {
        begin--;
    }
    return strspn(name + begin, "0123456789") >= end - begin || strncmp(name + begin, "0x", 2) == 0;
}

/* Labels of letters, digits, hyphens and underscores; a dot may stand at the end. */
static bool is_name(const char *name)
{
    char before = '.';

    for (; *name != '\0'; name++) {
        if (!is_alnum(*name) && *name != '-' && *name != '_' && *name != '.') {
            return false;
        }
        if (*name == '.' && before == '.') {
            return false;
        }
        before = *name;
    }
    return true;
}

static bool read_name(struct span host, struct api_origin *out, char *name)
{
    uint8_t address[ADDRESS_BYTES];

    if (!copy_lower(host, name)) {
        return false;
    }
    if (inet_pton(AF_INET, name, address) == 1) {
        out->is_loopback = address[0] == LOOPBACK_NET;
        out->is_any_address = is_all_zero(address, sizeof(struct in_addr));
        return true;
    }
    /* Names below localhost are left to DNS by some browsers, so they prove nothing. */
    out->is_loopback = strcmp(name, "localhost") == 0;
    return is_name(name) && !ends_in_number(name);
}

/* --- origins ---------------------------------------------------------------------------------- */

static bool read_port(struct span text, struct api_origin *out)
{
    uint64_t port;

    if (text.len == 0) {
        out->port = out->is_https ? HTTPS_PORT : HTTP_PORT;
        return true;
    }
    if (text.at[0] != ':' || text.len < 2 || text.at[1] == '0' ||
        !way_u64_parse(text.at + 1, text.len - 1, PORT_MAX, &port)) {
        return false;
    }
    out->port = (uint16_t)port;
    return true;
}

/* Up to the port; the brackets of an IPv6 address are part of it. */
static size_t measure_host(struct span text)
{
    bool has_brackets = text.len > 0 && text.at[0] == '[';
    size_t len = 0;

    while (len < text.len && text.at[len] != (has_brackets ? ']' : ':')) {
        len++;
    }
    return has_brackets && len < text.len ? len + 1 : len;
}

static bool read_scheme(struct span *text, struct api_origin *out)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < WAY_COUNT_OF(schemes); i++) {
        size_t len = strlen(schemes[i]);

        if (text->len > len && way_ascii_equal_nocase(text->at, len, schemes[i], len)) {
            out->is_https = i == 1;
            *text = (struct span){text->at + len, text->len - len};
            return true;
        }
    }
    return false;
}

static bool read_origin(struct span text, struct api_origin *out)
{
    char name[API_ORIGIN_HOST_MAX + 1];
    struct span host;
    int len;

    if (!read_scheme(&text, out)) {
        return false;
    }
    host = (struct span){text.at, measure_host(text)};
    if (!read_port((struct span){text.at + host.len, text.len - host.len}, out)) {
        return false;
    }
    if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') {
        if (!read_ipv6(host, out, name)) {
            return false;
        }
    } else if (!read_name(host, out, name)) {
        return false;
    }
    len = snprintf(out->text, sizeof out->text, "%s://%s", out->is_https ? "https" : "http", name);
    if (out->port != (out->is_https ? HTTPS_PORT : HTTP_PORT)) {
        (void)snprintf(out->text + len, sizeof out->text - (size_t)len, ":%u", (unsigned)out->port);
    }
    return true;
}

enum way_status api_origin_parse(const char *text, size_t len, struct api_origin *out,
                                 struct way_error *err)
{
    struct api_origin origin = {0};

    if ((len == 1 && text[0] == '*') || (len == 4 && memcmp(text, "null", len) == 0)) {
        return way_fail(err, WAY_INVALID, FIELD,
                        "\"%.*s\" stands for pages of anybody; name each origin, as in "
                        "https://dash.example.org",
                        (int)len, text);
    }
    if (!read_origin((struct span){text, len}, &origin)) {
        return way_fail(err, WAY_INVALID, FIELD,
                        "\"%.*s\" is not an origin: http:// or https://, a host in ASCII, and "
                        ":PORT if it has one; no slash at its end",
                        len > 100 ? 100 : (int)len, text);
    }
    *out = origin;
    return WAY_OK;
}

enum way_status api_origins_add(struct api_origin_list *list, const char *text,
                                struct way_error *err)
{
    enum way_status status;

    if (list->count == API_ORIGINS_MAX) {
        return way_fail(err, WAY_INVALID, FIELD, "there may be %d origins", API_ORIGINS_MAX);
    }
    status = api_origin_parse(text, strlen(text), &list->items[list->count], err);
    list->count += status == WAY_OK;
    return status;
}

bool api_origins_have(const struct api_origin_list *list, const struct api_origin *origin)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].text, origin->text) == 0) {
            return true;
        }
    }
    return false;
}

/* The origin of pages that come from this address. False: it is none of IP. */
static bool of_address(const struct sockaddr *address, bool is_https, struct api_origin *out)
{
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)address;
    char host[INET6_ADDRSTRLEN];
    char text[API_ORIGIN_MAX + 1];
    bool is_ipv6 = address->sa_family == AF_INET6;
    int len;

    if (address->sa_family != AF_INET && !is_ipv6) {
        return false;
    }
    if (inet_ntop(address->sa_family,
                  is_ipv6 ? (const void *)&ipv6->sin6_addr : (const void *)&ipv4->sin_addr, host,
                  sizeof host) == NULL) {
        return false;
    }
    len = snprintf(text, sizeof text, is_ipv6 ? "%s://[%s]:%u" : "%s://%s:%u",
                   is_https ? "https" : "http", host,
                   (unsigned)ntohs(is_ipv6 ? ipv6->sin6_port : ipv4->sin_port));
    return api_origin_parse(text, (size_t)len, out, NULL) == WAY_OK;
}

/* Whether it is the address that this connection was made to, at a listener on all addresses. The
 * name that the request gives in Host is no proof: whoever owns a name can have it point here. */
static bool is_connected_to(const struct api_origin_list *own, const struct api_origin *origin,
                            const struct sockaddr *local)
{
    struct api_origin here = {0};

    for (size_t i = 0; i < own->count; i++) {
        const struct api_origin *listener = &own->items[i];

        if (listener->is_any_address && of_address(local, listener->is_https, &here) &&
            here.port == listener->port && strcmp(here.text, origin->text) == 0) {
            return true;
        }
    }
    return false;
}

bool api_origins_may_change(const struct api_origins *origins, const struct api_origin *origin,
                            const struct sockaddr *local)
{
    return origin->is_loopback || api_origins_have(&origins->allowed, origin) ||
           api_origins_have(&origins->own, origin) ||
           (local != NULL && is_connected_to(&origins->own, origin, local));
}
