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

#include "main/options.h"

enum { WAY_ASK_BYTES_MAX = 8192 /* of an answer, head and body, with NUL; the rest is left out */ };

struct way_reply {
    unsigned status;
    char *body;                    /* into `bytes` */
    char bytes[WAY_ASK_BYTES_MAX]; /* NUL-ended */
};

struct way_question {
    const char *listen;   /* an address as --listen takes it; an unspecified one (0.0.0.0, [::]) is
                           * asked on loopback */
    bool is_tls;          /* it speaks TLS */
    const char *pin;      /* the certificate that it must show then, a file; NULL: any will do */
    const char *line;     /* method and path, as in "GET /healthz" */
    const char *secret;   /* the token to send; empty: none */
    unsigned patience_ms; /* how long to wait for each part of the answer */
};

/* Which of the addresses of --listen to ask, and whether it speaks TLS: the first, or, as there is
 * no client certificate to show here, the first that is plain where one would be wanted. */
WAY_MUST_CHECK enum way_status way_ask_where(const struct way_options *options,
                                             struct way_question *question, struct way_error *err);
WAY_MUST_CHECK enum way_status way_ask(const struct way_question *question, struct way_reply *reply,
                                       struct way_error *err);

#endif
