/* SPDX-License-Identifier: MIT */
/*
 * fuzz/dns_servers - dns/server_list: which DNS servers to ask.
 *
 * Input  A list.
 * Law    An accepted list has at least one server, each with a port, and written in full
 * ("ADDR:PORT",
 *        "[ADDR]:PORT") is accepted and the same.
 */
#include "law.h"

#include "dns/server_list.h"

#include <arpa/inet.h>

enum { LIST_BYTES_MAX = WAY_DNS_SERVERS_MAX * (INET6_ADDRSTRLEN + 10) };

static void write_list(const struct way_dns_server_list *list, char out[static LIST_BYTES_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct way_dns_server *server = &list->servers[i];
        char address[INET6_ADDRSTRLEN];

        LAW(server->port > 0);
        LAW(inet_ntop(server->is_ipv6 ? AF_INET6 : AF_INET, server->address, address,
                      sizeof address) != NULL);
        len += (size_t)snprintf(out + len, LIST_BYTES_MAX - len,
                                server->is_ipv6 ? "%s[%s]:%u" : "%s%s:%u", i == 0 ? "" : ",",
                                address, (unsigned)server->port);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, size};
    struct way_dns_server_list list;
    struct way_dns_server_list again;
    struct way_error err;
    char written[LIST_BYTES_MAX];
    char *text = feed_string(&feed, '\0');

    if (way_dns_server_list_parse(text, &list, &err) == WAY_OK) {
        LAW(list.count >= 1 && list.count <= WAY_DNS_SERVERS_MAX);
        write_list(&list, written);
        LAW(way_dns_server_list_parse(written, &again, NULL) == WAY_OK);
        LAW(way_dns_server_list_equal(&list, &again));
    } else {
        LAW(err.status == WAY_INVALID && strcmp(err.field, "dns") == 0);
    }
    free(text);
    return 0;
}
