/* SPDX-License-Identifier: MIT */
/*
 * dns/list - doubly linked lists whose links live in the listed objects.
 *
 * Purpose  Whatever waits here (askers, questions, sockets) can leave at any moment;
 *          it does so in constant time, without knowing which list it is in.
 * Owns     Nothing: a list borrows the objects that are in it.
 * Threads  One thread at a time.
 * Errors   None; nothing is allocated.
 *
 * The head is a node too, and an empty list is a head that points to itself. A
 * node on its own is an empty list, so that leaving twice does no harm.
 */
#ifndef WAY_DNS_LIST_H
#define WAY_DNS_LIST_H

#include "base/job.h" /* WAY_OWNER_OF: the object that a node is embedded in */

#include <stdbool.h>

struct way_node {
    struct way_node *prev;
    struct way_node *next;
};

/* For heads, and for nodes before their first way_list_put() or way_list_del(). */
static inline void way_list_init(struct way_node *node)
{
    node->prev = node;
    node->next = node;
}

static inline bool way_list_is_empty(const struct way_node *head)
{
    return head->next == head;
}

/* At the end. The node must not be in a list. */
static inline void way_list_put(struct way_node *head, struct way_node *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Out of whatever list it is in. */
static inline void way_list_del(struct way_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    way_list_init(node);
}

/* All nodes of `from`, in their order, to the end of `to`. */
static inline void way_list_move(struct way_node *to, struct way_node *from)
{
    if (way_list_is_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    way_list_init(from);
}

#endif
