/* SPDX-License-Identifier: MIT */
/*
 * main/healthcheck - asks a running instance whether it is alive, without a tool beside us.
 *
 * Purpose  For a container's health check: its image has no curl.
 * Owns     Nothing.
 * Threads  main's.
 * Errors   WAY_UNAVAILABLE with what was seen; WAY_INVALID for an address that does not parse.
 */
#ifndef WAY_MAIN_HEALTHCHECK_H
#define WAY_MAIN_HEALTHCHECK_H

#include "main/options.h"

enum { WAY_HEALTHCHECK_MS = 3000 /* for the whole question */ };

/* Nothing secret is sent, and the files of a renewal may lie there before SIGHUP: so over TLS any
 * certificate will do. */
WAY_MUST_CHECK enum way_status way_healthcheck(const struct way_options *options,
                                               struct way_error *err);

#endif
