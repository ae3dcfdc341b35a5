/* SPDX-License-Identifier: MIT */
/*
 * fuzz/accept - api/media: Accept and Content-Type.
 *
 * Input  An octet of media types on offer; a header's value.
 * Law    The answer is one of those on offer, or none when none of them alone is acceptable; and it
 * is also the answer when nothing else is on offer. Letter case, blanks around and empty elements
 *        make no difference.
 */
#include "law.h"

#include "api/media.h"
#include "base/text.h"

enum { OFFERS = 32 };

static const enum api_media all[] = {API_MEDIA_JSON, API_MEDIA_TEXT, API_MEDIA_YAML,
                                     API_MEDIA_METRICS, API_MEDIA_MERGE_PATCH};

static char *shouted(const char *text)
{
    size_t len = strlen(text);
    char *upper = law_memory(len + 1);

    memcpy(upper, text, len + 1);
    for (char *at = upper; *at != '\0'; at++) {
        *at = way_ascii_upper(*at);
    }
    return upper;
}

static char *padded(const char *text, const char *before, const char *behind)
{
    size_t bytes = strlen(before) + strlen(text) + strlen(behind) + 1;
    char *longer = law_memory(bytes);

    (void)snprintf(longer, bytes, "%s%s%s", before, text, behind);
    return longer;
}

static bool is_one_of(enum api_media media, unsigned offered)
{
    for (size_t i = 0; i < WAY_COUNT_OF(all); i++) {
        if (media == all[i]) {
            return (offered & (unsigned)media) != 0;
        }
    }
    return media == API_MEDIA_NONE;
}

static void obey_accept(const char *value, unsigned offered)
{
    enum api_media best = api_media_negotiate(value, offered);
    char *upper = shouted(value);
    char *longer = padded(value, ", \t", " ,");

    LAW(is_one_of(best, offered));
    LAW(best == API_MEDIA_NONE || api_media_negotiate(value, (unsigned)best) == best);
    for (size_t i = 0; best == API_MEDIA_NONE && i < WAY_COUNT_OF(all); i++) {
        LAW(api_media_negotiate(value, offered & (unsigned)all[i]) == API_MEDIA_NONE);
    }
    LAW(api_media_negotiate(upper, offered) == best);
    LAW(api_media_negotiate(longer, offered) == best);
    free(longer);
    free(upper);
}

static void obey_content_type(const char *value, unsigned accepted)
{
    enum api_media media = api_media_of_content(value, accepted);
    char *upper = shouted(value);
    char *longer = padded(value, " \t", "\t");

    LAW(is_one_of(media, accepted));
    LAW(api_media_of_content(upper, accepted) == media);
    LAW(api_media_of_content(longer, accepted) == media);
    if (media != API_MEDIA_NONE) {
        LAW(api_media_of_content(api_media_type(media), (unsigned)media) == media);
    }
    free(longer);
    free(upper);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, size};
    unsigned offered = feed_octet(&feed) % OFFERS;
    char *value = feed_string(&feed, '\n');

    obey_accept(value, offered);
    obey_content_type(value, offered);
    free(value);
    return 0;
}
