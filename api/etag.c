/* SPDX-License-Identifier: MIT */
#include "api/etag.h"

#include "base/text.h"

#include <string.h>

/* One tag of a list. */
struct tag {
    bool is_weak;
    const char *at; /* with its quotes */
    size_t len;
};

/* The whole value is "*". */
static bool is_any(const char *value)
{
    size_t blanks = strspn(value, " \t");

    return value[blanks] == '*' && value[blanks + 1 + strspn(value + blanks + 1, " \t")] == '\0';
}

static const char *skip_separators(const char *at)
{
    return at + strspn(at, " \t,");
}

/* Reads the tag at *at and moves behind it; false: none stands there. */
static bool next_tag(const char **at, struct tag *tag)
{
    const char *start = *at;
    const char *end;

    tag->is_weak = strncmp(start, "W/", 2) == 0;
    start += tag->is_weak ? 2 : 0;
    if (*start != '"') {
        return false;
    }
    end = strchr(start + 1, '"');
    if (end == NULL) {
        return false;
    }
    tag->at = start;
    tag->len = (size_t)(end - start) + 1;
    *at = end + 1 + strspn(end + 1, " \t");
    return **at == '\0' || **at == ',';
}

static enum way_status read_if_match(const char *value, struct way_precondition *out,
                                     struct way_error *err)
{
    const char *at = skip_separators(value);
    struct tag tag;

    out->has_if_match = true;
    if (is_any(value)) {
        out->if_match_any = true;
        return WAY_OK;
    }
    while (*at != '\0') {
        if (!next_tag(&at, &tag)) {
            return way_fail(err, WAY_MALFORMED, "",
                            "If-Match must be \"*\" or a list of entity tags in double quotes");
        }
        at = skip_separators(at);
        if (tag.is_weak || tag.len >= WAY_ETAG_MAX) {
            continue; /* cannot be one of ours, so it matches nothing */
        }
        if (out->if_match_count == WAY_IF_MATCH_MAX) {
            return way_fail(err, WAY_MALFORMED, "", "If-Match takes at most %d entity tags",
                            WAY_IF_MATCH_MAX);
        }
        memcpy(out->if_match[out->if_match_count], tag.at, tag.len);
        out->if_match[out->if_match_count][tag.len] = '\0';
        out->if_match_count++;
    }
    return WAY_OK;
}

enum way_status api_etag_read_precondition(const struct api_headers *headers,
                                           struct way_precondition *out, struct way_error *err)
{
    out->has_if_match = false;
    out->if_match_any = false;
    out->if_match_count = 0;
    out->if_none_match_any = false;
    if (headers->if_none_match != NULL) {
        if (!is_any(headers->if_none_match)) {
            return way_fail(err, WAY_MALFORMED, "",
                            "If-None-Match of a write must be \"*\": the key must be free");
        }
        out->if_none_match_any = true;
    }
    if (headers->if_match != NULL) {
        return read_if_match(headers->if_match, out, err);
    }
    return WAY_OK;
}

bool api_etag_is_known(const char *if_none_match, const char *etag)
{
    const char *at;
    struct tag tag;

    if (if_none_match == NULL) {
        return false;
    }
    if (is_any(if_none_match)) {
        return true;
    }
    etag += strncmp(etag, "W/", 2) == 0 ? 2 : 0;
    at = skip_separators(if_none_match);
    while (*at != '\0' && next_tag(&at, &tag)) {
        if (strlen(etag) == tag.len && memcmp(etag, tag.at, tag.len) == 0) {
            return true;
        }
        at = skip_separators(at);
    }
    return false;
}
