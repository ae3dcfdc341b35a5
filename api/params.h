/* SPDX-License-Identifier: MIT */
/*
 * api/params - parameters that several operations share.
 *
 * Purpose  A key in a path or a query is read by the one normalisation, and a fault is
 *          told under the parameter's own name. `fallback=none`: only overrides (and
 *          literals); without it everything else is asked of real DNS. `min_revision=N`:
 *          an answer from data that is at least as new.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_INVALID with the parameter's name.
 */
#ifndef WAY_API_PARAMS_H
#define WAY_API_PARAMS_H

#include "api/request.h"
#include "model/key.h"

#include <stdint.h>

WAY_MUST_CHECK enum way_status api_param_key(struct api_bytes raw, struct way_key *key,
                                             struct way_error *err);
/* A mail address stands for its domain. */
WAY_MUST_CHECK enum way_status api_param_domain(struct api_bytes raw, struct way_key *domain,
                                                struct way_error *err);

/* A number in the query. */
struct api_number_rule {
    const char *name;
    uint64_t min;
    uint64_t max;
    bool is_required;
    uint64_t fallback; /* when it is left out */
};

WAY_MUST_CHECK enum way_status api_param_number(const struct api_request *request,
                                                const struct api_number_rule *rule, uint64_t *out,
                                                struct way_error *err);
WAY_MUST_CHECK enum way_status api_param_fallback(const struct api_request *request,
                                                  bool *is_dns_wanted, struct way_error *err);
/* 0, which every answer satisfies, when it is left out. */
WAY_MUST_CHECK enum way_status api_param_min_revision(const struct api_request *request,
                                                      uint64_t *min_revision,
                                                      struct way_error *err);

#endif
