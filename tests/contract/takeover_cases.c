/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fixture.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

/* The predecessor's table as two of its versions made it. */
#define SEED_SQLITE                                                                         \
    "CREATE TABLE dns_overrides (lookup_key varchar(255), target_host text, comment text, " \
    "created_at datetime, updated_at datetime, PRIMARY KEY (lookup_key))"
#define SEED_MARIADB                                                                               \
    "CREATE TABLE dns_overrides (updated_at DATETIME(3), comment LONGTEXT, target_host LONGTEXT, " \
    "created_at DATETIME(3), lookup_key VARCHAR(255) NOT NULL, PRIMARY KEY (lookup_key)) "         \
    "CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
#define INSERT \
    "INSERT INTO dns_overrides (lookup_key, target_host, comment, created_at, updated_at) VALUES "
#define OLD "'2023-01-02 03:04:05', '2023-01-02 03:04:05')"
#define NEW "'2024-01-02 03:04:05', '2024-01-02 03:04:05')"

#define LABEL_63 "aaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg"

static void make_seed(struct fixture *f)
{
    if (f->engine == WAY_ENGINE_MARIADB) {
        fixture_sql(f, "SET SESSION sql_mode = ''"); /* as it was for the predecessor */
        fixture_sql(f, SEED_MARIADB);
    } else {
        fixture_sql(f, SEED_SQLITE);
    }
}

static const char *const good_rows[] = {
    INSERT "('normal.example', '192.0.2.1', 'kept', " OLD,
    INSERT "('Mixed.Example', 'Relay.Example.', NULL, " OLD,
    INSERT "('[192.0.2.7]', '192.0.2.8', '', " OLD,
    INSERT "('[IPv6:2001:DB8:0::1]', '192.0.2.8', '', " OLD,
    INSERT "('none.example', '192.0.2.1', '', NULL, NULL)",
};

static const char *const claims[] = {
    INSERT "('dup.example', '192.0.2.10', 'in normal form', " OLD,
    INSERT "('DUP.example.', '192.0.2.11', 'newer', " NEW,
    INSERT "('Late.example', '192.0.2.12', 'older', " OLD,
    INSERT "('LATE.example', '192.0.2.13', 'newer', " NEW,
    INSERT "('Tie.example', '192.0.2.14', '', " OLD,
    INSERT "('TIE.example', '192.0.2.15', 'first in byte order', " OLD,
    INSERT "('Timed.example', '192.0.2.16', '', " OLD,
    INSERT "('TIMED.example', '192.0.2.17', 'without a time', NULL, NULL)",
};

/* What is wrong with each stands in its reason. */
static const struct {
    const char *sql;
    const char *reason;
} bad_rows[] = {
    {INSERT "('https://x.example/', '192.0.2.1', '', " OLD, "lookup_key"},
    {INSERT "('url.example', 'https://relay.example/mx', '', " OLD, "target_host"},
    {INSERT "('port.example', 'relay.example:25', '', " OLD, "target_host"},
    {INSERT "('same.example', 'SAME.example.', '', " OLD, "target_host"},
    {INSERT "('null.example', NULL, '', " OLD, "target_host: is NULL"},
    {INSERT "('empty.example', '', '', " OLD, "target_host"},
    {INSERT "('', '192.0.2.1', '', " OLD, "lookup_key"},
    {INSERT "('two words.example', '192.0.2.1', '', " OLD, "lookup_key"},
    {INSERT "('" LABEL_63 "h.example', '192.0.2.1', '', " OLD, "lookup_key"},
    {INSERT "('long.example', '" LABEL_63 "h.example', '', " OLD, "target_host"},
    {INSERT "('shadow.example', 'ftp://x', 'goes first, cannot be served', " OLD, "target_host"},
    {INSERT "('Shadow.example', '192.0.2.1', 'has no effect', " OLD, "shadow.example"},
};

static void insert_all(struct fixture *f, const char *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fixture_sql(f, rows[i]);
    }
}

/* Opens and prepares; gives the log back. */
static char *take_over(struct fixture *f, struct way_store_report *report)
{
    log_catch();
    fixture_open(f);
    fixture_prepare(f, report);
    return log_caught();
}

static struct way_override read_row(struct fixture *f, const char *text)
{
    struct way_key key = key_of(text);
    struct way_override row = {.revision = 0};
    struct way_error err = {0};

    if (way_store_read(f->session, &key, &row, &err) != WAY_OK) {
        fail_msg("%s: %s", text, err.detail);
    }
    return row;
}

static void assert_served(struct fixture *f, const char *key, const char *target)
{
    struct way_override row = read_row(f, key);

    assert_string_equal(row.lookup_key.text, key);
    assert_string_equal(row.target.host.text, target);
    assert_int_equal(row.revision, 1);
    assert_true(row.is_enabled);
}

static size_t served_count(struct fixture *f)
{
    struct loaded loaded;
    size_t count;

    load_all(f->session, &loaded);
    count = loaded.count;
    loaded_fini(&loaded);
    return count;
}

static bool expect_reload(void *owner, const struct way_log_row *row)
{
    assert_int_equal(row->op, WAY_OP_RELOAD);
    assert_int_equal(row->revision, 1);
    ++*(size_t *)owner;
    return true;
}

static void good_rows_are_served_in_normal_form(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    int64_t before = way_clock_wall_us();
    struct way_override row;
    size_t log_rows = 0;
    struct way_error err = {0};
    char *log;

    make_seed(f);
    insert_all(f, good_rows, WAY_COUNT_OF(good_rows));
    log = take_over(f, &report);
    assert_false(report.is_read_only);
    assert_int_equal(report.rejected, 0);
    assert_int_equal(served_count(f), WAY_COUNT_OF(good_rows));
    assert_served(f, "normal.example", "192.0.2.1");
    assert_served(f, "mixed.example", "relay.example");
    assert_served(f, "192.0.2.7", "192.0.2.8");
    assert_served(f, "2001:db8::1", "192.0.2.8");
    row = read_row(f, "normal.example");
    assert_string_equal(row.comment, "kept");
    assert_int_equal(row.created_at_us, way_time_from_civil(2023, 1, 2, 3, 4, 5, 0));
    assert_int_equal(row.updated_at_us, way_time_from_civil(2023, 1, 2, 3, 4, 5, 0));
    row = read_row(f, "none.example");
    assert_true(row.created_at_us >= before && row.created_at_us <= way_clock_wall_us());
    assert_true(row.updated_at_us >= before && row.updated_at_us <= way_clock_wall_us());
    assert_string_equal(read_row(f, "mixed.example").comment, "");
    assert_int_equal(count_lines(log, "takeover.changed"), 3);
    assert_int_equal(count_lines(log, "level=notice event=takeover.changed from=Mixed.Example "
                                      "to=mixed.example"),
                     1);
    assert_int_equal(count_lines(log, "to=2001:db8::1"), 1);
    assert_way_ok(way_store_changes(f->session, 0, 100, expect_reload, &log_rows, &err), &err);
    assert_int_equal(log_rows, 1);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides_seed"),
                     WAY_COUNT_OF(good_rows));
    free(log);
}

static void of_rows_that_claim_one_key_one_is_served(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    char *log;

    make_seed(f);
    insert_all(f, claims, WAY_COUNT_OF(claims));
    log = take_over(f, &report);
    assert_int_equal(served_count(f), 4);
    assert_served(f, "dup.example", "192.0.2.10");
    assert_served(f, "late.example", "192.0.2.13");
    assert_served(f, "tie.example", "192.0.2.15");
    assert_served(f, "timed.example", "192.0.2.16");
    assert_int_equal(report.rejected, 4);
    assert_int_equal(count_lines(log, "level=warn event=takeover.rejected"), 4);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides_rejected "
                                       "WHERE lookup_key = 'DUP.example.' "
                                       "AND target_host = '192.0.2.11' "
                                       "AND reason LIKE '%dup.example%'"),
                     1);
    free(log);
}

static void bad_rows_are_kept_aside_with_a_reason(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    char *log;

    make_seed(f);
    for (size_t i = 0; i < WAY_COUNT_OF(bad_rows); i++) {
        fixture_sql(f, bad_rows[i].sql);
    }
    fixture_sql(f, good_rows[0]);
    log = take_over(f, &report);
    assert_int_equal(served_count(f), 1);
    assert_int_equal(report.rejected, WAY_COUNT_OF(bad_rows));
    assert_int_equal(count_lines(log, "level=warn event=takeover.rejected"),
                     WAY_COUNT_OF(bad_rows));
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides_rejected"),
                     WAY_COUNT_OF(bad_rows));
    for (size_t i = 0; i < WAY_COUNT_OF(bad_rows); i++) {
        char sql[512];

        (void)snprintf(sql, sizeof sql,
                       "SELECT COUNT(*) FROM dns_overrides_rejected WHERE reason LIKE '%%%s%%'",
                       bad_rows[i].reason);
        assert_true(fixture_number(f, sql) >= 1);
    }
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides_rejected "
                                       "WHERE target_host IS NULL"),
                     1);
    free(log);

    fixture_close(f); /* the count is told at later starts, the lines are not */
    log = take_over(f, &report);
    assert_int_equal(report.rejected, WAY_COUNT_OF(bad_rows));
    assert_int_equal(count_lines(log, "takeover."), 0);
    free(log);
}

static void a_comment_that_breaks_our_rules_is_cut_and_the_row_stays(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    char sql[8192];
    char *log;
    struct way_override row;
    size_t len;

    make_seed(f);
    len = (size_t)snprintf(sql, sizeof sql, INSERT "('long.example', '192.0.2.1', '");
    for (size_t i = 0; i < 1500; i++) {
        sql[len++] = '\xc3'; /* e with an acute accent */
        sql[len++] = '\xa9';
    }
    (void)snprintf(sql + len, sizeof sql - len, "', " OLD);
    fixture_sql(f, sql);
    fixture_sql(f, INSERT "('control.example', '192.0.2.1', 'a\x01"
                          "b\r\nc\td', " OLD);
    log = take_over(f, &report);
    assert_int_equal(report.rejected, 0);
    row = read_row(f, "long.example");
    assert_int_equal(way_utf8_count(row.comment, strlen(row.comment)), WAY_COMMENT_MAX);
    assert_true(way_utf8_is_valid(row.comment, strlen(row.comment)));
    assert_string_equal(read_row(f, "control.example").comment, "ab\nc\td");
    assert_int_equal(count_lines(log, "level=warn event=takeover.comment_cut"), 2);
    free(log);
}

static void an_empty_table_is_taken_over_too(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;

    make_seed(f);
    free(take_over(f, &report));
    assert_int_equal(served_count(f), 0);
    assert_int_equal(fixture_number(f, "SELECT n FROM override_state"), 0);
    assert_int_equal(write_one(f->session, "example.org", "192.0.2.1"), 1);
}

static void a_table_of_bad_rows_only_gives_no_revision(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;

    make_seed(f);
    fixture_sql(f, bad_rows[0].sql);
    free(take_over(f, &report));
    assert_int_equal(report.rejected, 1);
    assert_int_equal(fixture_number(f, "SELECT n FROM override_state"), 0);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change"), 0);
    assert_int_equal(write_one(f->session, "example.org", "192.0.2.1"), 1);
}

/* --- crashes -----------------------------------------------------------------------------------
 */

static void assert_taken_over_once(struct fixture *f)
{
    struct way_store_report report;

    free(take_over(f, &report));
    assert_served(f, "normal.example", "192.0.2.1");
    assert_int_equal(served_count(f), WAY_COUNT_OF(good_rows));
    assert_int_equal(report.rejected, 1);
    assert_int_equal(fixture_number(f, "SELECT n FROM override_state"), 1);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_change"), 1);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides_seed"),
                     WAY_COUNT_OF(good_rows) + 1);
    fixture_close(f);
}

static void make_seed_with_rows(struct fixture *f)
{
    make_seed(f);
    insert_all(f, good_rows, WAY_COUNT_OF(good_rows));
    fixture_sql(f, bad_rows[0].sql);
}

static void a_crash_before_the_rename_is_healed(void **state)
{
    struct fixture *f = *state;

    make_seed_with_rows(f);
    fixture_sql(f, "CREATE TABLE schema_migration (version INTEGER NOT NULL PRIMARY KEY, "
                   "name VARCHAR(100) NOT NULL, sha256 CHAR(64) NOT NULL, "
                   "is_expand INTEGER NOT NULL, done_at DATETIME(6))");
    assert_taken_over_once(f);
}

static void a_crash_after_the_rename_is_healed(void **state)
{
    struct fixture *f = *state;

    make_seed_with_rows(f);
    fixture_sql(f, "ALTER TABLE dns_overrides RENAME TO dns_overrides_seed");
    assert_taken_over_once(f);
}

static void a_crash_in_the_middle_of_the_steps_is_healed(void **state)
{
    struct fixture *f = *state;

    make_seed_with_rows(f);
    assert_taken_over_once(f);
    fixture_sql(f, "DROP TABLE dns_overrides_rejected");
    fixture_sql(f, "DROP TABLE override_change");
    fixture_sql(f, "DELETE FROM dns_overrides");
    fixture_sql(f, "DELETE FROM override_state");
    fixture_sql(f, "DELETE FROM schema_migration WHERE version >= 3");
    assert_taken_over_once(f);
}

static void a_crash_before_the_import_is_healed(void **state)
{
    struct fixture *f = *state;

    make_seed_with_rows(f);
    assert_taken_over_once(f);
    fixture_sql(f, "DELETE FROM dns_overrides_rejected");
    fixture_sql(f, "DELETE FROM override_change");
    fixture_sql(f, "DELETE FROM dns_overrides");
    fixture_sql(f, "UPDATE override_state SET n = 0, is_seed_taken = 0");
    assert_taken_over_once(f);
    assert_taken_over_once(f); /* and not again */
}

static void instances_that_start_together_take_over_once(void **state)
{
    struct fixture *f = *state;

    make_seed_with_rows(f);
    fixture_open(f);
    fixture_prepare_together(f);
    fixture_close(f);
    assert_taken_over_once(f);
}

/* Until the import is done nobody may write: it would be lost under it. */
static void no_write_comes_before_the_import(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    uint8_t tx[WAY_TX_BYTES] = {1};
    uint64_t first = 0;
    struct way_error err = {0};

    make_seed_with_rows(f);
    free(take_over(f, &report));
    fixture_sql(f, "UPDATE override_state SET is_seed_taken = 0");
    assert_way_status(way_store_begin(f->session, 1, tx, &first, &err), WAY_UNAVAILABLE);
}

static void two_tables_of_the_predecessor_are_refused(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    struct way_error err = {0};

    make_seed_with_rows(f);
    fixture_sql(f, "CREATE TABLE dns_overrides_seed AS SELECT * FROM dns_overrides");
    fixture_open(f);
    assert_way_status(way_store_prepare(f->session, &report, &err), WAY_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "dns_overrides_seed"));
}

/* A fresh database is not open to a table that somebody calls dns_overrides_seed later on. */
static void a_seed_that_comes_later_is_not_imported(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;

    free(take_over(f, &report));
    fixture_close(f);
    fixture_sql(f, "CREATE TABLE dns_overrides_seed (lookup_key VARCHAR(255), "
                   "target_host VARCHAR(255), comment VARCHAR(255), created_at VARCHAR(40), "
                   "updated_at VARCHAR(40))");
    fixture_sql(f, "INSERT INTO dns_overrides_seed VALUES ('a.example', '192.0.2.1', '', '', '')");
    free(take_over(f, &report));
    assert_int_equal(served_count(f), 0);
}

static void a_hundred_thousand_rows_take_seconds(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    uint64_t started;

    make_seed(f);
    if (f->engine == WAY_ENGINE_MARIADB) {
        fixture_sql(f, INSERT "('a.example', '192.0.2.1', '', " OLD);
        fixture_sql(f, "INSERT INTO dns_overrides (lookup_key, target_host, comment) SELECT "
                       "CONCAT(IF(seq % 2 = 0, 'Host', 'host'), seq DIV 2, '.example'), "
                       "'192.0.2.1', 'c' FROM seq_2_to_100000");
    } else {
        fixture_sql(f, INSERT "('a.example', '192.0.2.1', '', " OLD);
        fixture_sql(f, "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n "
                       "WHERE i < 100000) INSERT INTO dns_overrides (lookup_key, target_host, "
                       "comment) SELECT iif(i % 2 = 0, 'Host', 'host') || (i / 2) || '.example', "
                       "'192.0.2.1', 'c' FROM n");
    }
    started = way_clock_mono_ms();
    free(take_over(f, &report));
    assert_true(way_clock_mono_ms() - started < 30000);
    assert_int_equal(served_count(f), 50001);
    assert_int_equal(report.rejected, 100000 - 50001);
}

/* --- what only one engine can hold -------------------------------------------------------------
 */

static void an_sqlite_seed_may_hold_anything_anywhere(void **state)
{
    static const struct {
        const char *time;
        int64_t seconds; /* 0: the time of the takeover */
    } times[] = {
        {"'2024-01-02 03:04:05.999999999+00:00'", 1704164645},
        {"'2024-01-02 05:04:05.999+02:00'", 1704164645},
        {"'2024-01-02T03:04:05Z'", 1704164645},
        {"'2024-01-02 03:04:05.5 +0000 UTC m=+0.000000001'", 1704164645},
        {"'2024-01-02'", 1704153600},
        {"1704164645", 1704164645},
        {"1704164645123", 1704164645},
        {"1704164645123456789", 1704164645},
        {"'1704164645'", 1704164645},
        {"1704164645.75", 1704164645},
        {"'0001-01-01 00:00:00+00:00'", 0},
        {"'0000-00-00 00:00:00'", 0},
        {"''", 0},
        {"0", 0},
        {"NULL", 0},
        {"'yesterday'", 0},
        {"x'ff'", 0},
    };
    struct fixture *f = *state;
    int64_t now_s = way_clock_wall_us() / 1000000;
    struct way_store_report report;
    char *log;

    make_seed(f);
    for (size_t i = 0; i < WAY_COUNT_OF(times); i++) {
        char sql[512];

        (void)snprintf(sql, sizeof sql, INSERT "('time%zu.example', '192.0.2.1', '', %s, %s)", i,
                       times[i].time, times[i].time);
        fixture_sql(f, sql);
    }
    fixture_sql(f, INSERT "(NULL, '192.0.2.1', '', " OLD);
    fixture_sql(f, INSERT "(NULL, '192.0.2.2', '', " OLD); /* NULLs are no duplicates */
    fixture_sql(f, INSERT "(12345, '192.0.2.1', '', " OLD);
    fixture_sql(f, INSERT "(x'ff00fe', '192.0.2.1', '', " OLD);
    fixture_sql(f, INSERT "('blob.example', CAST('192.0.2.9' AS BLOB), x'61ff62', " OLD);
    fixture_sql(f, INSERT "('number.example', 5, 77, " OLD);
    log = take_over(f, &report);
    for (size_t i = 0; i < WAY_COUNT_OF(times); i++) {
        char key[32];
        int64_t seconds;

        (void)snprintf(key, sizeof key, "time%zu.example", i);
        seconds = read_row(f, key).updated_at_us / 1000000;
        if (times[i].seconds == 0) {
            assert_true(seconds >= now_s && seconds < now_s + 60);
        } else {
            assert_int_equal(seconds, times[i].seconds);
        }
    }
    assert_served(f, "blob.example", "192.0.2.9");
    assert_string_equal(read_row(f, "blob.example").comment, "a\xef\xbf\xbd"
                                                             "b");
    assert_int_equal(report.rejected, 5);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides_rejected "
                                       "WHERE lookup_key IS NULL"),
                     2);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides_rejected "
                                       "WHERE lookup_key = '\\xFF\\x00\\xFE'"),
                     1);
    free(log);
}

static void a_mariadb_seed_may_have_other_types_and_alphabets(void **state)
{
    struct fixture *f = *state;
    int64_t now_us = way_clock_wall_us();
    struct way_store_report report;

    fixture_sql(f, "SET SESSION sql_mode = ''");
    fixture_sql(f, "CREATE TABLE dns_overrides (id INT, comment MEDIUMTEXT, "
                   "lookup_key VARCHAR(255) PRIMARY KEY, created_at TIMESTAMP NULL, "
                   "target_host VARCHAR(300), updated_at DATETIME) CHARSET=latin1");
    fixture_sql(f, INSERT "('b\xc3\xbc"
                          "cher.example', '192.0.2.1', 'K\xc3\xb6ln', " OLD);
    fixture_sql(f, INSERT "('zero.example', '192.0.2.1', '', 0, '0000-00-00 00:00:00')");
    fixture_sql(f, INSERT "('one.example', '192.0.2.1', '', NULL, '0001-01-01 00:00:00')");
    fixture_sql(f, "SET SESSION time_zone = '+00:00'");
    fixture_sql(f, INSERT "('stamp.example', '192.0.2.1', '', " OLD);
    fixture_sql(f, "SET GLOBAL time_zone = '+05:00'"); /* a TIMESTAMP is read in one's own zone */
    free(take_over(f, &report));
    fixture_sql(f, "SET GLOBAL time_zone = 'SYSTEM'");
    assert_int_equal(read_row(f, "stamp.example").created_at_us,
                     way_time_from_civil(2023, 1, 2, 3, 4, 5, 0));
    assert_int_equal(report.rejected, 0);
    assert_served(f, "xn--bcher-kva.example", "192.0.2.1");
    assert_string_equal(read_row(f, "xn--bcher-kva.example").comment, "K\xc3\xb6ln");
    assert_true(read_row(f, "zero.example").created_at_us >= now_us);
    assert_true(read_row(f, "zero.example").updated_at_us >= now_us);
    assert_true(read_row(f, "one.example").updated_at_us >= now_us);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_empty, fixture_teardown)

int run_takeover_cases(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(good_rows_are_served_in_normal_form),
        TEST(of_rows_that_claim_one_key_one_is_served),
        TEST(bad_rows_are_kept_aside_with_a_reason),
        TEST(a_comment_that_breaks_our_rules_is_cut_and_the_row_stays),
        TEST(an_empty_table_is_taken_over_too),
        TEST(a_table_of_bad_rows_only_gives_no_revision),
        TEST(a_crash_before_the_rename_is_healed),
        TEST(a_crash_after_the_rename_is_healed),
        TEST(a_crash_in_the_middle_of_the_steps_is_healed),
        TEST(a_crash_before_the_import_is_healed),
        TEST(instances_that_start_together_take_over_once),
        TEST(no_write_comes_before_the_import),
        TEST(two_tables_of_the_predecessor_are_refused),
        TEST(a_seed_that_comes_later_is_not_imported),
        TEST(a_hundred_thousand_rows_take_seconds),
    };

    return cmocka_run_group_tests_name("takeover", tests, NULL, NULL);
}

int run_sqlite_takeover_cases(void)
{
    static const struct CMUnitTest tests[] = {TEST(an_sqlite_seed_may_hold_anything_anywhere)};

    return cmocka_run_group_tests_name("takeover of an SQLite file", tests, NULL, NULL);
}

int run_mariadb_takeover_cases(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_mariadb_seed_may_have_other_types_and_alphabets)};

    return cmocka_run_group_tests_name("takeover of a MariaDB database", tests, NULL, NULL);
}
