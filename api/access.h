/* SPDX-License-Identifier: MIT */
/*
 * api/access - who may have an operation done.
 *
 * Purpose  Holds the token of a request against the tokens that there are, and its role
 *          against the route's scope, before a byte of the body is read.
 * Owns     Nothing.
 * Threads  The exchange's loop.
 * Errors   401, 403 and 429 as the exchange's answer. What was sent is never repeated.
 *
 * Sources  RFC 6750 2.1 and 3.
 */
#ifndef WAY_API_ACCESS_H
#define WAY_API_ACCESS_H

#include "api/exchange.h"

#include <sys/socket.h>

/* For a request that has its route. True: it may go on, and exchange->actor is set if there are
 * tokens to be known by. False: the answer is made; the exchange is still to be finished. */
WAY_MUST_CHECK bool api_access_check(struct api_exchange *exchange, const struct sockaddr *peer);

#endif
