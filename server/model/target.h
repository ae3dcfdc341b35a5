/* SPDX-License-Identifier: MIT */
/*
 * model/target - where mail goes instead: a host name or an IP address.
 *
 * Purpose  Targets have the same normal form as keys; what is refused here is what
 *          people write by habit and what would route mail wrongly: ports, schemes,
 *          URLs, mail addresses, lists.
 * Owns     Nothing.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_INVALID, field "target_host".
 */
#ifndef WAY_MODEL_TARGET_H
#define WAY_MODEL_TARGET_H

#include "model/key.h"

/* A target is stored and compared as a key is. */
struct way_target {
    struct way_key host;
};

WAY_MUST_CHECK enum way_status way_target_parse(const char *raw, size_t len, struct way_target *out,
                                                struct way_error *err);

#endif
