/* SPDX-License-Identifier: MIT */
/*
 * main/ask - one HTTP question to a running instance, without a tool beside us.
 *
 * Purpose  For the commands that talk to an instance: `healthcheck` and `reload`.
 * Owns     Nothing.
 * Threads  main's.
 * Errors   WAY_NOT_FOUND: nothing listens there. WAY_UNAVAILABLE with what was seen.
 *          WAY_INVALID for an address that does not parse.
 */
#ifndef WAY_MAIN_ASK_H
#define WAY_MAIN_ASK_H

#include "base/status.h"

enum { WAY_ASK_BYTES_MAX = 8192 /* of an answer, head and body, with NUL; the rest is left out */ };

struct way_reply {
    unsigned status;
    char *body;                    /* into `bytes` */
    char bytes[WAY_ASK_BYTES_MAX]; /* NUL-ended */
};

/* `secret`: the token to send; empty: none. `listen`: an address as --listen takes it; an
 * unspecified one (0.0.0.0, [::]) is asked on loopback. `question`: method and path, as in "GET
 * /healthz". `patience_ms`: how long to wait for each part of the answer. */
WAY_MUST_CHECK enum way_status way_ask(const char *listen, const char *question, const char *secret,
                                       unsigned patience_ms, struct way_reply *reply,
                                       struct way_error *err);

#endif
