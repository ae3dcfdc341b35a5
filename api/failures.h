/* SPDX-License-Identifier: MIT */
/*
 * api/failures - how many wrong tokens an address has sent of late.
 *
 * Purpose  Make guessing slow without ever locking out a right token: only wrong ones are
 *          counted, and only they are answered 429.
 * Owns     A table of a fixed size. When it is full, the address of a set that has been
 *          quiet for longest is forgotten.
 * Threads  Any; the table has a lock, taken for wrong tokens only.
 * Errors   new(): NULL, out of memory.
 *
 * IPv6 is counted by /64, which one client has as a whole. All unix sockets are one
 * address.
 */
#ifndef WAY_API_FAILURES_H
#define WAY_API_FAILURES_H

#include <stdint.h>
#include <sys/socket.h>

enum {
    API_FAILURES_MAX = 30, /* wrong tokens of one address in API_FAILURES_MS; more are 429 */
    API_FAILURES_MS = 60000,
    API_FAILURES_ADDRESSES_MAX = 1024, /* addresses whose wrong tokens are remembered at a time */
};

struct api_failures;

struct api_failures *api_failures_new(void);
/* NULL is fine. */
void api_failures_free(struct api_failures *failures);

/* Counts a wrong token from `address`. 0: it is one of those that are answered 401. Else in how
 * many seconds another one will be. */
unsigned api_failures_count(struct api_failures *failures, const struct sockaddr *address,
                            uint64_t now_ms);

#endif
