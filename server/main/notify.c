/* SPDX-License-Identifier: MIT */
#include "main/notify.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

enum {
    BEATS = 4,          /* in the time after which the watchdog gives up: three may be late */
    MESSAGE_MAX = 1024, /* bytes of a message, with NUL */
};

static void say(struct way_notify *notify, const char *message)
{
    int rc;

    if (!notify->is_on) {
        return;
    }
    rc = sd_notify(0, message);
    if (rc < 0 && !notify->is_deaf) {
        char reason[128];

        notify->is_deaf = true;
        way_log(WAY_LOG_WARN, "notify.deaf", "detail=\"%s\"",
                strerror_r(-rc, reason, sizeof reason));
    }
}

void way_notify_open(struct way_notify *notify)
{
    uint64_t watchdog_us = 0;

    *notify = (struct way_notify){
        .is_on =
            getenv("NOTIFY_SOCKET") != NULL, /* NOLINT(concurrency-mt-unsafe): nobody sets it */
    };
    if (notify->is_on && sd_watchdog_enabled(0, &watchdog_us) > 0) {
        notify->beat_ms = watchdog_us / 1000 / BEATS;
    }
}

void way_notify_ready(struct way_notify *notify)
{
    say(notify, "READY=1");
}

void way_notify_reloading(struct way_notify *notify)
{
    char message[MESSAGE_MAX];

    (void)snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                   way_clock_mono_us());
    say(notify, message);
}

void way_notify_stopping(struct way_notify *notify)
{
    say(notify, "STOPPING=1\nSTATUS=Stopping");
}

void way_notify_status(struct way_notify *notify, const char *text)
{
    char status[WAY_NOTIFY_STATUS_MAX];
    char message[MESSAGE_MAX];

    (void)snprintf(status, sizeof status, "%s", text);
    /* A line feed would begin another assignment, and the text may be a database's. */
    for (char *at = status; *at != '\0'; at++) {
        if (way_byte_is_control(*at)) {
            *at = ' ';
        }
    }
    if (!notify->is_on || strcmp(status, notify->status) == 0) {
        return;
    }
    memcpy(notify->status, status, sizeof status);
    (void)snprintf(message, sizeof message, "STATUS=%s", status);
    say(notify, message);
}

void way_notify_alive(struct way_notify *notify)
{
    uint64_t now_ms = way_clock_mono_ms();

    if (notify->beat_ms == 0 || now_ms - notify->last_ms < notify->beat_ms) {
        return;
    }
    notify->last_ms = now_ms;
    say(notify, "WATCHDOG=1");
}
