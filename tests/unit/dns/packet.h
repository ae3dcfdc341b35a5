/* SPDX-License-Identifier: MIT */
/*
 * unit/dns/packet - DNS messages made by hand, for tests.
 *
 * Names are written as they come, letter case and odd octets included, one label
 * between two dots; "" is the root, and "@12" a compression pointer to octet 12,
 * alone or behind labels ("mail.@12").
 */
#ifndef WAY_TESTS_UNIT_DNS_PACKET_H
#define WAY_TESTS_UNIT_DNS_PACKET_H

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PACKET_MAX = 65535 };

enum packet_section { SECTION_ANSWER = 6, SECTION_AUTHORITY = 8, SECTION_ADDITIONAL = 10 };

struct packet {
    size_t len;
    uint8_t bytes[PACKET_MAX];
};

static inline void packet_u8(struct packet *packet, unsigned value)
{
    packet->bytes[packet->len++] = (uint8_t)value;
}

static inline void packet_u16(struct packet *packet, unsigned value)
{
    packet_u8(packet, value >> 8 & 0xff);
    packet_u8(packet, value & 0xff);
}

static inline void packet_u32(struct packet *packet, uint32_t value)
{
    packet_u16(packet, value >> 16);
    packet_u16(packet, value & 0xffff);
}

static inline void packet_put_u16(struct packet *packet, size_t at, unsigned value)
{
    packet->bytes[at] = (uint8_t)(value >> 8);
    packet->bytes[at + 1] = (uint8_t)value;
}

static inline void packet_name(struct packet *packet, const char *name)
{
    while (*name != '\0' && *name != '@') {
        size_t len = strcspn(name, ".");

        packet_u8(packet, (unsigned)len);
        memcpy(packet->bytes + packet->len, name, len);
        packet->len += len;
        name += len + (name[len] == '.');
    }
    if (*name == '@') {
        packet_u16(packet, 0xc000U | (unsigned)strtoul(name + 1, NULL, 10));
    } else {
        packet_u8(packet, 0);
    }
}

/* A header and one question; the id is 0. */
static inline void packet_start(struct packet *packet, unsigned flags, const char *name,
                                unsigned type)
{
    packet->len = 0;
    packet_u16(packet, 0);
    packet_u16(packet, flags);
    packet_u16(packet, 1);
    packet_u16(packet, 0);
    packet_u16(packet, 0);
    packet_u16(packet, 0);
    packet_name(packet, name);
    packet_u16(packet, type);
    packet_u16(packet, ns_c_in);
}

/* Everything up to the data; packet_record_end() sets its length. */
static inline size_t packet_record(struct packet *packet, enum packet_section section,
                                   const char *owner, unsigned type, uint32_t ttl)
{
    size_t count = (size_t)section;

    packet_put_u16(packet, count,
                   (unsigned)(packet->bytes[count] << 8 | packet->bytes[count + 1]) + 1);
    packet_name(packet, owner);
    packet_u16(packet, type);
    packet_u16(packet, ns_c_in);
    packet_u32(packet, ttl);
    packet_u16(packet, 0);
    return packet->len;
}

static inline void packet_record_end(struct packet *packet, size_t data)
{
    packet_put_u16(packet, data - 2, (unsigned)(packet->len - data));
}

static inline void packet_address(struct packet *packet, const char *owner, uint32_t ttl,
                                  const char *address)
{
    int family = strchr(address, ':') == NULL ? AF_INET : AF_INET6;
    size_t data =
        packet_record(packet, SECTION_ANSWER, owner, family == AF_INET ? ns_t_a : ns_t_aaaa, ttl);

    if (inet_pton(family, address, packet->bytes + packet->len) != 1) {
        abort();
    }
    packet->len += family == AF_INET ? 4 : 16;
    packet_record_end(packet, data);
}

static inline void packet_mx(struct packet *packet, const char *owner, uint32_t ttl,
                             unsigned preference, const char *host)
{
    size_t data = packet_record(packet, SECTION_ANSWER, owner, ns_t_mx, ttl);

    packet_u16(packet, preference);
    packet_name(packet, host);
    packet_record_end(packet, data);
}

static inline void packet_cname(struct packet *packet, const char *owner, uint32_t ttl,
                                const char *target)
{
    size_t data = packet_record(packet, SECTION_ANSWER, owner, ns_t_cname, ttl);

    packet_name(packet, target);
    packet_record_end(packet, data);
}

static inline void packet_soa(struct packet *packet, const char *zone, uint32_t ttl,
                              uint32_t minimum)
{
    size_t data = packet_record(packet, SECTION_AUTHORITY, zone, ns_t_soa, ttl);

    packet_name(packet, "ns.example");
    packet_name(packet, "hostmaster.example");
    for (uint32_t number = 1; number <= 4; number++) {
        packet_u32(packet, number);
    }
    packet_u32(packet, minimum);
    packet_record_end(packet, data);
}

#endif
