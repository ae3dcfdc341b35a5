/* SPDX-License-Identifier: MIT */
/*
 * dns/message - what one answer from a DNS server says about one question.
 *
 * Purpose  Bytes in, verdict out: the rcode, the chain of CNAMEs, the records of the
 *          type that was asked, how long all that holds. Whatever the bytes are, the
 *          parser reads nothing outside them and its work is bounded by their number.
 * Owns     The records of a struct way_dns_message, until way_dns_message_fini().
 * Threads  Pure functions; call from anywhere.
 * Errors   As verdicts.
 */
#ifndef WAY_DNS_MESSAGE_H
#define WAY_DNS_MESSAGE_H

#include "dns/resolver.h"

enum way_dns_verdict {
    WAY_DNS_SAYS_FOUND,
    WAY_DNS_SAYS_NO_DATA,
    WAY_DNS_SAYS_NXDOMAIN,
    WAY_DNS_SAYS_ASK_AGAIN, /* it ends in a CNAME and says nothing of the target: ask for that */
    WAY_DNS_SAYS_FORMERR,   /* the server could not read the query; old ones stumble over EDNS */
    WAY_DNS_SAYS_FAILURE    /* another rcode, truncated, malformed, a referral, a CNAME loop, more
                               than WAY_DNS_RECORDS_MAX records, none that is usable, no memory */
};

struct way_dns_message {
    enum way_dns_verdict verdict;
    uint32_t ttl;                   /* seconds; as in struct way_dns_answer */
    unsigned links;                 /* CNAMEs that were followed, at most WAY_DNS_CNAMES_MAX */
    char target[WAY_KEY_MAX + 1];   /* WAY_DNS_SAYS_ASK_AGAIN: for which name, else "" */
    size_t count;                   /* WAY_DNS_SAYS_FOUND: at least 1, else 0 */
    struct way_dns_record *records; /* owned; in the order of the wire */
};

/* Judges `bytes` as the answer to (`name`, `type`), `name` in the normal form of model/key. Fills
 * the whole of *out, whatever the verdict. */
void way_dns_message_parse(const uint8_t *bytes, size_t len, enum way_dns_type type,
                           const char *name, struct way_dns_message *out);
void way_dns_message_fini(struct way_dns_message *message);

#endif
