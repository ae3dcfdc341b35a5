/* SPDX-License-Identifier: MIT */
/*
 * main/wiring - puts the rooms together into a running instance.
 *
 * Purpose  The only place that names a concrete database, resolver and server, and that
 *          knows the order in which things start and stop.
 * Owns     Everything that an instance consists of.
 * Threads  main's. start() makes the others, stop() ends them.
 * Errors   WAY_INVALID: settings (exit 2). WAY_UNAVAILABLE, WAY_INTERNAL, WAY_NO_MEMORY:
 *          a port, a file, the system (exit 1).
 */
#ifndef WAY_MAIN_WIRING_H
#define WAY_MAIN_WIRING_H

#include "main/options.h"

struct way_instance;

/* Checks what can be checked without opening anything but the files of tokens and of TLS, and those
 * only when checking is all that is wanted. */
WAY_MUST_CHECK enum way_status way_instance_check(const struct way_options *options,
                                                  struct way_error *err);
/* Listens, opens an SQLite file, starts every thread. Does not wait for a database. */
WAY_MUST_CHECK enum way_status way_instance_start(const struct way_options *options,
                                                  struct way_instance **instance,
                                                  struct way_error *err);
/* SIGHUP: reads the tokens again, and the files of TLS. A file that has a fault leaves what it is
 * about as it is, and is logged; else each loop has the new tokens with its next job, and the next
 * connection the new certificate. */
void way_instance_read_again(struct way_instance *instance);
/* Appends how it is, for people: one line without its end. */
void way_instance_describe(struct way_instance *instance, struct way_text *out);
/* True if every loop has done a job that was given to it by the call before; gives them the next
 * one. So a loop that hangs makes it false for as long as it hangs. */
bool way_instance_is_alive(struct way_instance *instance);
/* Drains, then stops everything. */
void way_instance_stop(struct way_instance *instance);

#endif
