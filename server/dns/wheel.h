/* SPDX-License-Identifier: MIT */
/*
 * dns/wheel - the deadlines of open asks.
 *
 * Purpose  Find the asks whose time has come without looking at the others: thousands
 *          are open at a time, and most end before their deadline.
 * Owns     Nothing: it borrows the asks that are in it.
 * Threads  One thread at a time.
 * Errors   None; nothing is allocated.
 */
#ifndef WAY_DNS_WHEEL_H
#define WAY_DNS_WHEEL_H

#include "dns/resolver.h"

enum {
    WAY_WHEEL_SLOTS = 256,
    WAY_WHEEL_SLOT_MS = 64, /* a turn takes 16 s; later deadlines wait for the next turn */
};

struct way_wheel {
    uint64_t turned_ms;                     /* everything up to here has been taken out */
    struct way_node slots[WAY_WHEEL_SLOTS]; /* of way_dns_ask.timing */
};

void way_wheel_init(struct way_wheel *wheel, uint64_t now_ms);
/* By ask->deadline_ms, which may have passed already. It leaves by way_list_del(&ask->timing). */
void way_wheel_put(struct way_wheel *wheel, struct way_dns_ask *ask);
/* Moves every ask whose deadline is not after `now_ms` to the end of `expired`. */
void way_wheel_turn(struct way_wheel *wheel, uint64_t now_ms, struct way_node *expired);

#endif
