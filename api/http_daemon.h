/* SPDX-License-Identifier: MIT */
/*
 * api/http_daemon - one libmicrohttpd daemon on a loop.
 *
 * Purpose  The daemon is in external mode: it keeps its sockets in an epoll set of its own,
 *          whose descriptor is watched here, and works when it is pumped: by its
 *          events, when its time-out says so, and after every connection that was added
 *          or resumed.
 * Owns     The daemon once it was started, its watch and its timer.
 * Threads  One loop's.
 * Errors   WAY_INTERNAL, WAY_NO_MEMORY.
 */
#ifndef WAY_API_HTTP_DAEMON_H
#define WAY_API_HTTP_DAEMON_H

#include "base/loop.h"

struct MHD_Daemon;

/* Zero: there is none; everything but start() then does nothing. */
struct api_daemon {
    struct MHD_Daemon *mhd;
    struct way_watch *watch; /* of the daemon's epoll set */
    struct way_timer *timer; /* libmicrohttpd's time-outs, and "pump soon" */
    struct way_loop *loop;   /* borrowed */
    struct way_job again;    /* goes on with what one turn has left */
    bool is_pump_due;
    bool is_again_due;
    void (*settle)(void *owner); /* after each run of the daemon; NULL: nothing is to be done */
    void *owner;
};

/* Takes `mhd`, or NULL of a daemon that did not start. In any case fini() is to be called. */
WAY_MUST_CHECK enum way_status api_daemon_start(struct api_daemon *daemon, struct MHD_Daemon *mhd,
                                                struct way_loop *loop, struct way_error *err);
void api_daemon_pump(struct api_daemon *daemon);
/* Once for all that happens in this turn of the loop. */
void api_daemon_pump_soon(struct api_daemon *daemon);
/* Ends every connection. */
void api_daemon_fini(struct api_daemon *daemon);

#endif
