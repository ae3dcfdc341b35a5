/* SPDX-License-Identifier: MIT */
/*
 * main/notify - tells the service manager how we are: sd_notify(3).
 *
 * Purpose  For a unit of Type=notify: ready, reading settings again, stopping, a line of
 *          status, and the watchdog.
 * Owns     Nothing but what was told last.
 * Threads  main's.
 * Errors   A manager that does not listen is logged once; nothing waits for it.
 *
 * Without NOTIFY_SOCKET in the environment nothing happens.
 */
#ifndef WAY_MAIN_NOTIFY_H
#define WAY_MAIN_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WAY_NOTIFY_STATUS_MAX = 512 /* bytes of a line of status, with NUL; the rest is left out */
};

struct way_notify {
    bool is_on;       /* somebody listens */
    bool is_deaf;     /* it was logged that he does not */
    uint64_t beat_ms; /* how often the watchdog wants to hear of us; 0: never */
    uint64_t last_ms; /* when it did */
    char status[WAY_NOTIFY_STATUS_MAX];
};

void way_notify_open(struct way_notify *notify);
/* The addresses are bound, and what can be answered is. */
void way_notify_ready(struct way_notify *notify);
/* SIGHUP; way_notify_ready() ends it. */
void way_notify_reloading(struct way_notify *notify);
void way_notify_stopping(struct way_notify *notify);
/* A line for `systemctl status`, sent only when it is another one than before. */
void way_notify_status(struct way_notify *notify, const char *text);
/* Say only what is true: the service manager ends a process that stops saying it. Sent as often as
 * the watchdog wants it, however often it is called. */
void way_notify_alive(struct way_notify *notify);

#endif
