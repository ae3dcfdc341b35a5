/* SPDX-License-Identifier: MIT */
#include "api/http_daemon.h"

#include <microhttpd.h>

enum { PUMP_ROUNDS_MAX = 8 /* of the daemon, before others get their turn */ };

/* Not by the timer: one that is started for now by its own call comes before anything else that the
 * loop has to do, again and again. */
static void pump_again(struct api_daemon *daemon)
{
    way_timer_stop(daemon->timer);
    if (!daemon->is_again_due) {
        daemon->is_again_due = true;
        way_loop_post(daemon->loop, &daemon->again);
    }
}

void api_daemon_pump(struct api_daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    enum MHD_Result has_timeout;
    int rounds = 0;

    if (daemon->mhd == NULL) {
        return;
    }
    daemon->is_pump_due = false;
    do {
        (void)MHD_run(daemon->mhd);
        if (daemon->settle != NULL) {
            daemon->settle(daemon->owner);
        }
        has_timeout = MHD_get_timeout(daemon->mhd, &wait_ms);
    } while (has_timeout == MHD_YES && wait_ms == 0 && ++rounds < PUMP_ROUNDS_MAX);
    if (has_timeout == MHD_YES && wait_ms == 0) {
        pump_again(daemon);
    } else if (has_timeout == MHD_YES) {
        way_timer_start(daemon->timer, wait_ms, 0);
    } else {
        way_timer_stop(daemon->timer);
    }
}

void api_daemon_pump_soon(struct api_daemon *daemon)
{
    if (daemon->mhd != NULL && !daemon->is_pump_due) {
        daemon->is_pump_due = true;
        way_timer_start(daemon->timer, 0, 0);
    }
}

static void on_timer(void *owner)
{
    api_daemon_pump(owner);
}

static void on_again(struct way_job *job)
{
    struct api_daemon *daemon = WAY_OWNER_OF(job, struct api_daemon, again);

    daemon->is_again_due = false;
    api_daemon_pump(daemon);
}

static void on_ready(void *owner, unsigned events)
{
    (void)events;
    api_daemon_pump(owner);
}

enum way_status api_daemon_start(struct api_daemon *daemon, struct MHD_Daemon *mhd,
                                 struct way_loop *loop, struct way_error *err)
{
    const union MHD_DaemonInfo *info;

    daemon->mhd = mhd;
    daemon->loop = loop;
    daemon->again.run = on_again;
    if (mhd == NULL) {
        return way_fail(err, WAY_INTERNAL, "", "the HTTP library did not start");
    }
    daemon->timer = way_timer_open(loop, on_timer, daemon);
    if (daemon->timer == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for the HTTP server");
    }
    info = MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD);
    daemon->watch = info == NULL ? NULL : way_watch_open(loop, info->epoll_fd, on_ready, daemon);
    if (daemon->watch == NULL) {
        return way_fail(err, WAY_INTERNAL, "", "the HTTP library's events cannot be watched");
    }
    way_watch_set(daemon->watch, WAY_EVENT_READ);
    return WAY_OK;
}

void api_daemon_fini(struct api_daemon *daemon)
{
    way_watch_close(daemon->watch);
    if (daemon->mhd != NULL) {
        MHD_stop_daemon(daemon->mhd);
    }
    way_timer_close(daemon->timer);
}
