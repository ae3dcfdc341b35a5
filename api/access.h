/* SPDX-License-Identifier: MIT */
/*
 * api/access - who may have an operation done.
 *
 * Purpose  Holds the token of a request against the tokens that there are, and its role
 *          against the route's scope, and the page that asks against those that may change
 *          something, before a byte of the body is read.
 * Owns     Nothing.
 * Threads  The exchange's loop.
 * Errors   401, 403 and 429 as the exchange's answer. Nothing of a token is repeated in it.
 *
 * Sources  RFC 6750 2.1 and 3.
 */
#ifndef WAY_API_ACCESS_H
#define WAY_API_ACCESS_H

#include "api/exchange.h"

#include <sys/socket.h>

/* For a request that has its route. A browser lets any page send changes, and asks nobody about
 * some of them; so these are done for pages that are known only. `fd`: the connection. As
 * api_access_check() it returns false when the answer is made. */
WAY_MUST_CHECK bool api_access_check_origin(struct api_exchange *exchange, int fd);
/* For a request that has its route. True: it may go on, and exchange->actor is set if there are
 * tokens to be known by. False: the answer is made; the exchange is still to be finished. */
WAY_MUST_CHECK bool api_access_check(struct api_exchange *exchange, const struct sockaddr *peer);

#endif
