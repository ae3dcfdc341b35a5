/* SPDX-License-Identifier: MIT */
#include "domain/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 500, FILE_BYTES_MAX = 64 * 1024 };

struct fixture {
    char folder[64];
    char path[96];
    struct way_index *index;
    struct way_index_reader *reader;
};

static struct way_key key_of(const char *before, unsigned number, const char *behind)
{
    char text[64];
    struct way_key key;

    (void)snprintf(text, sizeof text, "%s%u%s", before, number, behind);
    assert_int_equal(way_key_parse(text, strlen(text), &key, NULL), WAY_OK);
    return key;
}

/* Names and addresses. */
static struct way_key key_number(unsigned number)
{
    return number % 3 == 0 ? key_of("2001:db8::", number, "") : key_of("k", number, ".example");
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    (void)snprintf(fixture->folder, sizeof fixture->folder, "/tmp/way-snapshot-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/snapshot", fixture->folder);
    fixture->index = way_index_new();
    assert_non_null(fixture->index);
    fixture->reader = way_index_reader_open(fixture->index);
    for (unsigned i = 0; i < ROWS; i++) {
        struct way_index_change change = {
            .key = key_number(i + 1), .is_live = true, .revision = i + 1};

        change.target.host =
            i % 2 == 0 ? key_of("10.0.0.", i % 250, "") : key_of("t", i, ".example");
        assert_int_equal(way_index_apply(fixture->index, &change, 1, i + 1), WAY_OK);
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    (void)unlink(fixture->path);
    (void)rmdir(fixture->folder);
    way_index_reader_close(fixture->reader);
    way_index_free(fixture->index);
    free(fixture);
    return 0;
}

static struct way_snapshot_info info_of(void)
{
    struct way_snapshot_info info = {.position = {.revision = ROWS, .low = 3},
                                     .true_at_us = 1700000000123456};

    memcpy(info.position.epoch, "0123456789abcdef", WAY_EPOCH_BYTES);
    return info;
}

static void save(struct fixture *fixture)
{
    struct way_snapshot_info info = info_of();
    struct way_error err;

    assert_int_equal(way_snapshot_save(fixture->path, fixture->index, &info, &err), WAY_OK);
}

static size_t read_back(const struct fixture *fixture, unsigned char *bytes)
{
    FILE *file = fopen(fixture->path, "re");
    size_t len;

    assert_non_null(file);
    len = fread(bytes, 1, FILE_BYTES_MAX, file);
    (void)fclose(file);
    return len;
}

static void what_is_saved_comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct way_snapshot_info info;
    struct way_index *other = way_index_new();
    struct way_index_reader *reader = way_index_reader_open(other);
    struct way_index_draft *draft = way_index_draft_new(other);
    struct way_error err;

    save(fixture);
    assert_int_equal(way_snapshot_load(fixture->path, draft, &info, &err), WAY_OK);
    assert_int_equal(info.position.revision, ROWS);
    assert_int_equal(info.position.low, 3);
    assert_int_equal(info.true_at_us, 1700000000123456);
    assert_int_equal(info.count, ROWS);
    assert_memory_equal(info.position.epoch, "0123456789abcdef", WAY_EPOCH_BYTES);
    way_index_draft_free(way_index_replace(other, draft, info.position.revision));
    assert_int_equal(way_index_count(other), ROWS);
    for (unsigned i = 0; i < ROWS; i++) {
        struct way_key key = key_number(i + 1);
        struct way_match here;
        struct way_match there;

        assert_true(way_index_find(fixture->reader, &key, &here));
        assert_true(way_index_find(reader, &key, &there));
        assert_string_equal(here.target.host.text, there.target.host.text);
        assert_int_equal(here.target.host.kind, there.target.host.kind);
        assert_int_equal(here.revision, there.revision);
    }
    way_index_reader_close(reader);
    way_index_free(other);
}

static enum way_status parse(const struct fixture *fixture, const unsigned char *bytes, size_t len)
{
    struct way_index_draft *draft = way_index_draft_new(fixture->index);
    /* On the heap to the byte, so that over-reads show. */
    unsigned char *exact = malloc(len + 1);
    struct way_snapshot_info info;
    struct way_error err;
    enum way_status status;

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    status = way_snapshot_parse(exact, len, draft, &info, &err);
    free(exact);
    way_index_draft_free(draft);
    return status;
}

static void a_file_that_is_cut_anywhere_is_refused(void **state)
{
    struct fixture *fixture = *state;
    unsigned char *bytes = malloc(FILE_BYTES_MAX);
    size_t len;

    assert_non_null(bytes);
    save(fixture);
    len = read_back(fixture, bytes);
    assert_int_equal(parse(fixture, bytes, len), WAY_OK);
    for (size_t cut = 0; cut < len; cut += 1 + cut / 64) {
        assert_int_equal(parse(fixture, bytes, cut), WAY_INVALID);
    }
    free(bytes);
}

static void a_bit_that_is_flipped_anywhere_is_seen(void **state)
{
    struct fixture *fixture = *state;
    unsigned char *bytes = malloc(FILE_BYTES_MAX);
    size_t len;

    assert_non_null(bytes);
    save(fixture);
    len = read_back(fixture, bytes);
    for (size_t at = 0; at < len; at += 7) {
        bytes[at] ^= (unsigned char)(1U << at % 8);
        assert_int_equal(parse(fixture, bytes, len), WAY_INVALID);
        bytes[at] ^= (unsigned char)(1U << at % 8);
    }
    assert_int_equal(parse(fixture, bytes, len), WAY_OK);
    free(bytes);
}

/* The place where the new file is written first is taken by a folder. */
static void name_beside(const struct fixture *fixture, char *out, size_t size)
{
    (void)snprintf(out, size, "%s.new", fixture->path);
}

static int mkdir_beside(const struct fixture *fixture)
{
    char path[160];

    name_beside(fixture, path, sizeof path);
    return mkdir(path, 0700);
}

static int rmdir_beside(const struct fixture *fixture)
{
    char path[160];

    name_beside(fixture, path, sizeof path);
    return rmdir(path);
}

static void a_save_that_fails_leaves_the_old_file(void **state)
{
    struct fixture *fixture = *state;
    struct way_snapshot_info info = info_of();
    char path[160];
    struct way_error err;

    (void)snprintf(path, sizeof path, "%s/none/snapshot", fixture->folder);
    assert_int_equal(way_snapshot_save(path, fixture->index, &info, &err), WAY_NOT_FOUND);
    assert_non_null(strstr(err.detail, "No such file"));
    save(fixture);
    assert_int_equal(mkdir_beside(fixture), 0);
    assert_int_not_equal(way_snapshot_save(fixture->path, fixture->index, &info, &err), WAY_OK);
    assert_int_equal(rmdir_beside(fixture), 0);
    assert_int_equal(access(fixture->path, R_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_saved_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_cut_anywhere_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bit_that_is_flipped_anywhere_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_save_that_fails_leaves_the_old_file, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("domain/snapshot", tests, NULL, NULL);
}
