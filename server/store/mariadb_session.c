/* SPDX-License-Identifier: MIT */
#include "store/mariadb_session.h"

#include "base/clock.h"
#include "store/mariadb_mysql8.h"
#include "store/mariadb_statement.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    ROW_WORDS = 3,      /* columns of one row that is read as text */
    WORD_BYTES_MAX = 8, /* of one of them, with NUL */
};

_Static_assert(WAY_MARIADB_ROUND_TRIP_START_MAX_MS + WAY_MARIADB_ROUND_TRIP_S * 1000 <
                   WAY_STORE_CALL_MAX_MS,
               "the last round trip ends in time");
_Static_assert(WAY_MARIADB_HOST_START_MAX_MS +
                       (WAY_MARIADB_CONNECT_S + WAY_MARIADB_ROUND_TRIP_S) * 1000 <
                   WAY_STORE_CALL_MAX_MS,
               "the last host answers in time");

/* autocommit: a server may have been told otherwise. Who waits for a lock shall be told so, rather
 * than that time is up. idle_write_transaction_timeout: a server that is not told that we have
 * gone, because the network has swallowed our end or all of our machine, would hold the row that
 * every write of every instance needs until wait_timeout. */
#define SQL_SET_UP                                                                               \
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', "  \
    "autocommit = 1, innodb_lock_wait_timeout = 2, max_statement_time = 3, wait_timeout = 600, " \
    "idle_write_transaction_timeout = 5"
#define SQL_SET_UP_PATIENT                                                                       \
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', "  \
    "autocommit = 1, innodb_lock_wait_timeout = 2, max_statement_time = 0, wait_timeout = 600, " \
    "idle_write_transaction_timeout = 30"
#define SQL_ISOLATION "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
/* Words in newer servers, digits in older ones. */
#define SQL_SERVER "SELECT @@global.read_only, @@innodb_read_only, @@wsrep_on"
/* A Galera node outside of its cluster answers this with 1047, and SELECT 1 as if all were well. */
#define SQL_TOUCH "SELECT 1 FROM override_state LIMIT 1"

struct way_mariadb_session *way_mariadb_session_of(struct way_session *session)
{
    return (struct way_mariadb_session *)(void *)session; /* base comes first */
}

/* --- errors ------------------------------------------------------------------------------------
 */

/* The transaction lost a race, and another try may win. */
static bool is_race(unsigned code)
{
    return code == ER_LOCK_DEADLOCK || code == ER_LOCK_WAIT_TIMEOUT || code == ER_CHECKREAD;
}

static bool is_read_only(unsigned code)
{
    return code == ER_OPTION_PREVENTS_STATEMENT || code == ER_READ_ONLY_MODE ||
           code == ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION;
}

/* The account lacks a privilege. */
static bool is_denied(unsigned code)
{
    return code == ER_TABLEACCESS_DENIED_ERROR || code == ER_COLUMNACCESS_DENIED_ERROR ||
           code == ER_DBACCESS_DENIED_ERROR || code == ER_SPECIFIC_ACCESS_DENIED_ERROR;
}

/* Nothing more will come over this connection, or nothing that we could trust. */
static bool is_loss(unsigned code)
{
    switch (code) {
    case ER_CONNECTION_KILLED:
    case ER_SERVER_SHUTDOWN:
    case ER_ERROR_DURING_COMMIT:
    case ER_UNKNOWN_COM_ERROR: /* Galera: not part of its cluster */
        return true;
    default:
        return IS_MYSQL_ERROR(code) || IS_MARIADB_ERROR(code);
    }
}

static enum way_status status_of(unsigned code)
{
    if (is_race(code)) {
        return WAY_BUSY;
    }
    switch (code) {
    case ER_DUP_ENTRY:
    case ER_DUP_ENTRY_WITH_KEY_NAME:
        return WAY_EXISTS;
    case ER_DATA_TOO_LONG:
    case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
    case ER_TRUNCATED_WRONG_VALUE:
    case ER_BAD_NULL_ERROR:
    case ER_WARN_DATA_OUT_OF_RANGE:
    case ER_INVALID_CHARACTER_STRING:
    case ER_CONSTRAINT_FAILED:
        return WAY_INVALID;
    case CR_OUT_OF_MEMORY:
        return WAY_NO_MEMORY;
    case CR_COMMANDS_OUT_OF_SYNC:
    case CR_PARAMS_NOT_BOUND:
    case CR_NO_PREPARE_STMT:
        return WAY_INTERNAL;
    default:
        return WAY_UNAVAILABLE;
    }
}

/* A Galera node outside of its cluster cannot tell whether it has caught up, and answers that it
 * has waited too long for a lock. A read that waits for the node waits for no lock. */
static bool is_left_alone(const struct way_mariadb_session *session, unsigned code)
{
    return code == ER_LOCK_WAIT_TIMEOUT && session->base.is_cluster &&
           !session->base.is_caught_up && !session->holds_write;
}

enum way_status way_mariadb_session_fail(struct way_mariadb_session *session, unsigned code,
                                         const char *text, struct way_error *err)
{
    enum way_status status = status_of(code);

    if (is_left_alone(session, code)) {
        status = WAY_UNAVAILABLE;
        session->base.is_lost = true;
    }
    if (is_loss(code)) {
        session->base.is_lost = true;
    }
    if (is_read_only(code)) {
        session->base.is_read_only = true;
    }
    session->base.is_denied = session->base.is_denied || is_denied(code);
    if (code == ER_UNKNOWN_COM_ERROR || is_left_alone(session, code)) {
        text = "outside of its cluster: no majority, or still joining";
    }
    return way_fail(err, status, "", "%s: %s (error %u)", session->base.place, text, code);
}

static enum way_status fail(struct way_mariadb_session *session, struct way_error *err)
{
    return way_mariadb_session_fail(session, mysql_errno(session->mysql),
                                    mysql_error(session->mysql), err);
}

/* --- statements as text ------------------------------------------------------------------------
 */

static bool is_overdue(const struct way_session *session)
{
    return session->started_ms != 0 &&
           way_clock_mono_ms() - session->started_ms > WAY_MARIADB_ROUND_TRIP_START_MAX_MS;
}

enum way_status way_mariadb_session_spend(struct way_mariadb_session *session,
                                          struct way_error *err)
{
    if (!is_overdue(&session->base)) {
        return WAY_OK;
    }
    session->base.is_lost = true;
    return way_fail(err, WAY_UNAVAILABLE, "", "%s: answers too slowly", session->base.place);
}

enum way_status way_mariadb_session_execute(struct way_mariadb_session *session, const char *sql,
                                            struct way_error *err)
{
    enum way_status status = way_mariadb_session_spend(session, err);

    if (status != WAY_OK) {
        return status;
    }
    if (session->is_mysql8) {
        return way_mysql8_query(session->mysql, sql) ? WAY_OK : fail(session, err);
    }
    return mysql_real_query(session->mysql, sql, strlen(sql)) == 0 ? WAY_OK : fail(session, err);
}

enum way_status way_mariadb_session_verify(struct way_mariadb_session *session,
                                           struct way_error *err)
{
    unsigned status = 0;

    if (!session->holds_write) {
        return WAY_OK;
    }
    (void)mariadb_get_infov(session->mysql, MARIADB_CONNECTION_SERVER_STATUS, &status);
    return (status & SERVER_STATUS_IN_TRANS) != 0
               ? WAY_OK
               : way_fail(err, WAY_BUSY, "", "%s: the server has ended the transaction",
                          session->base.place);
}

enum way_status way_mariadb_session_commit(struct way_mariadb_session *session,
                                           struct way_error *err)
{
    unsigned code;
    enum way_status status = way_mariadb_session_spend(session, err);

    if (status != WAY_OK) {
        return status; /* not sent */
    }
    session->holds_write = false;
    if (mysql_real_query(session->mysql, "COMMIT", sizeof "COMMIT" - 1) == 0) {
        return WAY_OK;
    }
    code = mysql_errno(session->mysql);
    status = fail(session, err);
    if (is_race(code) || is_read_only(code)) {
        return status; /* the server says that it did not happen */
    }
    /* Anything else leaves open whether it did. The connection must not be used to find out: as
     * long as it lives, the transaction may. */
    session->base.is_lost = true;
    if (err != NULL) {
        err->status = WAY_UNSETTLED;
    }
    return WAY_UNSETTLED;
}

void way_mariadb_session_rollback(struct way_mariadb_session *session)
{
    session->holds_write = false;
    if (session->base.is_lost || is_overdue(&session->base) ||
        mysql_real_query(session->mysql, "ROLLBACK", sizeof "ROLLBACK" - 1) != 0) {
        session->base.is_lost = true; /* closing it rolls back */
    }
}

/* --- connecting --------------------------------------------------------------------------------
 */

static void set_number(MYSQL *mysql, enum mysql_option option, unsigned number)
{
    (void)mysql_optionsv(mysql, option, &number);
}

static void set_flag(MYSQL *mysql, enum mysql_option option, bool is_on)
{
    my_bool flag = is_on ? 1 : 0;

    (void)mysql_optionsv(mysql, option, &flag);
}

static void set_options(MYSQL *mysql, const struct way_database_url *url, bool is_patient)
{
    unsigned round_trip_s = is_patient ? WAY_STORE_PATIENCE_MS / 1000 : WAY_MARIADB_ROUND_TRIP_S;

    set_number(mysql, MYSQL_OPT_CONNECT_TIMEOUT, WAY_MARIADB_CONNECT_S);
    set_number(mysql, MYSQL_OPT_READ_TIMEOUT, round_trip_s);
    set_number(mysql, MYSQL_OPT_WRITE_TIMEOUT, round_trip_s);
    set_number(mysql, MYSQL_OPT_LOCAL_INFILE, 0); /* or the server may read our files */
    set_flag(mysql, MYSQL_OPT_RECONNECT, false);  /* it would lose settings without a word */
    set_number(mysql, MYSQL_OPT_PROTOCOL,
               url->socket[0] != '\0' ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP);
    (void)mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    (void)mysql_optionsv(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "waypost");
    set_flag(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, url->is_tls_verified);
    if (url->is_tls_verified) {
        set_flag(mysql, MYSQL_OPT_SSL_ENFORCE, true);
        if (url->ca[0] != '\0') {
            (void)mysql_optionsv(mysql, MYSQL_OPT_SSL_CA, url->ca);
        }
    }
}

/* Reads the one row of a statement as short words; WAY_NOT_FOUND when there is none. */
static enum way_status read_words(struct way_mariadb_session *session, const char *sql,
                                  char words[ROW_WORDS][WORD_BYTES_MAX], struct way_error *err)
{
    MYSQL_RES *result;
    MYSQL_ROW row;
    enum way_status status = way_mariadb_session_execute(session, sql, err);

    if (status != WAY_OK) {
        return status;
    }
    result = mysql_store_result(session->mysql);
    if (result == NULL) {
        return fail(session, err);
    }
    row = mysql_fetch_row(result);
    for (unsigned i = 0; row != NULL && i < mysql_num_fields(result) && i < ROW_WORDS; i++) {
        (void)snprintf(words[i], WORD_BYTES_MAX, "%s", row[i] == NULL ? "" : row[i]);
    }
    mysql_free_result(result);
    return row == NULL ? WAY_NOT_FOUND : WAY_OK;
}

static bool is_on(const char *word)
{
    return strcmp(word, "0") != 0 && strcmp(word, "OFF") != 0;
}

enum way_status way_mariadb_session_look_round(struct way_mariadb_session *session,
                                               struct way_error *err)
{
    char words[ROW_WORDS][WORD_BYTES_MAX] = {"", "", "0"};
    enum way_status status =
        read_words(session, session->is_mysql8 ? WAY_MYSQL8_SQL_SERVER : SQL_SERVER, words, err);

    if (status == WAY_OK) {
        session->base.is_read_only = is_on(words[0]) || is_on(words[1]);
        session->base.is_cluster = is_on(words[2]);
    }
    return status;
}

/* What kind of server, and does it take part in its cluster? */
static enum way_status introduce(struct way_mariadb_session *session, struct way_error *err)
{
    char words[ROW_WORDS][WORD_BYTES_MAX] = {"", "", ""};
    enum way_status status = way_mariadb_session_look_round(session, err);

    if (status != WAY_OK) {
        return status;
    }
    session->base.is_caught_up = !session->base.is_cluster;
    if (!session->base.is_cluster) {
        return WAY_OK;
    }
    status = read_words(session, SQL_TOUCH, words, err);
    /* No row, or no such table yet: the node has looked, and that is all we ask. */
    return status == WAY_NOT_FOUND || mysql_errno(session->mysql) == ER_NO_SUCH_TABLE ? WAY_OK
                                                                                      : status;
}

static enum way_status set_up(struct way_mariadb_session *session, bool is_patient,
                              struct way_error *err)
{
    enum way_status status =
        way_mariadb_session_execute(session, is_patient ? SQL_SET_UP_PATIENT : SQL_SET_UP, err);

    if (status == WAY_OK) {
        status = way_mariadb_session_execute(session, SQL_ISOLATION, err);
    }
    return status == WAY_OK ? introduce(session, err) : status;
}

static enum way_status connect_to(struct way_mariadb_session *session,
                                  const struct way_database_url *url, size_t host, bool is_patient,
                                  struct way_error *err)
{
    bool is_socket = url->socket[0] != '\0';
    unsigned long capabilities = 0;

    session->mysql = mysql_init(NULL);
    if (session->mysql == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a connection");
    }
    set_options(session->mysql, url, is_patient);
    /* FOUND_ROWS: an UPDATE counts the rows that it finds, also when they stay as they are. */
    if (mysql_real_connect(session->mysql, is_socket ? NULL : url->hosts[host].name, url->user,
                           url->password, url->database, is_socket ? 0 : url->hosts[host].port,
                           is_socket ? url->socket : NULL, CLIENT_FOUND_ROWS) == NULL) {
        return fail(session, err);
    }
    /* The library has been seen to go on in plain text when it was told not to. */
    if (url->is_tls_verified && mysql_get_ssl_cipher(session->mysql) == NULL) {
        return way_fail(err, WAY_UNAVAILABLE, "", "%s: the server does not speak TLS",
                        session->base.place);
    }
    session->is_mysql8 = way_mysql8_is(session->mysql);
    (void)mariadb_get_infov(session->mysql, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES,
                            &capabilities);
    session->has_bulk =
        (capabilities & (unsigned long)(MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
    return set_up(session, is_patient, err);
}

static void name_place(struct way_session *session, const struct way_database_url *url, size_t host)
{
    const struct way_database_host *at = &url->hosts[host];

    if (url->socket[0] != '\0') {
        (void)snprintf(session->place, sizeof session->place, "%.*s", WAY_STORE_PLACE_MAX - 1,
                       url->socket); /* cut: it is for messages */
        return;
    }
    (void)snprintf(session->place, sizeof session->place,
                   strchr(at->name, ':') == NULL ? "%s:%u" : "[%s]:%u", at->name, at->port);
}

enum way_status way_mariadb_session_open(struct way_store *store,
                                         const struct way_database_url *url, size_t host,
                                         bool is_patient, struct way_mariadb_session **out,
                                         struct way_error *err)
{
    struct way_mariadb_session *session = calloc(1, sizeof *session);
    enum way_status status;

    if (session == NULL) {
        return way_fail(err, WAY_NO_MEMORY, "", "no memory for a session");
    }
    way_session_init(&session->base, store);
    name_place(&session->base, url, host);
    way_statement_cache_init(&session->statements, way_mariadb_statement_drop);
    status = connect_to(session, url, host, is_patient, err);
    if (status != WAY_OK) {
        way_mariadb_session_close(session);
        return status;
    }
    *out = session;
    return WAY_OK;
}

void way_mariadb_session_close(struct way_mariadb_session *session)
{
    my_socket line =
        session->mysql == NULL ? MARIADB_INVALID_SOCKET : mysql_get_socket(session->mysql);

    if (session->base.is_lost && line != MARIADB_INVALID_SOCKET) {
        /* Or the library would read rows that are still on their way, at the server's pace. */
        (void)shutdown(line, SHUT_RDWR);
    }
    way_statement_cache_fini(&session->statements);
    mysql_close(session->mysql); /* NULL is fine */
    free(session);
}
