/* SPDX-License-Identifier: MIT */
/*
 * fuzz/request_target - api/request: a URL's path and query, split and decoded.
 *
 * Input  An octet that picks the method; the target.
 * Law    Every piece lies within the target. Encoding the pieces, each octet of them, and joining
 *        them with the separators gives a target that is taken apart into the same pieces: what was
 *        encoded never acts as a separator, and is decoded once.
 */
#include "law.h"

#include "api/request.h"
#include "base/text.h"

enum { TARGET_MAX = 4 * API_TARGET_MAX };

static void put_encoded(struct way_text *text, struct api_bytes piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        way_text_printf(text, "%%%02X", (unsigned)(unsigned char)piece.at[i]);
    }
}

static void put_target(struct way_text *text, const struct api_request *request)
{
    for (size_t i = 0; i < request->segment_count; i++) {
        way_text_putc(text, '/');
        put_encoded(text, request->segments[i]);
    }
    for (size_t i = 0; i < request->param_count; i++) {
        way_text_putc(text, i == 0 ? '?' : '&');
        put_encoded(text, request->params[i].name);
        way_text_putc(text, '=');
        put_encoded(text, request->params[i].value);
    }
    (void)way_text_string(text);
    LAW(way_text_status(text) == WAY_OK);
}

static void obey_bounds(struct api_bytes piece, const char *target, size_t len)
{
    LAW(piece.at >= target && piece.at + piece.len <= target + len);
}

static bool is_same(struct api_bytes a, struct api_bytes b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static void obey_round_trip(const struct api_request *request)
{
    struct api_request again = {.method = request->method};
    struct way_text text;

    way_text_init(&text, NULL, 0, TARGET_MAX);
    put_target(&text, request);
    LAW(api_request_parse_target(text.data, &again, NULL) == WAY_OK);
    LAW(again.segment_count == request->segment_count);
    LAW(again.param_count == request->param_count && !again.is_asterisk);
    for (size_t i = 0; i < request->segment_count; i++) {
        LAW(is_same(again.segments[i], request->segments[i]));
    }
    for (size_t i = 0; i < request->param_count; i++) {
        LAW(is_same(again.params[i].name, request->params[i].name));
        LAW(is_same(again.params[i].value, request->params[i].value));
    }
    way_text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, size};
    struct api_request request = {.method = feed_octet(&feed) % 2 == 0 ? API_GET : API_OPTIONS};
    struct way_error err;
    char *target = feed_string(&feed, '\0');
    size_t len = strlen(target);
    enum way_status status;

    if (len > API_TARGET_MAX) {
        free(target);
        return 0;
    }
    status = api_request_parse_target(target, &request, &err);
    if (status != WAY_OK) {
        LAW(status == WAY_MALFORMED && err.status == status);
    } else if (request.is_asterisk) {
        LAW(request.method == API_OPTIONS && len == 1);
    } else {
        LAW(request.segment_count > 0 && request.segment_count <= API_SEGMENTS_MAX);
        LAW(request.param_count <= API_PARAMS_MAX);
        for (size_t i = 0; i < request.segment_count; i++) {
            obey_bounds(request.segments[i], target, len);
        }
        for (size_t i = 0; i < request.param_count; i++) {
            obey_bounds(request.params[i].name, target, len);
            obey_bounds(request.params[i].value, target, len);
        }
        obey_round_trip(&request);
    }
    free(target);
    return 0;
}
