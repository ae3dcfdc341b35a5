/* SPDX-License-Identifier: MIT */
#include "dns/resolv_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h> /* wants the others first */

static char folder[] = "/tmp/waypost-test-XXXXXX";
static char path[64];
static char other[64];

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void each_change_is_told_once(void **state)
{
    struct way_resolv_conf conf;
    uint64_t now_ms = 1000;

    (void)state;
    write_file(path, "nameserver 192.0.2.1\n");
    assert_int_equal(way_resolv_conf_init(&conf, path, now_ms), WAY_OK);
    now_ms += WAY_RESOLV_CONF_LOOK_MS;
    assert_false(way_resolv_conf_is_changed(&conf, now_ms));

    write_file(path, "nameserver 192.0.2.22\n"); /* in place */
    now_ms += WAY_RESOLV_CONF_LOOK_MS;
    assert_true(way_resolv_conf_is_changed(&conf, now_ms));
    now_ms += WAY_RESOLV_CONF_LOOK_MS;
    assert_false(way_resolv_conf_is_changed(&conf, now_ms));

    write_file(other, "nameserver 192.0.2.33\n"); /* a new file under the name */
    assert_int_equal(rename(other, path), 0);
    now_ms += WAY_RESOLV_CONF_LOOK_MS;
    assert_true(way_resolv_conf_is_changed(&conf, now_ms));

    assert_int_equal(unlink(path), 0);
    now_ms += WAY_RESOLV_CONF_LOOK_MS;
    assert_true(way_resolv_conf_is_changed(&conf, now_ms));
    now_ms += WAY_RESOLV_CONF_LOOK_MS;
    assert_false(way_resolv_conf_is_changed(&conf, now_ms));
    way_resolv_conf_fini(&conf);
}

static void the_file_is_not_looked_at_all_the_time(void **state)
{
    struct way_resolv_conf conf;

    (void)state;
    write_file(path, "nameserver 192.0.2.1\n");
    assert_int_equal(way_resolv_conf_init(&conf, path, 1000), WAY_OK);
    write_file(path, "nameserver 192.0.2.22\n");
    assert_false(way_resolv_conf_is_changed(&conf, 1000 + WAY_RESOLV_CONF_LOOK_MS - 1));
    assert_true(way_resolv_conf_is_changed(&conf, 1000 + WAY_RESOLV_CONF_LOOK_MS));
    way_resolv_conf_fini(&conf);
    assert_int_equal(unlink(path), 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/resolv.conf", folder);
    (void)snprintf(other, sizeof other, "%s/other", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_is_told_once),
        cmocka_unit_test(the_file_is_not_looked_at_all_the_time),
    };

    return cmocka_run_group_tests_name("dns/resolv_conf", tests, make_folder, remove_folder);
}
