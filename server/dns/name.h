/* SPDX-License-Identifier: MIT */
/*
 * dns/name - domain names as they stand on the wire.
 *
 * Purpose  Read names out of a message (RFC 1035 4.1.4), whatever the bytes are, and
 *          turn them into host names and back.
 * Owns     Nothing. A name is a plain value and may be copied with '='.
 * Threads  Pure functions; call from anywhere.
 * Errors   false: the bytes or the text are no such name; outputs are untouched.
 */
#ifndef WAY_DNS_NAME_H
#define WAY_DNS_NAME_H

#include "model/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WAY_DNS_NAME_MAX = 255,     /* octets on the wire, the root's label included */
    WAY_DNS_POINTERS_MAX = 127, /* compression pointers in one name: one for each label */
};

struct way_dns_name {
    size_t len;
    uint8_t octets[WAY_DNS_NAME_MAX]; /* labels with their lengths, ASCII letters in lower case */
};

/* The name that starts at `at`; `*end` is the place behind it. A compression pointer must lead
 * to a place before the labels that it follows, so that no name can loop. */
bool way_dns_name_read(const uint8_t *bytes, size_t len, size_t at, struct way_dns_name *out,
                       size_t *end);
/* A host name in the normal form of model/key; the root ("") is none. */
bool way_dns_name_from_host(const char *host, struct way_dns_name *out);
/* The host name: lower case, no trailing dot, "" for the root. False when a label has an octet
 * outside a-z 0-9 - _, with which no mail host can be reached. */
bool way_dns_name_to_host(const struct way_dns_name *name, char out[static WAY_KEY_MAX + 1]);

bool way_dns_name_equal(const struct way_dns_name *a, const struct way_dns_name *b);
/* True for the ancestor itself too. */
bool way_dns_name_is_under(const struct way_dns_name *name, const struct way_dns_name *ancestor);

#endif
