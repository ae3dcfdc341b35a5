/* SPDX-License-Identifier: MIT */
/*
 * main/reload - `waypost reload`: says that rows were changed by SQL.
 *
 * Purpose  A database that is shared is told itself, from any machine, and every instance
 *          sees it there. An SQLite file belongs to its one instance, so that one is
 *          asked by HTTP.
 * Owns     Nothing.
 * Threads  main's; it makes a writer's and ends it.
 * Errors   WAY_INVALID: settings. WAY_UNAVAILABLE, WAY_UNSETTLED, WAY_NOT_FOUND (no
 *          instance listens) and others with what was seen.
 */
#ifndef WAY_MAIN_RELOAD_H
#define WAY_MAIN_RELOAD_H

#include "main/options.h"

enum { WAY_RELOAD_MS = 10000 /* the whole change, or the instance's answer, takes no longer */ };

/* Appends "revision=R epoch=E" and a line feed. */
WAY_MUST_CHECK enum way_status way_reload(const struct way_options *options, struct way_text *out,
                                          struct way_error *err);

#endif
