/* SPDX-License-Identifier: MIT */
#include "api/http_handshake.h"

#include <microhttpd.h>
#include <sys/socket.h>

static void put(struct api_handshake *handshake, struct api_handshake **list)
{
    handshake->next = *list;
    handshake->at = list;
    if (handshake->next != NULL) {
        handshake->next->at = &handshake->next;
    }
    *list = handshake;
}

static void take(struct api_handshake *handshake)
{
    *handshake->at = handshake->next;
    if (handshake->next != NULL) {
        handshake->next->at = handshake->at;
    }
}

void api_handshake_begin(struct api_handshakes *all, struct api_handshake *handshake,
                         struct MHD_Connection *mhd, struct api_tls_link *link)
{
    *handshake = (struct api_handshake){.all = all, .mhd = mhd, .link = link};
    put(handshake, &all->awake);
    all->count++;
}

void api_handshake_end(struct api_handshake *handshake)
{
    if (handshake->all == NULL) {
        return;
    }
    take(handshake);
    way_watch_close(handshake->watch);
    handshake->all->count--;
    handshake->all = NULL;
}

void api_handshake_wake(struct api_handshake *handshake)
{
    if (handshake->all == NULL || !handshake->is_parked) {
        return;
    }
    handshake->is_parked = false;
    way_watch_set(handshake->watch, 0);
    take(handshake);
    put(handshake, &handshake->all->awake);
    MHD_resume_connection(handshake->mhd);
    api_daemon_pump_soon(handshake->all->daemon);
}

static void on_ready(void *owner, unsigned events)
{
    (void)events;
    api_handshake_wake(owner);
}

static void park(struct api_handshake *handshake)
{
    struct api_handshakes *all = handshake->all;

    if (handshake->watch == NULL) {
        handshake->watch = way_watch_open(all->loop, handshake->link->fd, on_ready, handshake);
    }
    if (handshake->watch == NULL) {
        (void)shutdown(handshake->link->fd, SHUT_RDWR);
        return;
    }
    MHD_suspend_connection(handshake->mhd);
    handshake->is_parked = true;
    take(handshake);
    put(handshake, &all->parked);
    way_watch_set(handshake->watch,
                  api_tls_wants_to_write(handshake->mhd) ? WAY_EVENT_WRITE : WAY_EVENT_READ);
}

void api_handshakes_park(struct api_handshakes *all)
{
    struct api_handshake *handshake = all->awake;

    while (handshake != NULL) {
        struct api_handshake *next = handshake->next;

        /* One that was not tried yet waits for an event of the daemon's own. Suspended now, it
         * would never hear of one. */
        if (handshake->link->is_tried) {
            park(handshake);
        }
        handshake = next;
    }
}

void api_handshakes_wake_all(struct api_handshakes *all)
{
    while (all->parked != NULL) {
        api_handshake_wake(all->parked);
    }
}
