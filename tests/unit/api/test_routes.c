/* SPDX-License-Identifier: MIT */
#include "api/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* wants the others first */

static void match_target(const char *method, const char *target, struct api_match *match)
{
    static char room[256]; /* the match points into it */
    struct api_request request = {.method = api_method_parse(method)};

    (void)snprintf(room, sizeof room, "%s", target);
    assert_int_equal(api_request_parse_target(room, &request, NULL), WAY_OK);
    memset(match, 0x5a, sizeof *match);
    api_route_find(&request, match);
}

static void a_method_and_a_path_lead_to_one_operation(void **state)
{
    static const struct {
        const char *method, *target, *operation, *key; /* key NULL: the route has none */
    } cases[] = {
        {"GET", "/overrides", "listOverrides", NULL},
        {"HEAD", "/overrides", "listOverrides", NULL},
        {"POST", "/overrides", "createOverride", NULL},
        {"GET", "/overrides/example.org", "getOverride", "example.org"},
        {"HEAD", "/overrides/example.org", "getOverride", "example.org"},
        {"PUT", "/overrides/example.org", "setOverride", "example.org"},
        {"PATCH", "/overrides/example.org", "changeOverride", "example.org"},
        {"DELETE", "/overrides/example.org", "deleteOverride", "example.org"},
        {"POST", "/overrides/example.org/revert", "revertOverride", "example.org"},
        {"GET", "/overrides/example.org/history", "listOverrideHistory", "example.org"},
        {"HEAD", "/overrides/example.org/history", "listOverrideHistory", "example.org"},
        {"GET", "/overrides/history", "getOverride", "history"},
        {"GET", "/history", "listHistory", NULL},
        {"POST", "/history/17/revert", "revertRevision", "17"},
        {"GET", "/changes", "listChanges", NULL},
        {"POST", "/reload", "reload", NULL},
        {"GET", "/resolve/[::1]", "resolveByPath", "[::1]"},
        {"GET", "/resolve/%5B::1%5D", "resolveByPath", "[::1]"},
        {"GET", "/resolve/a%2Fb", "resolveByPath", "a/b"},
        {"GET", "/resolve?key=x", "resolveByQuery", NULL},
        {"POST", "/resolve", "resolveBatch", NULL},
        {"GET", "/mx/user@example.org", "mxByPath", "user@example.org"},
        {"GET", "/mx?domain=x", "mxByQuery", NULL},
        {"POST", "/mx", "mxBatch", NULL},
        {"GET", "/healthz", "getLiveness", NULL},
        {"GET", "/readyz", "getReadiness", NULL},
        {"GET", "/metrics", "getMetrics", NULL},
        {"GET", "/openapi.yaml", "getContract", NULL},
        {"GET", "/overrides/", "getOverride", ""},
        {"GET", "/overrides/..", "getOverride", ".."},
        {"GET", "/overrides/overrides", "getOverride", "overrides"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_match match;

        print_message("    %s %s\n", cases[i].method, cases[i].target);
        match_target(cases[i].method, cases[i].target, &match);
        assert_non_null(match.route);
        assert_true(match.is_known_path);
        assert_string_equal(match.route->operation, cases[i].operation);
        if (cases[i].key != NULL) {
            assert_true(api_bytes_equal(match.key, cases[i].key));
        }
    }
}

static void a_known_path_says_which_methods_it_has(void **state)
{
    static const struct {
        const char *method, *target, *allow;
    } cases[] = {
        {"DELETE", "/overrides", "GET, HEAD, POST, OPTIONS"},
        {"POST", "/overrides/example.org", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"},
        {"OPTIONS", "/overrides/example.org", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"},
        {"GET", "/overrides/example.org/revert", "POST, OPTIONS"},
        {"POST", "/overrides/example.org/history", "GET, HEAD, OPTIONS"},
        {"GET", "/history/17/revert", "POST, OPTIONS"},
        {"DELETE", "/changes", "GET, HEAD, OPTIONS"},
        {"GET", "/reload", "POST, OPTIONS"},
        {"PUT", "/resolve/example.org", "GET, HEAD, OPTIONS"},
        {"PUT", "/resolve", "GET, HEAD, POST, OPTIONS"},
        {"TRACE", "/mx", "GET, HEAD, POST, OPTIONS"},
        {"POST", "/healthz", "GET, HEAD, OPTIONS"},
        {"OPTIONS", "*", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
    };

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(cases); i++) {
        struct api_match match;

        print_message("    %s %s\n", cases[i].method, cases[i].target);
        match_target(cases[i].method, cases[i].target, &match);
        assert_null(match.route);
        assert_true(match.is_known_path);
        assert_string_equal(match.allow, cases[i].allow);
    }
}

static void an_unknown_path_is_unknown(void **state)
{
    static const char *const targets[] = {
        "/",
        "/override",
        "/overridess",
        "/Overrides",
        "/overrides/a/b",
        "/overrides/a/history/b",
        "/history/17",
        "/history/revert",
        "/reload/",
        "/overrides/a/",
        "//overrides",
        "/resolve/a/b/c",
        "/healthz/",
        "/x/overrides",
        "/healthz/x",
        "/openapi.yaml%00",
        "/a/b/c/d/e/f/g/h/i/j",
        "/overrides%2Fexample.org",
    };
    static const char *const methods[] = {"GET", "PUT", "OPTIONS", "TRACE"};

    (void)state;
    for (size_t i = 0; i < WAY_COUNT_OF(targets); i++) {
        for (size_t j = 0; j < WAY_COUNT_OF(methods); j++) {
            struct api_match match;

            print_message("    %s %s\n", methods[j], targets[i]);
            match_target(methods[j], targets[i], &match);
            assert_null(match.route);
            assert_false(match.is_known_path);
        }
    }
}

/* --- the table itself ------------------------------------------------------------------------- */

/* Whether two paths can match one target. */
static bool overlap(const char *a, const char *b)
{
    while (*a == '/' && *b == '/') {
        size_t a_len = strcspn(a + 1, "/");
        size_t b_len = strcspn(b + 1, "/");
        bool is_free = a[1] == '{' || b[1] == '{';

        if (!is_free && (a_len != b_len || memcmp(a + 1, b + 1, a_len) != 0)) {
            return false;
        }
        a += a_len + 1;
        b += b_len + 1;
    }
    return *a == *b;
}

static void no_two_rows_are_one_operation(void **state)
{
    (void)state;
    assert_in_range(api_route_count, 16, 31);
    for (size_t i = 0; i < api_route_count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(api_routes[i].operation, api_routes[j].operation);
            assert_false(api_routes[i].method == api_routes[j].method &&
                         overlap(api_routes[i].path, api_routes[j].path));
        }
    }
}

static void every_row_makes_sense(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_route_count; i++) {
        const struct api_route *route = &api_routes[i];
        bool takes_body = route->body_max > 0;

        print_message("    %s\n", route->operation);
        assert_int_equal(route->path[0], '/');
        assert_non_null(route->handle);
        assert_non_null(route->params);
        assert_int_equal(takes_body, route->consumes != 0);
        if (route->method != API_POST) { /* some of those only say that something shall be done */
            assert_int_equal(takes_body, route->method == API_PUT || route->method == API_PATCH);
        }
        assert_true(route->method != API_HEAD && route->method != API_OPTIONS);
        assert_true(route->produces != 0 || route->method == API_DELETE);
        assert_in_range(route->body_max, 0, API_BATCH_BODY_MAX);
    }
}

static void the_dump_names_every_row(void **state)
{
    struct way_text text;
    const char *at;
    size_t rows = 0;

    (void)state;
    way_text_init(&text, NULL, 0, (size_t)64 * 1024);
    api_routes_dump(&text);
    at = way_text_string(&text);
    assert_int_equal(way_text_status(&text), WAY_OK);
    assert_int_equal(strncmp(at, "[{\"method\":\"GET\",", 17), 0);
    assert_string_equal(at + strlen(at) - 3, "}]\n");
    for (size_t i = 0; i < api_route_count; i++) {
        char row[200];

        (void)snprintf(row, sizeof row,
                       "{\"method\":\"%s\",\"path\":\"%s\",\"operation\":\"%s\",\"scope\":\"%s\"}",
                       api_method_name(api_routes[i].method), api_routes[i].path,
                       api_routes[i].operation, way_scope_name(api_routes[i].scope));
        assert_non_null(strstr(at, row));
    }
    for (; (at = strstr(at, "\"operation\"")) != NULL; at++) {
        rows++;
    }
    assert_int_equal(rows, api_route_count);
    way_text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_method_and_a_path_lead_to_one_operation),
        cmocka_unit_test(a_known_path_says_which_methods_it_has),
        cmocka_unit_test(an_unknown_path_is_unknown),
        cmocka_unit_test(no_two_rows_are_one_operation),
        cmocka_unit_test(every_row_makes_sense),
        cmocka_unit_test(the_dump_names_every_row),
    };

    return cmocka_run_group_tests_name("api/routes", tests, NULL, NULL);
}
