/* SPDX-License-Identifier: MIT */
/*
 * model/key - the normal form of a lookup key.
 *
 * Purpose  One spelling per name. Everything that stores, compares or looks up an
 *          override does so by struct way_key, never by raw text; so a stored key
 *          always matches.
 * Owns     Nothing. A key is a plain value and may be copied with '='.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_INVALID, field "lookup_key"; WAY_NO_MEMORY (IDNA only).
 *
 * Rules    White space around goes; brackets must pair and go; a prefix "ipv6:" in
 *          any case goes and must be followed by an IPv6 address; one trailing dot
 *          goes. An IP address becomes its canonical text (RFC 5952; IPv4-mapped
 *          stays IPv6; zone ids are refused). Anything else is a domain: lower case,
 *          labels of 1-63 octets of a-z 0-9 - _, at most 253 octets, the last label
 *          not a number (digits, or 0x and hexadecimal digits: inet_aton(3) reads both). Names with
 * non-ASCII octets go through UTS 46 (non-transitional) first.
 */
#ifndef WAY_MODEL_KEY_H
#define WAY_MODEL_KEY_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WAY_KEY_MAX = 253,        /* octets of a name in text form, without the root dot */
    WAY_LABEL_MAX = 63,       /* octets, RFC 1035 2.3.4 */
    WAY_KEY_INPUT_MAX = 1024, /* octets of a spelling we look at: UTS 46 may shrink a long one */
};

enum way_key_kind { WAY_KEY_DOMAIN, WAY_KEY_IPV4, WAY_KEY_IPV6 };

struct way_key {
    uint8_t len;
    uint8_t kind;               /* enum way_key_kind */
    char text[WAY_KEY_MAX + 1]; /* NUL-ended */
};

/* Reads `len` bytes (NULs and all). On failure *out is untouched. */
WAY_MUST_CHECK enum way_status way_key_parse(const char *raw, size_t len, struct way_key *out,
                                             struct way_error *err);
/* Like way_key_parse, for a mail address or a domain: `user@domain` gives the domain's key. */
WAY_MUST_CHECK enum way_status
way_key_parse_mail_domain(const char *raw, size_t len, struct way_key *out, struct way_error *err);
/* For text that way_key_parse() once wrote and a database gave back: fails unless it is in normal
 * form to the byte. Cheaper than parsing. */
WAY_MUST_CHECK enum way_status way_key_restore(const char *text, size_t len, struct way_key *out);
bool way_key_equal(const struct way_key *a, const struct way_key *b);
bool way_key_is_address(const struct way_key *key);
/* RFC 5952 text of 16 octets in network order; `out` holds at least WAY_KEY_MAX + 1 bytes. */
void way_ipv6_format(const unsigned char address[static 16], char *out);

#endif
