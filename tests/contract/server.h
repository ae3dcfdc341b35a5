/* SPDX-License-Identifier: MIT */
/*
 * server - a private MariaDB server, for the length of a test program.
 *
 * Purpose  Start it, end it, stop it in the middle, and look at it from behind the back of
 *          what is tested.
 * Owns     The process, its folder, and one connection with all rights.
 * Threads  One thread.
 * Errors   None: what fails here fails the test.
 */
#ifndef WAY_TESTS_SERVER_H
#define WAY_TESTS_SERVER_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

struct st_mysql;

struct server {
    pid_t pid;
    uint16_t port;
    char dir[PATH_MAX];
    char socket[PATH_MAX];
    struct st_mysql *admin;
};

/* `options`: for mariadbd, a part of a shell command; "" for none. */
void server_start(struct server *server, const char *options);
void server_end(struct server *server);

/* One statement, results thrown away. */
void server_sql(struct server *server, const char *sql);
/* The first column of the first row; fails when there is none. */
long long server_number(struct server *server, const char *sql);
void server_text(struct server *server, const char *sql, char *out, size_t out_bytes);
/* Ends all connections of the account that is tested. */
void server_kill_connections(struct server *server);

/* SIGSTOP, and back when every thread stands still; then SIGCONT. */
void server_pause(const struct server *server);
void server_resume(const struct server *server);

/* Certificates in a folder of their own: ca.pem, cert.pem and key.pem for 127.0.0.1, other-ca.pem
 * that has signed nothing. */
void server_make_certificates(char dir[static PATH_MAX]);

#endif
