/* SPDX-License-Identifier: MIT */
/*
 * main/ask_tls - the client's side of TLS, over a socket that blocks.
 *
 * Purpose  For main/ask, towards an instance on this machine.
 * Owns     The session; the socket stays the caller's, with its time-outs.
 * Threads  main's.
 * Errors   WAY_UNAVAILABLE with what went wrong; WAY_INVALID for a file that cannot be read.
 */
#ifndef WAY_MAIN_ASK_TLS_H
#define WAY_MAIN_ASK_TLS_H

#include "base/status.h"

#include <stddef.h>
#include <sys/types.h>

struct way_tls_client;

/* Shakes hands. `pin`: the file whose first certificate the server must show; NULL: any will do. */
WAY_MUST_CHECK enum way_status
way_tls_client_open(int fd, const char *pin, struct way_tls_client **out, struct way_error *err);
/* As send(2) and recv(2); a time-out is an error. */
ssize_t way_tls_client_send(struct way_tls_client *client, const char *bytes, size_t len);
ssize_t way_tls_client_receive(struct way_tls_client *client, char *bytes, size_t size);
/* Why the server broke off, in a few words; NULL: it has not said. */
const char *way_tls_client_alert(const struct way_tls_client *client);
/* NULL is fine. */
void way_tls_client_close(struct way_tls_client *client);

#endif
