/* SPDX-License-Identifier: MIT */
/*
 * api/http_reply - a finished exchange becomes an HTTP response.
 *
 * Purpose  Headers that every answer carries, accounting, and the hand-over to the
 *          library without a copy of the body.
 * Owns     Nothing; the body stays the slot's until the answer is out.
 * Threads  One loop's.
 * Errors   False: out of memory; the connection is to be closed.
 */
#ifndef WAY_API_HTTP_REPLY_H
#define WAY_API_HTTP_REPLY_H

#include "api/http_slot.h"

bool api_reply_send(struct api_slot *slot);
/* Writes the answer to the socket itself, behind the library's back; the connection must be closed
 * then. Only while a request's body is being read: nothing else is on its way out. */
bool api_reply_send_past_library(struct api_slot *slot, int fd);

#endif
