/* SPDX-License-Identifier: MIT */
#include "api/request.h"

#include "base/text.h"

#include <string.h>

static const char *const methods[] = {
    [API_GET] = "GET",     [API_HEAD] = "HEAD",     [API_POST] = "POST",       [API_PUT] = "PUT",
    [API_PATCH] = "PATCH", [API_DELETE] = "DELETE", [API_OPTIONS] = "OPTIONS",
};

enum api_method api_method_parse(const char *word)
{
    for (size_t i = 0; i < WAY_COUNT_OF(methods); i++) {
        if (strcmp(methods[i], word) == 0) {
            return (enum api_method)i;
        }
    }
    return API_METHOD_OTHER;
}

const char *api_method_name(enum api_method method)
{
    return method < API_METHOD_OTHER ? methods[method] : "OTHER";
}

bool api_bytes_equal(struct api_bytes bytes, const char *word)
{
    return bytes.len == strlen(word) && memcmp(bytes.at, word, bytes.len) == 0;
}

/* Percent-decodes in place; the result is never longer. */
static enum way_status decode(char *text, size_t len, struct api_bytes *out, struct way_error *err)
{
    const char *escape = memchr(text, '%', len);
    size_t start = escape == NULL ? len : (size_t)(escape - text); /* nothing to decode before it */
    size_t to = start;

    for (size_t from = start; from < len; from++) {
        char byte = text[from];

        if (byte == '%') {
            int high = from + 1 < len ? way_hex_digit(text[from + 1]) : -1;
            int low = from + 2 < len ? way_hex_digit(text[from + 2]) : -1;

            if (high < 0 || low < 0) {
                return way_fail(err, WAY_MALFORMED, "",
                                "'%%' in a URL must be followed by two hexadecimal digits");
            }
            byte = (char)(high * 16 + low);
            from += 2;
        }
        text[to++] = byte;
    }
    *out = (struct api_bytes){text, to};
    return WAY_OK;
}

/* RFC 3986 leaves these out of a URL altogether. */
static enum way_status check_octets(const char *target, struct way_error *err)
{
    for (const char *at = target; *at != '\0'; at++) {
        if (way_byte_is_control(*at) || *at == ' ' || ((unsigned char)*at & 0x80) != 0) {
            return way_fail(err, WAY_MALFORMED, "",
                            "byte 0x%02x in the URL must be percent-encoded",
                            (unsigned)(unsigned char)*at);
        }
    }
    return WAY_OK;
}

/* Where the path starts: absolute-form (RFC 9112 3.2.2) carries a scheme and a host before it. */
static char *skip_authority(char *target)
{
    char *path = target;

    if (target[0] == '/') {
        return path;
    }
    if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
        path = strstr(target, "://") + 3;
        path += strcspn(path, "/?");
    }
    return path;
}

static enum way_status parse_path(char *path, size_t len, struct api_request *request,
                                  struct way_error *err)
{
    char *end = path + len;

    while (path < end) {
        char *slash = memchr(path, '/', (size_t)(end - path));
        char *stop = slash == NULL ? end : slash;
        enum way_status status;

        if (request->segment_count == API_SEGMENTS_MAX) {
            return WAY_OK; /* deeper than any route: it will match none */
        }
        status =
            decode(path, (size_t)(stop - path), &request->segments[request->segment_count], err);
        if (status != WAY_OK) {
            return status;
        }
        request->segment_count++;
        if (slash == NULL) {
            return WAY_OK;
        }
        path = slash + 1;
    }
    /* "/a/" has an empty last segment, and so has "/". */
    if (request->segment_count < API_SEGMENTS_MAX) {
        request->segments[request->segment_count++] = (struct api_bytes){end, 0};
    }
    return WAY_OK;
}

static enum way_status parse_param(char *text, size_t len, struct api_request *request,
                                   struct way_error *err)
{
    struct api_param *param;
    char *equals = memchr(text, '=', len);
    size_t name_len = equals == NULL ? len : (size_t)(equals - text);
    enum way_status status;

    if (request->param_count == API_PARAMS_MAX) {
        return way_fail(err, WAY_MALFORMED, "", "a query has at most %d parameters",
                        API_PARAMS_MAX);
    }
    param = &request->params[request->param_count];
    status = decode(text, name_len, &param->name, err);
    if (status != WAY_OK) {
        return status;
    }
    param->value = (struct api_bytes){text + len, 0};
    if (equals != NULL) {
        status = decode(equals + 1, len - name_len - 1, &param->value, err);
    }
    request->param_count += status == WAY_OK;
    return status;
}

static enum way_status parse_query(char *query, struct api_request *request, struct way_error *err)
{
    while (*query != '\0') {
        size_t len = (size_t)(strchrnul(query, '&') - query);
        bool is_last = query[len] == '\0';

        if (len > 0) {
            enum way_status status = parse_param(query, len, request, err);

            if (status != WAY_OK) {
                return status;
            }
        }
        query += is_last ? len : len + 1;
    }
    return WAY_OK;
}

enum way_status api_request_parse_target(char *target, struct api_request *request,
                                         struct way_error *err)
{
    enum way_status status = check_octets(target, err);
    char *path;
    size_t path_len;

    request->segment_count = 0;
    request->param_count = 0;
    request->is_asterisk = false;
    if (status != WAY_OK) {
        return status;
    }
    if (strcmp(target, "*") == 0 && request->method == API_OPTIONS) {
        request->is_asterisk = true;
        return WAY_OK;
    }
    path = skip_authority(target);
    path_len = (size_t)(strchrnul(path, '?') - path);
    if (path[0] != '/' && !(path != target && path_len == 0)) {
        return way_fail(err, WAY_MALFORMED, "", "the request target must start with '/'");
    }
    if (path[path_len] == '?') {
        status = parse_query(path + path_len + 1, request, err);
        if (status != WAY_OK) {
            return status;
        }
    }
    return path_len == 0 ? parse_path(path, 0, request, err)
                         : parse_path(path + 1, path_len - 1, request, err);
}

const struct api_bytes *api_request_param(const struct api_request *request, const char *name)
{
    for (size_t i = 0; i < request->param_count; i++) {
        if (api_bytes_equal(request->params[i].name, name)) {
            return &request->params[i].value;
        }
    }
    return NULL;
}

static bool is_one_of(struct api_bytes name, const char *const *allowed)
{
    for (; *allowed != NULL; allowed++) {
        if (api_bytes_equal(name, *allowed)) {
            return true;
        }
    }
    return false;
}

enum way_status api_request_check_params(const struct api_request *request,
                                         const char *const *allowed, struct way_error *err)
{
    for (size_t i = 0; i < request->param_count; i++) {
        struct api_bytes name = request->params[i].name;
        char field[WAY_ERROR_FIELD_MAX];
        size_t shown = name.len < sizeof field - 1 ? name.len : sizeof field - 1;

        memcpy(field, name.at, shown);
        field[shown] = '\0';
        if (!is_one_of(name, allowed)) {
            return way_fail(err, WAY_INVALID, field, "is not a parameter of this operation");
        }
        for (size_t j = 0; j < i; j++) {
            if (request->params[j].name.len == name.len &&
                memcmp(request->params[j].name.at, name.at, name.len) == 0) {
                return way_fail(err, WAY_INVALID, field, "must be given once");
            }
        }
    }
    return WAY_OK;
}
