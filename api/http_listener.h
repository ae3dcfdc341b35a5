/* SPDX-License-Identifier: MIT */
/*
 * api/http_listener - where the service listens: addresses read, checked and bound.
 *
 *     127.0.0.1:8080   [::1]:8080?tls=off   localhost:8080
 *     unix:/run/waypost.sock?mode=0660&group=postfix
 *
 * Purpose  Say clearly why an address cannot be had, before anything else starts.
 * Owns     The descriptors of a bound listener, and the socket file of a unix one.
 * Threads  main's, before the loops run and after.
 * Errors   parse: WAY_INVALID, field "listen". open: WAY_UNAVAILABLE.
 *
 * Each loop has a descriptor of its own for a TCP address (SO_REUSEPORT), so that the
 * kernel spreads connections. A unix socket has one, which all loops watch.
 */
#ifndef WAY_API_HTTP_LISTENER_H
#define WAY_API_HTTP_LISTENER_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum {
    API_LISTEN_MAX = 16,        /* addresses of one instance */
    API_LISTEN_TEXT_MAX = 256,  /* bytes of one, written out */
    API_LISTEN_LOOPS_MAX = 256, /* loops that share them */
    API_LISTEN_BACKLOG = 1024,
};

/* What an address says about TLS; a unix socket is always plain. */
enum api_listen_tls { API_LISTEN_TLS_IF_CERTIFIED, API_LISTEN_TLS_OFF, API_LISTEN_TLS_ON };

struct api_listen_address {
    struct sockaddr_storage address;
    socklen_t len;
    bool is_loopback; /* or a unix socket: not reachable from other machines */
    enum api_listen_tls tls;
    bool has_mode;
    unsigned mode;  /* of the socket file */
    char group[64]; /* of the socket file; empty: unchanged */
};

struct api_listener {
    size_t count;
    int descriptors[API_LISTEN_LOOPS_MAX]; /* [loop]; a unix socket has the same in all */
    bool is_unix;
    bool is_tls;    /* the opener's to set */
    char path[108]; /* unix: the socket file */
    dev_t device;   /* of the file that is ours; another may have taken its place */
    ino_t inode;
    int lock;                       /* keeps a second process from sharing the port; -1: none */
    char text[API_LISTEN_TEXT_MAX]; /* what is bound, with the real port */
};

WAY_MUST_CHECK enum way_status api_listen_parse(const char *text, struct api_listen_address *out,
                                                struct way_error *err);
/* Whether connections to it speak TLS, when there is a certificate or when there is none. */
bool api_listen_speaks_tls(const struct api_listen_address *address, bool has_certificate);
/* Binds and listens, once a loop. */
WAY_MUST_CHECK enum way_status api_listener_open(const struct api_listen_address *address,
                                                 size_t loops, struct api_listener *out,
                                                 struct way_error *err);
/* Closes what is open and removes the socket file. */
void api_listener_close(struct api_listener *listener);

#endif
