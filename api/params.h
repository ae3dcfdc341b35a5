/* SPDX-License-Identifier: MIT */
/*
 * api/params - parameters that several operations share.
 *
 * Purpose  A key in a path or a query is read by the one normalisation, and a fault is
 *          told under the parameter's own name. `fallback=none`: only overrides (and
 *          literals); without it everything else is asked of real DNS.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_INVALID, field "key", "domain" or "fallback".
 */
#ifndef WAY_API_PARAMS_H
#define WAY_API_PARAMS_H

#include "api/request.h"
#include "model/key.h"

WAY_MUST_CHECK enum way_status api_param_key(struct api_bytes raw, struct way_key *key,
                                             struct way_error *err);
/* A mail address stands for its domain. */
WAY_MUST_CHECK enum way_status api_param_domain(struct api_bytes raw, struct way_key *domain,
                                                struct way_error *err);
WAY_MUST_CHECK enum way_status api_param_fallback(const struct api_request *request,
                                                  bool *is_dns_wanted, struct way_error *err);

#endif
