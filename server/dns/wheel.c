/* SPDX-License-Identifier: MIT */
#include "dns/wheel.h"

void way_wheel_init(struct way_wheel *wheel, uint64_t now_ms)
{
    wheel->turned_ms = now_ms;
    for (size_t i = 0; i < WAY_WHEEL_SLOTS; i++) {
        way_list_init(&wheel->slots[i]);
    }
}

void way_wheel_put(struct way_wheel *wheel, struct way_dns_ask *ask)
{
    uint64_t at_ms = ask->deadline_ms;

    /* The slots behind the last turn are not looked at before the wheel comes round. */
    if (at_ms < wheel->turned_ms) {
        at_ms = wheel->turned_ms;
    }
    way_list_put(&wheel->slots[at_ms / WAY_WHEEL_SLOT_MS % WAY_WHEEL_SLOTS], &ask->timing);
}

static void take_expired(struct way_node *slot, uint64_t now_ms, struct way_node *expired)
{
    struct way_node *next;

    for (struct way_node *node = slot->next; node != slot; node = next) {
        next = node->next;
        if (WAY_OWNER_OF(node, struct way_dns_ask, timing)->deadline_ms <= now_ms) {
            way_list_del(node);
            way_list_put(expired, node);
        }
    }
}

void way_wheel_turn(struct way_wheel *wheel, uint64_t now_ms, struct way_node *expired)
{
    uint64_t first = wheel->turned_ms / WAY_WHEEL_SLOT_MS;
    uint64_t last = now_ms / WAY_WHEEL_SLOT_MS;

    if (last - first >= WAY_WHEEL_SLOTS) {
        last = first + WAY_WHEEL_SLOTS - 1;
    }
    for (uint64_t slot = first; slot <= last; slot++) {
        take_expired(&wheel->slots[slot % WAY_WHEEL_SLOTS], now_ms, expired);
    }
    wheel->turned_ms = now_ms;
}
