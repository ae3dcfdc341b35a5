/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <mysql.h>

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { COMMAND_BYTES = 4 * PATH_MAX, STOP_TRIES = 5000 };

static void make_folder(char *out, size_t out_bytes)
{
    const char *base = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): one thread */

    (void)snprintf(out, out_bytes, "%s/way-XXXXXX", base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(out));
}

static void run(const char *command)
{
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): the words are ours */
    char line[256];

    assert_non_null(pipe);
    while (fgets(line, sizeof line, pipe) != NULL) {
    }
    assert_int_equal(pclose(pipe), 0);
}

static void read_assignment(struct server *server, char *line)
{
    char *value = strchr(line, '=');

    line[strcspn(line, "\n")] = '\0';
    if (value == NULL) {
        return;
    }
    *value++ = '\0';
    if (strcmp(line, "MDB_PID") == 0) {
        server->pid = (pid_t)strtol(value, NULL, 10);
    } else if (strcmp(line, "MDB_PORT") == 0) {
        server->port = (uint16_t)strtoul(value, NULL, 10);
    } else if (strcmp(line, "MDB_SOCKET") == 0) {
        (void)snprintf(server->socket, sizeof server->socket, "%s", value);
    }
}

void server_start(struct server *server, const char *options)
{
    char command[COMMAND_BYTES];
    char line[PATH_MAX];
    FILE *pipe;

    *server = (struct server){.pid = 0};
    make_folder(server->dir, sizeof server->dir);
    (void)snprintf(command, sizeof command,
                   "WATCH=%ld " WAY_TESTS_DIR "/support/mariadb-up.sh %s free %s", (long)getpid(),
                   server->dir, options);
    pipe = popen(command, "r"); /* NOLINT(cert-env33-c): the words are ours */
    assert_non_null(pipe);
    while (fgets(line, sizeof line, pipe) != NULL) {
        read_assignment(server, line);
    }
    assert_int_equal(pclose(pipe), 0);
    assert_true(server->pid > 0 && server->port > 0);
    server->admin = mysql_init(NULL);
    assert_non_null(server->admin);
    if (mysql_real_connect(server->admin, NULL, "admin", "admin", "waypost", 0, server->socket,
                           0) == NULL) {
        fail_msg("%s", mysql_error(server->admin));
    }
    /* A test that failed may have left a transaction behind; the next one must not wait for it. */
    server_sql(server, "SET SESSION lock_wait_timeout = 20");
}

void server_end(struct server *server)
{
    char command[COMMAND_BYTES];

    mysql_close(server->admin);
    (void)snprintf(command, sizeof command,
                   WAY_TESTS_DIR "/support/mariadb-down.sh %s && rm -rf %s", server->dir,
                   server->dir);
    run(command);
}

void server_sql(struct server *server, const char *sql)
{
    MYSQL_RES *result;

    if (mysql_query(server->admin, sql) != 0) {
        fail_msg("%s: %s", sql, mysql_error(server->admin));
    }
    result = mysql_store_result(server->admin);
    mysql_free_result(result);
}

void server_text(struct server *server, const char *sql, char *out, size_t out_bytes)
{
    MYSQL_RES *result;
    MYSQL_ROW row;

    if (mysql_query(server->admin, sql) != 0) {
        fail_msg("%s: %s", sql, mysql_error(server->admin));
    }
    result = mysql_store_result(server->admin);
    assert_non_null(result);
    row = mysql_fetch_row(result);
    assert_non_null(row);
    (void)snprintf(out, out_bytes, "%s", row[0] == NULL ? "" : row[0]);
    mysql_free_result(result);
}

long long server_number(struct server *server, const char *sql)
{
    char text[32];

    server_text(server, sql, text, sizeof text);
    return strtoll(text, NULL, 10);
}

void server_kill_connections(struct server *server)
{
    server_sql(server, "KILL CONNECTION USER waypost");
    /* The server ends them one by one; a test that goes on earlier would test something else. */
    while (server_number(server, "SELECT COUNT(*) FROM information_schema.processlist "
                                 "WHERE user = 'waypost'") > 0) {
    }
}

/* The state of every thread of a process is the one given. */
static bool all_threads_are(pid_t pid, char wanted)
{
    char path[PATH_MAX];
    DIR *tasks;
    const struct dirent *entry;
    bool all = true;

    (void)snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    tasks = opendir(path);
    assert_non_null(tasks);
    while (all && (entry = readdir(tasks)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        char line[512] = "";
        const char *state;
        FILE *file;

        (void)snprintf(path, sizeof path, "/proc/%ld/task/%.32s/stat", (long)pid, entry->d_name);
        file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file == NULL) {
            continue;
        }
        (void)fgets(line, sizeof line, file);
        (void)fclose(file);
        state = strrchr(line, ')');
        all = state == NULL || state[2] == wanted;
    }
    (void)closedir(tasks);
    return all;
}

void server_pause(const struct server *server)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    assert_int_equal(kill(server->pid, SIGSTOP), 0);
    for (unsigned tries = 0; !all_threads_are(server->pid, 'T'); tries++) {
        assert_true(tries < STOP_TRIES);
        (void)nanosleep(&moment, NULL); /* between two looks */
    }
}

void server_resume(const struct server *server)
{
    assert_int_equal(kill(server->pid, SIGCONT), 0);
}

void server_make_certificates(char dir[static PATH_MAX])
{
    char command[COMMAND_BYTES];

    make_folder(dir, PATH_MAX);
    (void)snprintf(command, sizeof command, WAY_TESTS_DIR "/contract/make-certificates.sh %s 2>&1",
                   dir);
    run(command);
}
