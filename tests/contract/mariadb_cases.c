/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fixture.h"
#include "relay.h"

#include "base/clock.h"
#include "store/driver.h"
#include "store/store_mariadb.h"

#include <stdio.h>
#include <stdlib.h>

/* Points the fixture's store at another URL, in printf's words; nothing is open afterwards. */
static void use_url(struct fixture *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void use_url(struct fixture *f, const char *format, ...)
{
    char url[4 * PATH_MAX];
    struct way_error err = {0};
    va_list arguments;

    fixture_close(f);
    va_start(arguments, format);
    (void)vsnprintf(url, sizeof url, format, arguments);
    va_end(arguments);
    assert_way_ok(way_database_url_parse(url, &f->url, &err), &err);
}

static enum way_status try_begin(struct way_session *session, uint8_t *tx, uint64_t *first,
                                 struct way_error *err)
{
    way_random_bytes(tx, WAY_TX_BYTES);
    return way_store_begin(session, 1, tx, first, err);
}

/* Opens a write with one row in it. */
static void begin_and_apply(struct way_session *session, uint8_t *tx)
{
    struct way_change *change = changes_new(1);
    uint64_t first = 0;
    struct way_error err = {0};

    assert_way_ok(try_begin(session, tx, &first, &err), &err);
    change_set(change, first, "example.org", "192.0.2.1");
    assert_way_ok(way_store_apply(session, change, 1, way_clock_wall_us(), &err), &err);
    free(change);
}

static void reopen_session(struct fixture *f)
{
    way_session_close(f->session);
    f->session = fixture_new_session(f);
}

static void assert_settled(struct way_session *session, const uint8_t *tx, bool wanted)
{
    uint64_t committed = 0;
    struct way_error err = {0};

    assert_way_ok(way_store_settle(session, tx, &committed, &err), &err);
    assert_int_equal(committed > 0, wanted);
}

/* --- lost connections --------------------------------------------------------------------------
 */

static void a_connection_lost_before_a_write_is_unavailable(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_position position;
    struct way_error err = {0};

    server_kill_connections(f->server);
    assert_way_status(try_begin(f->session, tx, &first, &err), WAY_UNAVAILABLE);
    assert_way_status(way_store_poll(f->session, &position, &err), WAY_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "lost"));
    reopen_session(f);
    assert_int_equal(write_one(f->session, "example.org", "192.0.2.1"), 1);
}

static void a_connection_lost_before_commit_loses_the_write(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    struct way_change *change = changes_new(1);
    struct way_error err = {0};

    begin_and_apply(f->session, tx);
    server_kill_connections(f->server);
    change_set(change, 1, "late.example", "192.0.2.1");
    assert_way_status(way_store_apply(f->session, change, 1, 0, &err), WAY_UNAVAILABLE);
    reopen_session(f);
    assert_settled(f->session, tx, false);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides"), 0);
    assert_int_equal(write_one(f->session, "example.org", "192.0.2.1"), 1);
    free(change);
}

static void a_connection_lost_at_commit_is_settled_as_not_committed(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    struct way_error err = {0};

    begin_and_apply(f->session, tx);
    server_kill_connections(f->server);
    assert_way_status(way_store_commit(f->session, 1, &err), WAY_UNSETTLED);
    reopen_session(f);
    assert_settled(f->session, tx, false);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides"), 0);
}

/* A session through a relay that will break the line at COMMIT. */
static struct way_store *relayed_store(struct fixture *f, struct relay *relay,
                                       enum relay_fault fault, struct way_session **session)
{
    struct way_database_url url = f->url;
    struct way_store *store = NULL;
    char socket[PATH_MAX + 8];
    struct way_error err = {0};

    (void)snprintf(socket, sizeof socket, "%s/relay", f->server->dir);
    relay_start(relay, socket, f->server->socket, fault);
    (void)snprintf(url.socket, sizeof url.socket, "%.*s", WAY_DATABASE_TEXT_MAX - 1, socket);
    assert_way_ok(way_store_mariadb_new(&url, &store, &err), &err);
    assert_way_ok(way_session_open(store, session, &err), &err);
    return store;
}

static void a_commit_whose_answer_is_lost_is_settled_as_committed(void **state)
{
    struct fixture *f = *state;
    struct relay relay;
    struct way_session *session = NULL;
    struct way_store *store = relayed_store(f, &relay, RELAY_DROPS_ANSWER, &session);
    uint8_t tx[WAY_TX_BYTES];
    struct way_error err = {0};

    begin_and_apply(session, tx);
    assert_way_status(way_store_commit(session, 1, &err), WAY_UNSETTLED);
    way_session_close(session);
    way_store_free(store);
    relay_stop(&relay);
    assert_settled(f->session, tx, true);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides"), 1);
}

/* "Not committed" must not be said as long as it could still come true otherwise. */
static void a_transaction_that_is_still_open_is_not_settled(void **state)
{
    struct fixture *f = *state;
    struct relay relay;
    struct way_session *session = NULL;
    struct way_store *store = relayed_store(f, &relay, RELAY_DROPS_REQUEST, &session);
    uint8_t tx[WAY_TX_BYTES];
    uint64_t committed = 0;
    struct way_error err = {0};
    enum way_status status;

    begin_and_apply(session, tx);
    assert_way_status(way_store_commit(session, 1, &err), WAY_UNSETTLED);
    way_session_close(session);
    way_store_free(store);
    assert_way_status(way_store_settle(f->session, tx, &committed, &err), WAY_BUSY);
    relay_stop(&relay); /* now the server sees that its client is gone */
    while ((status = way_store_settle(f->session, tx, &committed, &err)) == WAY_BUSY) {
    }
    assert_way_ok(status, &err);
    assert_int_equal(committed, 0);
}

/* --- a server that stops answering -------------------------------------------------------------
 */

static uint64_t paused_at_ms;

static void pause_server(struct fixture *f)
{
    server_pause(f->server);
    paused_at_ms = way_clock_mono_ms();
}

/* The call since pause_server() came back in time. */
static void assert_in_time(void)
{
    assert_true(way_clock_mono_ms() - paused_at_ms <= WAY_STORE_CALL_MAX_MS);
}

static bool take_no_row(void *owner, const struct way_override *row)
{
    (void)owner;
    (void)row;
    return true;
}

static void a_stopped_server_holds_no_poll_and_no_open(void **state)
{
    struct fixture *f = *state;
    struct way_position position;
    struct way_session *session = NULL;
    struct way_error err = {0};

    pause_server(f);
    assert_way_status(way_store_poll(f->session, &position, &err), WAY_UNAVAILABLE);
    assert_in_time();
    paused_at_ms = way_clock_mono_ms();
    assert_way_status(way_session_open(f->store, &session, &err), WAY_UNAVAILABLE);
    assert_in_time();
    paused_at_ms = way_clock_mono_ms();
    way_session_close(f->session); /* does not wait for the server */
    f->session = NULL;
    assert_true(way_clock_mono_ms() - paused_at_ms < 1000);
    server_resume(f->server);
    f->session = fixture_new_session(f);
    assert_int_equal(write_one(f->session, "example.org", "192.0.2.1"), 1);
}

static void a_stopped_server_holds_no_list(void **state)
{
    struct fixture *f = *state;
    struct way_list_query query = {.limit = 10};
    struct way_list_page page;
    struct way_error err = {0};

    pause_server(f);
    assert_way_status(way_store_list(f->session, &query, take_no_row, NULL, &page, &err),
                      WAY_UNAVAILABLE);
    assert_in_time();
    server_resume(f->server);
}

static void a_stopped_server_holds_no_write(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    struct way_change *change = changes_new(1);
    struct way_error err = {0};

    begin_and_apply(f->session, tx);
    change_set(change, 1, "late.example", "192.0.2.1");
    pause_server(f);
    assert_way_status(way_store_apply(f->session, change, 1, 0, &err), WAY_UNAVAILABLE);
    assert_in_time();
    server_resume(f->server);
    reopen_session(f);
    assert_settled(f->session, tx, false);
    free(change);
}

static void a_server_stopped_at_commit_leaves_it_unsettled(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t committed = 0;
    struct way_override row;
    struct way_key key = key_of("example.org");
    struct way_error err = {0};
    enum way_status status;

    begin_and_apply(f->session, tx);
    pause_server(f);
    assert_way_status(way_store_commit(f->session, 1, &err), WAY_UNSETTLED);
    assert_in_time();
    server_resume(f->server);
    reopen_session(f);
    /* The server finds COMMIT in its line, or finds the line closed: either, but it must be said.
     */
    while ((status = way_store_settle(f->session, tx, &committed, &err)) == WAY_BUSY) {
    }
    assert_way_ok(status, &err);
    assert_way_status(way_store_read(f->session, &key, &row, &err),
                      committed > 0 ? WAY_OK : WAY_NOT_FOUND);
}

static void a_lock_that_is_held_elsewhere_is_busy(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_error err = {0};

    fixture_sql(f, "START TRANSACTION");
    fixture_sql(f, "SELECT n FROM override_state FOR UPDATE");
    paused_at_ms = way_clock_mono_ms();
    assert_way_status(try_begin(f->session, tx, &first, &err), WAY_BUSY);
    assert_in_time();
    fixture_sql(f, "ROLLBACK");
    assert_int_equal(write_one(f->session, "example.org", "192.0.2.1"), 1); /* same session */
}

static void a_deadlock_is_busy_and_the_write_is_gone(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_key key = key_of("example.org");
    const struct way_key *keys[] = {&key};
    struct way_override row;
    bool found;
    struct way_error err = {0};
    struct way_position position = {0};

    (void)write_one(f->session, "example.org", "192.0.2.1");
    /* Somebody who takes the row first and the state row afterwards, by hand. */
    fixture_sql(f, "START TRANSACTION");
    fixture_sql(f, "SELECT comment FROM dns_overrides FOR UPDATE");
    assert_way_ok(try_begin(f->session, tx, &first, &err), &err);
    assert_way_status(way_store_fetch(f->session, keys, 1, &row, &found, &err), WAY_BUSY);
    fixture_sql(f, "ROLLBACK");
    assert_way_ok(way_store_poll(f->session, &position, &err), &err);
    assert_int_equal(position.revision, 1);
    assert_int_equal(write_one(f->session, "next.example", "192.0.2.1"), 2);
}

/* What a Galera node has been seen to do: it rolls back and tells nobody. Nothing must be written
 * outside of the transaction then. */
static void
a_transaction_that_the_server_has_ended_is_noticed_before_anything_is_written(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_change *change = changes_new(1);
    struct way_error err = {0};

    assert_way_ok(try_begin(f->session, tx, &first, &err), &err);
    assert_way_ok(way_session_execute(f->session, "ROLLBACK", &err), &err);
    change_set(change, first, "example.org", "192.0.2.1");
    assert_way_status(way_store_apply(f->session, change, 1, 0, &err), WAY_BUSY);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides"), 0);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change"), 0);
    assert_int_equal(write_one(f->session, "example.org", "192.0.2.1"), 1); /* same session */
    free(change);
}

/* --- read-only servers, several hosts ----------------------------------------------------------
 */

static void a_read_only_server_answers_reads_and_refuses_writes(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_store_report report;
    struct way_error err = {0};
    struct loaded loaded;

    (void)write_one(f->session, "example.org", "192.0.2.1");
    fixture_sql(f, "SET GLOBAL read_only = 1");
    /* The session that was there before ... */
    assert_way_status(try_begin(f->session, tx, &first, &err), WAY_UNAVAILABLE);
    /* ... and one that comes now. */
    reopen_session(f);
    fixture_prepare(f, &report);
    assert_false(report.is_read_only); /* the schema is complete; what is in the way may pass */
    load_all(f->session, &loaded);
    assert_int_equal(loaded.count, 1);
    loaded_fini(&loaded);
    assert_way_status(try_begin(f->session, tx, &first, &err), WAY_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "read-only"));
    fixture_sql(f, "SET GLOBAL read_only = 0");
    reopen_session(f);
    assert_int_equal(write_one(f->session, "next.example", "192.0.2.1"), 2);
}

static void a_read_only_server_cannot_be_prepared(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    struct way_error err = {0};
    enum way_status status;

    fixture_sql(f, "SET GLOBAL read_only = 1");
    fixture_open(f);
    status = way_store_prepare(f->session, &report, &err);
    fixture_sql(f, "SET GLOBAL read_only = 0");
    assert_way_status(status, WAY_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "read-only"));
    fixture_prepare(f, &report);
}

static void dead_hosts_are_passed_over(void **state)
{
    struct fixture *f = *state;

    use_url(f, "mariadb://waypost:waypost@127.0.0.1:1,127.0.0.1:%u,127.0.0.1:2,[::1]:1/waypost",
            f->server->port);
    for (unsigned i = 0; i < 12; i++) {
        fixture_open(f);
        assert_non_null(strstr(way_session_place(f->session), "127.0.0.1:"));
        fixture_close(f);
    }
    fixture_open(f);
    assert_int_equal(write_one(f->session, "example.org", "192.0.2.1"), 1);
}

static void a_host_that_takes_writes_is_preferred(void **state)
{
    struct fixture *f = *state;
    struct server other;
    char place[64];
    unsigned own_port = f->server->port;

    server_start(&other, "--read-only=1");
    (void)snprintf(place, sizeof place, "127.0.0.1:%u", own_port);
    use_url(f, "mariadb://waypost:waypost@127.0.0.1:%u,127.0.0.1:%u/waypost", other.port, own_port);
    for (unsigned i = 0; i < 8; i++) {
        fixture_open(f);
        assert_string_equal(way_session_place(f->session), place);
        fixture_close(f);
    }
    fixture_sql(f, "SET GLOBAL read_only = 1"); /* none is left: any will do, for reading */
    fixture_open(f);
    fixture_sql(f, "SET GLOBAL read_only = 0");
    fixture_close(f);
    server_end(&other);
}

static void the_first_host_is_preferred(void **state)
{
    struct fixture *f = *state;
    struct server other;
    char place[64];
    unsigned own_port = f->server->port;

    server_start(&other, "");
    (void)snprintf(place, sizeof place, "127.0.0.1:%u", other.port);
    use_url(f, "mariadb://waypost:waypost@127.0.0.1:%u,127.0.0.1:%u/waypost", other.port, own_port);
    for (unsigned i = 0; i < 8; i++) {
        fixture_open(f);
        assert_string_equal(way_session_place(f->session), place);
        fixture_close(f);
    }
    server_end(&other);
}

/* Two that accept and say nothing use up the time of one open; the next begins behind them. */
static void hosts_behind_silent_ones_are_reached(void **state)
{
    struct fixture *f = *state;
    struct server silent;
    struct way_session *session = NULL;
    struct way_error err = {0};
    unsigned own_port = f->server->port;
    unsigned opens = 0;

    server_start(&silent, "");
    use_url(f, "mariadb://waypost:waypost@127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u/waypost",
            silent.port, silent.port, own_port);
    f->store = fixture_new_store(f);
    server_pause(&silent);
    while (session == NULL && opens++ < 3) {
        paused_at_ms = way_clock_mono_ms();
        (void)!way_session_open(f->store, &session, &err);
        assert_in_time();
    }
    assert_non_null(session);
    way_session_close(session);
    server_resume(&silent);
    server_end(&silent);
}

/* Without passing over, all opens would fail. One may: on a machine that stalls there is no time
 * left for the second host. */
static void a_host_that_is_silent_is_passed_over_in_time(void **state)
{
    enum { OPENS = 8 };
    struct fixture *f = *state;
    struct server other;
    unsigned own_port = f->server->port;
    unsigned opened = 0;
    struct way_error err = {0};

    server_start(&other, "");
    use_url(f, "mariadb://waypost:waypost@127.0.0.1:%u,127.0.0.1:%u/waypost", other.port, own_port);
    f->store = fixture_new_store(f);
    server_pause(&other);
    for (unsigned i = 0; i < OPENS; i++) {
        struct way_session *session = NULL;

        paused_at_ms = way_clock_mono_ms();
        opened += way_session_open(f->store, &session, &err) == WAY_OK;
        assert_in_time();
        way_session_close(session);
    }
    server_resume(&other);
    server_end(&other);
    assert_true(opened >= OPENS - 1);
}

static void a_wrong_password_is_named_without_being_told(void **state)
{
    struct fixture *f = *state;
    struct way_session *session = NULL;
    struct way_error err = {0};

    use_url(f, "mariadb://waypost:sesame42@127.0.0.1:%u/waypost", f->server->port);
    f->store = fixture_new_store(f);
    assert_way_status(way_session_open(f->store, &session, &err), WAY_UNAVAILABLE);
    assert_null(strstr(err.detail, "sesame42"));
    assert_non_null(strstr(err.detail, "1045"));
    assert_non_null(strstr(err.detail, "127.0.0.1"));
}

static void the_server_cannot_read_our_files(void **state)
{
    struct fixture *f = *state;
    struct way_error err = {0};

    fixture_sql(f, "CREATE TABLE stolen (line TEXT)");
    assert_way_status(way_session_execute(f->session,
                                          "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE stolen",
                                          &err),
                      WAY_UNAVAILABLE);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM stolen"), 0);
}

/* A server may be set up in any way; a session of ours is as we need it. */
static void what_does_not_fit_is_refused_whatever_the_server_would_do(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_change *change = changes_new(1);
    struct way_error err = {0};

    fixture_sql(f, "SET GLOBAL sql_mode = ''");
    reopen_session(f);
    fixture_sql(f, "SET GLOBAL sql_mode = DEFAULT");
    assert_way_ok(try_begin(f->session, tx, &first, &err), &err);
    change_set(change, first, "example.org", "192.0.2.1");
    (void)snprintf(change->actor, sizeof change->actor, "Ren\xc3\xa9"); /* the column is ASCII */
    assert_way_status(way_store_apply(f->session, change, 1, 0, &err), WAY_INVALID);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides"), 0);
    free(change);
}

static void what_is_not_committed_is_not_read_whatever_the_server_would_do(void **state)
{
    struct fixture *f = *state;
    struct way_session *writer = fixture_new_session(f);
    uint8_t tx[WAY_TX_BYTES];
    struct way_position position = {0};
    struct way_error err = {0};

    fixture_sql(f, "SET GLOBAL tx_isolation = 'READ-UNCOMMITTED'");
    reopen_session(f);
    fixture_sql(f, "SET GLOBAL tx_isolation = 'REPEATABLE-READ'");
    begin_and_apply(writer, tx);
    assert_way_ok(way_store_poll(f->session, &position, &err), &err);
    assert_int_equal(position.revision, 0);
    way_session_close(writer);
}

static void what_is_committed_is_read_whatever_the_server_would_do(void **state)
{
    struct fixture *f = *state;
    struct way_session *writer = fixture_new_session(f);
    struct way_position position = {0};
    struct way_error err = {0};

    fixture_sql(f, "SET GLOBAL autocommit = 0");
    reopen_session(f);
    fixture_sql(f, "SET GLOBAL autocommit = 1");
    assert_way_ok(way_store_poll(f->session, &position, &err), &err);
    (void)write_one(writer, "example.org", "192.0.2.1");
    assert_way_ok(way_store_poll(f->session, &position, &err), &err);
    assert_int_equal(position.revision, 1);
    way_session_close(writer);
}

static void times_are_utc_in_the_table(void **state)
{
    struct fixture *f = *state;

    (void)write_one(f->session, "example.org", "192.0.2.1");
    assert_int_equal(
        fixture_number(f, "SELECT updated_at = '2023-11-14 22:13:20.000002' FROM dns_overrides"),
        1);
}

/* --- TLS ---------------------------------------------------------------------------------------
 */

static void use_tls_url(struct fixture *f, const char *host, unsigned port, const char *ca)
{
    use_url(f, "mariadb://waypost:waypost@%s:%u/waypost?tls=verify&ca=%s/certificates/%s", host,
            port, f->server->dir, ca);
    f->store = fixture_new_store(f);
}

static void tls_with_the_right_authority_and_name_connects(void **state)
{
    struct fixture *f = *state;

    use_tls_url(f, "127.0.0.1", f->server->port, "ca.pem");
    fixture_sql(f, "ALTER USER waypost REQUIRE SSL"); /* the server says too that it is TLS */
    f->session = fixture_new_session(f);
    fixture_sql(f, "ALTER USER waypost REQUIRE NONE");
    assert_int_equal(write_one(f->session, "example.org", "192.0.2.1"), 1);
}

static void assert_no_session(struct fixture *f)
{
    struct way_session *session = NULL;
    struct way_error err = {0};

    assert_way_status(way_session_open(f->store, &session, &err), WAY_UNAVAILABLE);
    assert_null(session);
}

static void tls_with_another_authority_is_refused(void **state)
{
    struct fixture *f = *state;

    use_tls_url(f, "127.0.0.1", f->server->port, "other-ca.pem");
    assert_no_session(f);
}

static void tls_with_the_systems_authorities_is_refused(void **state)
{
    struct fixture *f = *state;

    use_url(f, "mariadb://waypost:waypost@127.0.0.1:%u/waypost?tls=verify", f->server->port);
    f->store = fixture_new_store(f);
    assert_no_session(f);
}

static void tls_with_another_name_is_refused(void **state)
{
    struct fixture *f = *state;

    use_tls_url(f, "localhost", f->server->port, "ca.pem");
    assert_no_session(f);
}

static void tls_is_not_given_up_for_a_server_without_it(void **state)
{
    struct fixture *f = *state;
    struct server other;

    server_start(&other, "--skip-ssl");
    use_tls_url(f, "127.0.0.1", other.port, "ca.pem");
    assert_no_session(f);
    server_end(&other);
}

/* --- the lease ---------------------------------------------------------------------------------
 */

static void the_lease_of_another_is_waited_for_and_runs_out(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    struct way_error err = {0};

    fixture_sql(f, "UPDATE schema_lease SET holder = REPEAT('x', 16), "
                   "until = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR");
    fixture_prepare(f, &report); /* nothing is to do: the lease does not matter */
    fixture_sql(f, "DELETE FROM schema_migration WHERE version = 7");
    assert_way_status(way_store_prepare(f->session, &report, &err), WAY_BUSY);
    fixture_sql(f, "UPDATE schema_lease SET until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND");
    fixture_prepare(f, &report);
    assert_int_equal(fixture_number(f, "SELECT until < UTC_TIMESTAMP(6) FROM schema_lease"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define TEST_EMPTY(name) \
    cmocka_unit_test_setup_teardown(name, fixture_setup_empty, fixture_teardown)

int run_mariadb_cases(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_connection_lost_before_a_write_is_unavailable),
        TEST(a_connection_lost_before_commit_loses_the_write),
        TEST(a_connection_lost_at_commit_is_settled_as_not_committed),
        TEST(a_commit_whose_answer_is_lost_is_settled_as_committed),
        TEST(a_transaction_that_is_still_open_is_not_settled),
        TEST(a_stopped_server_holds_no_poll_and_no_open),
        TEST(a_stopped_server_holds_no_list),
        TEST(a_stopped_server_holds_no_write),
        TEST(a_server_stopped_at_commit_leaves_it_unsettled),
        TEST(a_lock_that_is_held_elsewhere_is_busy),
        TEST(a_deadlock_is_busy_and_the_write_is_gone),
        TEST(a_transaction_that_the_server_has_ended_is_noticed_before_anything_is_written),
        TEST(a_read_only_server_answers_reads_and_refuses_writes),
        TEST_EMPTY(a_read_only_server_cannot_be_prepared),
        TEST(dead_hosts_are_passed_over),
        TEST(the_first_host_is_preferred),
        TEST(hosts_behind_silent_ones_are_reached),
        TEST(a_host_that_takes_writes_is_preferred),
        TEST(a_host_that_is_silent_is_passed_over_in_time),
        TEST(a_wrong_password_is_named_without_being_told),
        TEST(the_server_cannot_read_our_files),
        TEST(what_does_not_fit_is_refused_whatever_the_server_would_do),
        TEST(what_is_not_committed_is_not_read_whatever_the_server_would_do),
        TEST(what_is_committed_is_read_whatever_the_server_would_do),
        TEST(times_are_utc_in_the_table),
        TEST(tls_with_the_right_authority_and_name_connects),
        TEST(tls_with_another_authority_is_refused),
        TEST(tls_with_the_systems_authorities_is_refused),
        TEST(tls_with_another_name_is_refused),
        TEST(tls_is_not_given_up_for_a_server_without_it),
        TEST(the_lease_of_another_is_waited_for_and_runs_out),
    };

    return cmocka_run_group_tests_name("a MariaDB server", tests, NULL, NULL);
}
