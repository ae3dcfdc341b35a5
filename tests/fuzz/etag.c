/* SPDX-License-Identifier: MIT */
/*
 * fuzz/etag - api/etag: If-Match and If-None-Match.
 *
 * Input  An octet that says which of the two headers are there; the two values, one a line.
 * Law    Every tag that is kept stands in the header, in its quotes and with none inside; a header
 *        made of the kept tags is accepted and gives the same ones; and a read with that header
 * knows each of them, weak or not. "*" is never a tag.
 */
#include "law.h"

#include "api/etag.h"
#include "base/text.h"

enum { HAS_IF_MATCH = 1, HAS_IF_NONE_MATCH = 2, LIST_MAX = WAY_IF_MATCH_MAX * (WAY_ETAG_MAX + 2) };

static void obey_weakness(const char *weak)
{
    static struct way_precondition read;
    struct api_headers headers = {.if_match = weak};

    LAW(api_etag_read_precondition(&headers, &read, NULL) == WAY_OK);
    LAW(read.has_if_match && read.if_match_count == 0);
}

static void obey_tag(const char *tag, const char *header)
{
    size_t len = strlen(tag);
    char weak[WAY_ETAG_MAX + 2];

    LAW(len >= 2 && len < WAY_ETAG_MAX);
    LAW(tag[0] == '"' && strchr(tag + 1, '"') == tag + len - 1);
    LAW(strstr(header, tag) != NULL);
    LAW(api_etag_is_known(header, tag));
    (void)snprintf(weak, sizeof weak, "W/%s", tag);
    LAW(api_etag_is_known(header, weak) && api_etag_is_known(weak, tag));
    obey_weakness(weak);
}

static void obey_list(const struct way_precondition *read, const char *header)
{
    static struct way_precondition again;
    struct api_headers headers = {0};
    struct way_text text;

    way_text_init(&text, NULL, 0, LIST_MAX + 1);
    for (size_t i = 0; i < read->if_match_count; i++) {
        obey_tag(read->if_match[i], header);
        way_text_printf(&text, "%s%s", i == 0 ? "" : ", ", read->if_match[i]);
    }
    headers.if_match = way_text_string(&text);
    LAW(api_etag_read_precondition(&headers, &again, NULL) == WAY_OK);
    LAW(again.has_if_match && !again.if_match_any);
    LAW(again.if_match_count == read->if_match_count);
    for (size_t i = 0; i < read->if_match_count; i++) {
        LAW(strcmp(again.if_match[i], read->if_match[i]) == 0);
    }
    way_text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct way_precondition read;
    struct feed feed = {data, size};
    struct way_error err;
    uint8_t choice = feed_octet(&feed);
    char *if_match = feed_string(&feed, '\n');
    char *if_none_match = feed_string(&feed, '\n');
    struct api_headers headers = {.if_match = (choice & HAS_IF_MATCH) != 0 ? if_match : NULL,
                                  .if_none_match =
                                      (choice & HAS_IF_NONE_MATCH) != 0 ? if_none_match : NULL};
    enum way_status status = api_etag_read_precondition(&headers, &read, &err);

    if (status != WAY_OK) {
        LAW(status == WAY_MALFORMED && err.status == status);
    } else {
        LAW(read.has_if_match == (headers.if_match != NULL));
        LAW(read.if_none_match_any == (headers.if_none_match != NULL));
        LAW(read.if_match_count <= WAY_IF_MATCH_MAX);
        LAW(!read.if_match_any || read.if_match_count == 0);
        LAW(!read.if_match_any || api_etag_is_known(if_match, "\"any\""));
        if (read.has_if_match && !read.if_match_any) {
            obey_list(&read, if_match);
        }
    }
    (void)api_etag_is_known(headers.if_none_match, "\"1-00000000\"");
    free(if_match);
    free(if_none_match);
    return 0;
}
