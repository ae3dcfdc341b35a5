/* SPDX-License-Identifier: MIT */
/*
 * api/fallback - the parameter that says whether DNS may answer.
 *
 * Purpose  `fallback=none`: only overrides (and literals). Without it everything else is
 *          asked of real DNS.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_INVALID, field "fallback".
 */
#ifndef WAY_API_FALLBACK_H
#define WAY_API_FALLBACK_H

#include "api/request.h"

WAY_MUST_CHECK enum way_status api_fallback_read(const struct api_request *request,
                                                 bool *is_dns_wanted, struct way_error *err);

#endif
