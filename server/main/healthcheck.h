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

#include "base/status.h"

enum { WAY_HEALTHCHECK_MS = 3000 /* for the whole question */ };

/* `listen`: an address as --listen takes it; an unspecified one (0.0.0.0, [::]) is asked on
 * loopback. */
WAY_MUST_CHECK enum way_status way_healthcheck(const char *listen, struct way_error *err);

#endif
