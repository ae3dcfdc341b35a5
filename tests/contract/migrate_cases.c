/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fixture.h"

#include "store/migrate.h"

#include <stdlib.h>

#define NEWER(is_expand)                                                        \
    "INSERT INTO schema_migration (version, name, sha256, is_expand, done_at) " \
    "SELECT 9000, '9000_from_the_future', sha256, " is_expand                   \
    ", done_at FROM schema_migration WHERE version = 1"

static unsigned newest_step(const struct fixture *f)
{
    return f->engine == WAY_ENGINE_SQLITE
               ? way_migrations_sqlite[way_migrations_sqlite_count - 1].version
               : way_migrations_mariadb[way_migrations_mariadb_count - 1].version;
}

static size_t load_count(struct way_session *session)
{
    struct loaded loaded;
    size_t count;

    load_all(session, &loaded);
    count = loaded.count;
    loaded_fini(&loaded);
    return count;
}

/* The session answers reads, and refuses writes with these words. */
static void assert_read_only(struct way_session *session, const char *words)
{
    uint8_t tx[WAY_TX_BYTES];
    uint64_t first = 0;
    struct way_error err = {0};

    way_random_bytes(tx, sizeof tx);
    assert_way_status(way_store_begin(session, 1, tx, &first, &err), WAY_UNAVAILABLE);
    if (strstr(err.detail, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.detail, words);
    }
    assert_int_equal(load_count(session), 1);
}

static void an_empty_database_gets_every_step_once(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;

    fixture_open(f);
    fixture_prepare(f, &report);
    assert_false(report.is_read_only);
    assert_int_equal(report.rejected, 0);
    assert_int_equal(report.schema_version, newest_step(f));
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM schema_migration"), newest_step(f));
    assert_int_equal(
        fixture_number(f, "SELECT COUNT(*) FROM schema_migration WHERE done_at IS NULL"), 0);
}

static void a_second_start_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    char before[64];
    char after[64];
    char *log;

    (void)write_one(f->session, "example.org", "192.0.2.1");
    fixture_text(f, "SELECT MAX(done_at) FROM schema_migration", before, sizeof before);
    fixture_close(f);
    fixture_open(f);
    log_catch();
    fixture_prepare(f, &report);
    log = log_caught();
    assert_int_equal(count_lines(log, "migration.done"), 0);
    fixture_text(f, "SELECT MAX(done_at) FROM schema_migration", after, sizeof after);
    assert_string_equal(before, after);
    assert_int_equal(load_count(f->session), 1);
    (void)write_one(f->session, "next.example", "192.0.2.1");
    free(log);
}

/* What a crash leaves: the step is done but not noted, or announced and not done. */
static void a_step_that_was_cut_short_is_run_again(void **state)
{
    static const char *const cuts[] = {
        "DELETE FROM schema_migration WHERE version = 4",
        "UPDATE schema_migration SET done_at = NULL, sha256 = 'x' WHERE version = 4",
        "DELETE FROM schema_migration",
        "DELETE FROM schema_migration WHERE version = 3",
        "DROP TABLE schema_migration",
    };
    struct fixture *f = *state;
    struct way_store_report report;

    (void)write_one(f->session, "example.org", "192.0.2.1");
    for (size_t i = 0; i < WAY_COUNT_OF(cuts); i++) {
        fixture_close(f);
        fixture_sql(f, cuts[i]);
        fixture_open(f);
        fixture_prepare(f, &report);
        assert_false(report.is_read_only);
        assert_int_equal(report.schema_version, newest_step(f));
        assert_int_equal(load_count(f->session), 1);
        assert_int_equal(fixture_number(f, "SELECT n FROM override_state"), 1);
    }
}

static void a_changed_checksum_makes_it_read_only(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    struct way_session *other;

    (void)write_one(f->session, "example.org", "192.0.2.1");
    fixture_sql(f, "UPDATE schema_migration SET sha256 = 'changed' WHERE version = 2");
    fixture_prepare(f, &report);
    assert_true(report.is_read_only);
    assert_non_null(strstr(report.reason, "0002_override_state"));
    assert_non_null(strstr(report.reason, "checksum"));
    assert_read_only(f->session, "0002_override_state");
    other = fixture_new_session(f); /* the store knows, not the session alone */
    assert_read_only(other, "0002_override_state");
    way_session_close(other);
}

static void a_newer_step_that_expands_changes_nothing_for_us(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;

    fixture_sql(f, NEWER("1"));
    fixture_prepare(f, &report);
    assert_false(report.is_read_only);
    assert_int_equal(report.schema_version, 9000);
    (void)write_one(f->session, "example.org", "192.0.2.1");
    assert_int_equal(load_count(f->session), 1);
}

static void a_newer_step_that_does_not_expand_makes_it_read_only(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;

    (void)write_one(f->session, "example.org", "192.0.2.1");
    fixture_sql(f, NEWER("0"));
    fixture_prepare(f, &report);
    assert_true(report.is_read_only);
    assert_non_null(strstr(report.reason, "9000_from_the_future"));
    assert_read_only(f->session, "9000_from_the_future");
}

/* A newer program migrates while this one runs: it stops writing, without being started again. */
static void a_running_program_stops_writing_when_a_newer_step_is_announced(void **state)
{
    struct fixture *f = *state;

    (void)write_one(f->session, "example.org", "192.0.2.1");
    fixture_sql(f, NEWER("0"));
    fixture_sql(f, "UPDATE schema_migration SET done_at = NULL WHERE version = 9000");
    assert_read_only(f->session, "9000_from_the_future");
    fixture_sql(f, "DELETE FROM schema_migration WHERE version = 9000");
    (void)write_one(f->session, "next.example", "192.0.2.1");
}

static void somebody_elses_table_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct way_store_report report;
    struct way_error err = {0};

    fixture_sql(f, "CREATE TABLE dns_overrides (domain VARCHAR(255), address VARCHAR(255))");
    fixture_open(f);
    assert_way_status(way_store_prepare(f->session, &report, &err), WAY_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "dns_overrides"));
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM dns_overrides WHERE domain = ''"), 0);
}

static void a_database_that_is_not_prepared_takes_no_writes(void **state)
{
    struct fixture *f = *state;
    uint8_t tx[WAY_TX_BYTES] = {1};
    uint64_t first = 0;
    struct way_error err = {0};

    fixture_open(f);
    assert_way_status(way_store_begin(f->session, 1, tx, &first, &err), WAY_UNAVAILABLE);
}

static void instances_that_start_together_all_end_well(void **state)
{
    struct fixture *f = *state;

    fixture_open(f);
    fixture_prepare_together(f);
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM schema_migration"), newest_step(f));
    assert_int_equal(fixture_number(f, "SELECT COUNT(*) FROM override_state"), 1);
    (void)write_one(f->session, "example.org", "192.0.2.1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define TEST_EMPTY(name) \
    cmocka_unit_test_setup_teardown(name, fixture_setup_empty, fixture_teardown)

int run_migrate_cases(void)
{
    static const struct CMUnitTest tests[] = {
        TEST_EMPTY(an_empty_database_gets_every_step_once),
        TEST(a_second_start_changes_nothing),
        TEST(a_step_that_was_cut_short_is_run_again),
        TEST(a_changed_checksum_makes_it_read_only),
        TEST(a_newer_step_that_expands_changes_nothing_for_us),
        TEST(a_newer_step_that_does_not_expand_makes_it_read_only),
        TEST(a_running_program_stops_writing_when_a_newer_step_is_announced),
        TEST_EMPTY(somebody_elses_table_is_left_alone),
        TEST_EMPTY(a_database_that_is_not_prepared_takes_no_writes),
        TEST_EMPTY(instances_that_start_together_all_end_well),
    };

    return cmocka_run_group_tests_name("migrations", tests, NULL, NULL);
}
