/* SPDX-License-Identifier: MIT */
/*
 * relay - stands between a session and its server, and breaks the line at COMMIT.
 *
 * Purpose  The two things that can happen to a COMMIT whose answer never comes: the server has
 *          done it, or it never saw it and still holds the transaction open.
 * Owns     A thread, a socket, and the one connection it passes on.
 * Threads  One thread uses it.
 * Errors   None: what fails here fails the test.
 */
#ifndef WAY_TESTS_RELAY_H
#define WAY_TESTS_RELAY_H

#include <limits.h>
#include <pthread.h>

enum relay_fault {
    RELAY_DROPS_ANSWER,  /* the server commits, its answer is lost */
    RELAY_DROPS_REQUEST, /* the server never sees it; its connection stays until relay_stop() */
};

struct relay {
    enum relay_fault fault;
    char socket[PATH_MAX];
    int listener;
    int server;
    pthread_t thread;
};

/* Listens on `socket`, for one connection. */
void relay_start(struct relay *relay, const char *socket, const char *server_socket,
                 enum relay_fault fault);
/* Closes the server's side too. */
void relay_stop(struct relay *relay);

#endif
