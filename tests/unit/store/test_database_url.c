/* SPDX-License-Identifier: MIT */
#include "store/database_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECRET "s3cr3t-Wort"

static void an_sqlite_path_is_taken_as_it_is(void **state)
{
    static const char *const paths[] = {"waypost.db", "/var/lib/way post/x.db", "a%20b?c=d", "://",
                                        ":memory:",   "caf\xc3\xa9.db",         "-",         "@"};
    struct way_database_url url;
    struct way_error err = {0};
    char text[WAY_DATABASE_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(paths); i++) {
        char shown[2 * WAY_DATABASE_TEXT_MAX];

        (void)snprintf(text, sizeof text, "sqlite:%s", paths[i]);
        assert_int_equal(way_database_url_parse(text, &url, &err), WAY_OK);
        assert_int_equal(url.engine, WAY_ENGINE_SQLITE);
        assert_string_equal(url.path, paths[i]);
        way_database_url_format(&url, shown, sizeof shown);
        assert_string_equal(shown, text);
    }
}

static const struct {
    const char *text;
    const char *user;
    const char *password;
    const char *database;
    size_t host_count;
    const char *host; /* the last one */
    unsigned port;    /* of it */
    const char *shown;
} good[] = {
    {"mariadb://u:p@db.example/way", "u", "p", "way", 1, "db.example", 3306,
     "mariadb://u:***@db.example:3306/way"},
    {"mariadb://u@db.example:3307/way", "u", "", "way", 1, "db.example", 3307,
     "mariadb://u@db.example:3307/way"},
    {"mysql://u:@h/way", "u", "", "way", 1, "h", 3306, "mariadb://u@h:3306/way"},
    {"mariadb://u:%40%3A%2F%25%3f@h/way", "u", "@:/%?", "way", 1, "h", 3306,
     "mariadb://u:***@h:3306/way"},
    {"mariadb://u:a:b@h/way", "u", "a:b", "way", 1, "h", 3306, "mariadb://u:***@h:3306/way"},
    {"mariadb://us%65r%40x:p@h/way%20post", "user@x", "p", "way post", 1, "h", 3306,
     "mariadb://user%40x:***@h:3306/way%20post"},
    {"mariadb://u:p@[::1]/way", "u", "p", "way", 1, "::1", 3306, "mariadb://u:***@[::1]:3306/way"},
    {"mariadb://u:p@a,192.0.2.1:65535,[2001:db8::2]:1/way", "u", "p", "way", 3, "2001:db8::2", 1,
     "mariadb://u:***@a:3306,192.0.2.1:65535,[2001:db8::2]:1/way"},
    {"mariadb://u:p@1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16/way", "u", "p", "way", 16, "16", 3306,
     NULL},
};

static void a_good_url_is_taken_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(good); i++) {
        struct way_database_url url;
        struct way_error err = {0};
        char shown[1024];

        if (way_database_url_parse(good[i].text, &url, &err) != WAY_OK) {
            fail_msg("%s: %s", good[i].text, err.detail);
        }
        assert_int_equal(url.engine, WAY_ENGINE_MARIADB);
        assert_string_equal(url.user, good[i].user);
        assert_string_equal(url.password, good[i].password);
        assert_string_equal(url.database, good[i].database);
        assert_int_equal(url.host_count, good[i].host_count);
        assert_string_equal(url.hosts[url.host_count - 1].name, good[i].host);
        assert_int_equal(url.hosts[url.host_count - 1].port, good[i].port);
        assert_false(url.is_tls_verified);
        way_database_url_format(&url, shown, sizeof shown);
        if (good[i].shown != NULL) {
            assert_string_equal(shown, good[i].shown);
        }
    }
}

static void options_are_understood(void **state)
{
    struct way_database_url url;
    struct way_error err = {0};
    char shown[1024];

    (void)state;
    assert_int_equal(way_database_url_parse("mariadb://u:p@h/way?tls=verify", &url, &err), WAY_OK);
    assert_true(url.is_tls_verified);
    assert_string_equal(url.ca, "");
    assert_int_equal(
        way_database_url_parse("mariadb://u:p@h/way?ca=/etc/my%20ca.pem&tls=verify", &url, &err),
        WAY_OK);
    assert_true(url.is_tls_verified);
    assert_string_equal(url.ca, "/etc/my ca.pem");
    way_database_url_format(&url, shown, sizeof shown);
    assert_string_equal(shown, "mariadb://u:***@h:3306/way?tls=verify&ca=/etc/my%20ca.pem");
    assert_int_equal(way_database_url_parse("mariadb://u@/way?socket=/run/sock", &url, &err),
                     WAY_OK);
    assert_string_equal(url.socket, "/run/sock");
    assert_int_equal(url.host_count, 0);
    way_database_url_format(&url, shown, sizeof shown);
    assert_string_equal(shown, "mariadb://u@/way?socket=/run/sock");
}

static const struct {
    const char *label;
    const char *text;
    const char *words; /* that the message holds */
} bad[] = {
    {"nothing", "", "expected sqlite:PATH or mariadb://"},
    {"no scheme", "waypost.db", "expected sqlite:PATH"},
    {"another scheme", "postgres://u:" SECRET "@h/d", "expected sqlite:PATH"},
    {"another case", "SQLite:waypost.db", "expected sqlite:PATH"},
    {"one slash", "mariadb:/u:" SECRET "@h/d", "expected"},
    {"no file", "sqlite:", "no file"},
    {"a line break in a path", "sqlite:a\nb", "control byte"},
    {"no database", "mariadb://u:" SECRET "@h", "no database"},
    {"an empty database", "mariadb://u:" SECRET "@h/", "database is empty"},
    {"an option and no database", "mariadb://u:" SECRET "@h?tls=verify", "no database"},
    {"an option and an empty database", "mariadb://u:" SECRET "@h/?tls=verify",
     "database is empty"},
    {"no user", "mariadb://h/d", "no USER@"},
    {"an empty user", "mariadb://:" SECRET "@h/d", "user is empty"},
    {"no host", "mariadb://u:" SECRET "@/d", "neither a host nor socket"},
    {"an empty host in a list", "mariadb://u:" SECRET "@a,,b/d", "host is empty"},
    {"an empty host at the end", "mariadb://u:" SECRET "@a,/d", "host is empty"},
    {"a port without host", "mariadb://u:" SECRET "@:3306/d", "host is empty"},
    {"17 hosts", "mariadb://u:" SECRET "@1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/d",
     "more than 16 hosts"},
    {"port 0", "mariadb://u:" SECRET "@h:0/d", "port of h"},
    {"port 65536", "mariadb://u:" SECRET "@h:65536/d", "port of h"},
    {"a port that is no number", "mariadb://u:" SECRET "@h:x/d", "port of h"},
    {"an empty port", "mariadb://u:" SECRET "@h:/d", "port of h"},
    {"a signed port", "mariadb://u:" SECRET "@h:+1/d", "port of h"},
    {"bare IPv6", "mariadb://u:" SECRET "@::1/d", "host is empty"},
    {"half a bracket", "mariadb://u:" SECRET "@[::1/d", "brackets"},
    {"something behind a bracket", "mariadb://u:" SECRET "@[::1]x/d", "port of ::1"},
    {"no address in brackets", "mariadb://u:" SECRET "@[db]/d", "IPv6"},
    {"a host with a strange letter", "mariadb://u:" SECRET "@d$b/d",
     "neither a name nor an address"},
    {"percent and one digit", "mariadb://u:" SECRET "%4@h/d", "percent-encoding in the password"},
    {"percent and no digit", "mariadb://u:" SECRET "%zz@h/d", "percent-encoding in the password"},
    {"percent at the end", "mariadb://u%:" SECRET "@h/d", "percent-encoding in the user"},
    {"NUL", "mariadb://u:" SECRET "%00@h/d", "percent-encoding in the password"},
    {"NUL in the database", "mariadb://u:" SECRET "@h/d%00", "percent-encoding in the database"},
    {"a second @", "mariadb://u:" SECRET "@x@h/d", "second '@'"},
    {"a slash in the password", "mariadb://u:" SECRET "/x@h/d", "%2F"},
    {"a question mark in the password", "mariadb://u:" SECRET "?x@h/d", "%3F"},
    {"a blank", "mariadb://u:" SECRET " @h/d", "blank"},
    {"a hash", "mariadb://u:" SECRET "#@h/d", "%23"},
    {"a control byte", "mariadb://u:" SECRET "\x01@h/d", "control byte"},
    {"an unknown option", "mariadb://u:" SECRET "@h/d?ssl=1", "unknown or repeated"},
    {"an empty option", "mariadb://u:" SECRET "@h/d?", "unknown or repeated"},
    {"a repeated option", "mariadb://u:" SECRET "@h/d?tls=verify&tls=verify",
     "unknown or repeated"},
    {"an option without value", "mariadb://u:" SECRET "@h/d?tls", "option tls is empty"},
    {"a value that is not known", "mariadb://u:" SECRET "@h/d?tls=off", "verify"},
    {"an authority without TLS", "mariadb://u:" SECRET "@h/d?ca=/x", "without tls=verify"},
    {"an empty path", "mariadb://u:" SECRET "@/d?socket=", "option socket is empty"},
    {"a socket and a host", "mariadb://u:" SECRET "@h/d?socket=/x", "in the place of hosts"},
    {"a socket and TLS", "mariadb://u:" SECRET "@/d?socket=/x&tls=verify", "host name"},
};

static void a_bad_url_is_refused_without_telling_the_password(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(bad); i++) {
        struct way_database_url url = {.path = "untouched"};
        struct way_error err = {0};

        if (way_database_url_parse(bad[i].text, &url, &err) != WAY_INVALID) {
            fail_msg("%s: not refused", bad[i].label);
        }
        assert_string_equal(err.field, "database");
        if (strstr(err.detail, bad[i].words) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].label, err.detail, bad[i].words);
        }
        assert_null(strstr(err.detail, SECRET));
        assert_string_equal(url.path, "untouched");
    }
}

static void what_is_too_long_is_refused(void **state)
{
    static const struct {
        const char *before;
        const char *behind;
    } places[] = {
        {"sqlite:", ""},
        {"mariadb://", ":p@h/d"},
        {"mariadb://u:", "@h/d"},
        {"mariadb://u:p@", "/d"},
        {"mariadb://u:p@h/", ""},
        {"mariadb://u:p@h/d?tls=verify&ca=", ""},
        {"mariadb://u:p@/d?socket=", ""},
    };

    char part[WAY_DATABASE_TEXT_MAX + 1];
    char text[2 * WAY_DATABASE_TEXT_MAX];
    struct way_database_url url;
    struct way_error err = {0};

    (void)state;
    memset(part, 'a', sizeof part - 1);
    part[sizeof part - 1] = '\0';
    for (size_t i = 0; i < WAY_COUNT_OF(places); i++) {
        (void)snprintf(text, sizeof text, "%s%s%s", places[i].before, part, places[i].behind);
        assert_int_equal(way_database_url_parse(text, &url, &err), WAY_INVALID);
        assert_non_null(strstr(err.detail, "over"));
    }
    part[WAY_DATABASE_TEXT_MAX - 1] = '\0'; /* as long as it may be */
    (void)snprintf(text, sizeof text, "sqlite:%s", part);
    assert_int_equal(way_database_url_parse(text, &url, &err), WAY_OK);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_sqlite_path_is_taken_as_it_is),
        cmocka_unit_test(a_good_url_is_taken_apart),
        cmocka_unit_test(options_are_understood),
        cmocka_unit_test(a_bad_url_is_refused_without_telling_the_password),
        cmocka_unit_test(what_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
