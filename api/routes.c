/* SPDX-License-Identifier: MIT */
#include "api/routes.h"

#include "api/handlers/handlers.h"
#include "base/json.h"

#include <string.h>

static const char *const no_params[] = {NULL};
static const char *const list_params[] = {"limit", "cursor", "q", "sort", NULL};
static const char *const page_params[] = {"limit", "cursor", NULL};
static const char *const history_params[] = {"actor", "since",  "from", "until",
                                             "limit", "cursor", NULL};
static const char *const feed_params[] = {"since", "limit", "wait", "epoch", NULL};
static const char *const key_params[] = {"key", "fallback", "min_revision", NULL};
static const char *const domain_params[] = {"domain", "fallback", "min_revision", NULL};
static const char *const lookup_params[] = {"fallback", "min_revision", NULL};
static const char *const read_params[] = {"min_revision", NULL};
static const char *const fallback_params[] = {"fallback", NULL};

#define JSON         API_MEDIA_JSON
#define PATCH_JSON   (API_MEDIA_MERGE_PATCH | API_MEDIA_JSON)
#define JSON_OR_TEXT (API_MEDIA_JSON | API_MEDIA_TEXT)

/* clang-format off */
const struct api_route api_routes[] = {
    /* method      path                          operation              scope             lookup  body                takes       gives              parameters       handler */
    { API_GET,    "/overrides",                 "listOverrides",       WAY_SCOPE_READ,   false,  0,                  0,          JSON,              list_params,     api_list_overrides },
    { API_POST,   "/overrides",                 "createOverride",      WAY_SCOPE_CHANGE, false,  API_BODY_MAX,       JSON,       JSON,              no_params,       api_create_override },
    { API_GET,    "/overrides/{key}",           "getOverride",         WAY_SCOPE_READ,   false,  0,                  0,          JSON,              read_params,     api_get_override },
    { API_PUT,    "/overrides/{key}",           "setOverride",         WAY_SCOPE_CHANGE, false,  API_BODY_MAX,       JSON,       JSON,              no_params,       api_set_override },
    { API_PATCH,  "/overrides/{key}",           "changeOverride",      WAY_SCOPE_CHANGE, false,  API_BODY_MAX,       PATCH_JSON, JSON,              no_params,       api_change_override },
    { API_DELETE, "/overrides/{key}",           "deleteOverride",      WAY_SCOPE_CHANGE, false,  0,                  0,          0,                 no_params,       api_delete_override },
    { API_POST,   "/overrides/{key}/revert",    "revertOverride",      WAY_SCOPE_CHANGE, false,  API_BODY_MAX,       JSON,       JSON,              no_params,       api_revert_override },
    { API_GET,    "/overrides/{key}/history",   "listOverrideHistory", WAY_SCOPE_REVIEW, false,  0,                  0,          JSON,              page_params,     api_list_override_history },
    { API_GET,    "/history",                   "listHistory",         WAY_SCOPE_REVIEW, false,  0,                  0,          JSON,              history_params,  api_list_history },
    { API_POST,   "/history/{revision}/revert", "revertRevision",      WAY_SCOPE_CHANGE, false,  0,                  0,          JSON,              no_params,       api_revert_revision },
    { API_GET,    "/changes",                   "listChanges",         WAY_SCOPE_REVIEW, false,  0,                  0,          JSON,              feed_params,     api_list_changes },
    { API_POST,   "/reload",                    "reload",              WAY_SCOPE_ADMIN,  false,  0,                  0,          JSON,              no_params,       api_reload },
    { API_GET,    "/resolve/{key}",             "resolveByPath",       WAY_SCOPE_READ,   true,   0,                  0,          JSON_OR_TEXT,      lookup_params,   api_resolve_by_path },
    { API_GET,    "/resolve",                   "resolveByQuery",      WAY_SCOPE_READ,   true,   0,                  0,          JSON_OR_TEXT,      key_params,      api_resolve_by_query },
    { API_POST,   "/resolve",                   "resolveBatch",        WAY_SCOPE_READ,   true,   API_BATCH_BODY_MAX, JSON,       JSON,              fallback_params, api_resolve_batch },
    { API_GET,    "/mx/{domain}",               "mxByPath",            WAY_SCOPE_READ,   true,   0,                  0,          JSON_OR_TEXT,      lookup_params,   api_mx_by_path },
    { API_GET,    "/mx",                        "mxByQuery",           WAY_SCOPE_READ,   true,   0,                  0,          JSON_OR_TEXT,      domain_params,   api_mx_by_query },
    { API_POST,   "/mx",                        "mxBatch",             WAY_SCOPE_READ,   true,   API_BATCH_BODY_MAX, JSON,       JSON,              fallback_params, api_mx_batch },
    { API_GET,    "/healthz",                   "getLiveness",         WAY_SCOPE_OPEN,   false,  0,                  0,          JSON,              no_params,       api_get_liveness },
    { API_GET,    "/readyz",                    "getReadiness",        WAY_SCOPE_OPEN,   false,  0,                  0,          JSON,              no_params,       api_get_readiness },
    { API_GET,    "/metrics",                   "getMetrics",          WAY_SCOPE_READ,   false,  0,                  0,          API_MEDIA_METRICS, no_params,       api_get_metrics },
    { API_GET,    "/openapi.yaml",              "getContract",         WAY_SCOPE_OPEN,   false,  0,                  0,          API_MEDIA_YAML,    no_params,       api_get_contract },
};
/* clang-format on */
const size_t api_route_count = WAY_COUNT_OF(api_routes);

enum fit { FIT_NOT, FIT_BY_KEY, FIT_LITERALLY };

/* Past the segment at the start of the path, if it is this one. Most rows differ in its first byte.
 */
static bool skip_segment(const char **path, struct api_bytes segment)
{
    const char *at = *path;
    size_t len = 0;

    while (len < segment.len && at[len] == segment.at[len] && at[len] != '/' && at[len] != '\0') {
        len++;
    }
    *path = at + len;
    return len == segment.len && (at[len] == '/' || at[len] == '\0');
}

/* Holds the path of a route, segment by segment, against the request's. */
static enum fit fit_path(const char *path, const struct api_request *request, struct api_bytes *key)
{
    enum fit fit = FIT_LITERALLY;
    size_t at = 0;

    while (*path == '/') {
        struct api_bytes segment;

        path++;
        if (at == request->segment_count) {
            return FIT_NOT;
        }
        segment = request->segments[at++];
        if (*path == '{') {
            *key = segment;
            fit = FIT_BY_KEY;
            path += strcspn(path, "/");
        } else if (!skip_segment(&path, segment)) {
            return FIT_NOT;
        }
    }
    return at == request->segment_count ? fit : FIT_NOT;
}

/* No route begins with "{key}", so a path whose first byte differs needs no closer look. */
static char first_byte(const struct api_request *request)
{
    if (request->segment_count == 0 || request->segments[0].len == 0) {
        return '\0';
    }
    return request->segments[0].at[0];
}

static void add_method(char *allow, size_t size, const char *method)
{
    size_t len = strlen(allow);
    size_t more = strlen(method) + (len > 0 ? 2 : 0);

    WAY_ASSERT(len + more < size);
    memcpy(allow + len, ", ", len > 0 ? 2 : 0);
    memcpy(allow + len + (len > 0 ? 2 : 0), method, strlen(method) + 1);
}

static void allow_methods(const char *path, char *allow, size_t size)
{
    allow[0] = '\0';
    for (size_t i = 0; i < api_route_count; i++) {
        if (path != NULL && strcmp(api_routes[i].path, path) != 0) {
            continue;
        }
        if (strstr(allow, api_method_name(api_routes[i].method)) == NULL) {
            add_method(allow, size, api_method_name(api_routes[i].method));
        }
        if (api_routes[i].method == API_GET && strstr(allow, "HEAD") == NULL) {
            add_method(allow, size, "HEAD");
        }
    }
    add_method(allow, size, "OPTIONS");
}

void api_route_find(const struct api_request *request, struct api_match *match)
{
    enum api_method method = request->method == API_HEAD ? API_GET : request->method;
    const char *path = NULL; /* of the best fit so far */
    enum fit best = FIT_NOT;
    char first = first_byte(request);

    *match = (struct api_match){.is_known_path = request->is_asterisk};
    for (size_t i = 0; i < api_route_count && !request->is_asterisk; i++) {
        const struct api_route *route = &api_routes[i];
        struct api_bytes key = {NULL, 0};
        enum fit fit = route->path[1] == first ? fit_path(route->path, request, &key) : FIT_NOT;

        if (fit == FIT_NOT || fit < best) {
            continue;
        }
        if (fit > best) {
            match->route = NULL; /* a closer path decides alone, whatever its methods */
            best = fit;
        }
        path = route->path;
        match->is_known_path = true;
        if (route->method == method) {
            match->route = route;
            match->key = key;
        }
    }
    if (match->route == NULL && match->is_known_path) {
        allow_methods(path, match->allow, sizeof match->allow);
    }
}

void api_routes_dump(struct way_text *out)
{
    way_text_putc(out, '[');
    for (size_t i = 0; i < api_route_count; i++) {
        way_json_separate(out);
        way_text_putc(out, '{');
        way_json_member_string(out, "method", api_method_name(api_routes[i].method));
        way_json_member_string(out, "path", api_routes[i].path);
        way_json_member_string(out, "operation", api_routes[i].operation);
        way_json_member_string(out, "scope", way_scope_name(api_routes[i].scope));
        way_text_putc(out, '}');
    }
    way_text_puts(out, "]\n");
}
