/* SPDX-License-Identifier: MIT */
/*
 * fuzz/origin - api/origin: the page that asks.
 *
 * Input  An origin.
 * Law    What is accepted is printable ASCII without a blank, a quote, a comma or a path, so that
 *        it can stand in a header; its form is its own form; the same origin in upper case, and
 *        with its port written out, is the same one; and a list has it once it was added.
 */
#include "law.h"

#include "api/origin.h"

enum { WRITTEN_MAX = API_ORIGIN_MAX + 8 };

static void same(const char *text, const struct api_origin *origin)
{
    struct api_origin again;

    LAW(api_origin_parse(text, strlen(text), &again, NULL) == WAY_OK);
    LAW(strcmp(again.text, origin->text) == 0);
    LAW(again.port == origin->port && again.is_https == origin->is_https);
    LAW(again.is_loopback == origin->is_loopback);
    LAW(again.is_any_address == origin->is_any_address);
}

static void check_text(const struct api_origin *origin)
{
    const char *host = strstr(origin->text, "://");
    size_t len = strlen(origin->text);

    LAW(host != NULL && len <= API_ORIGIN_MAX);
    LAW(strspn(origin->text, "abcdefghijklmnopqrstuvwxyz0123456789-_.:/[]") == len);
    LAW(strchr(host + 3, '/') == NULL && host[3] != '\0');
    LAW(!(origin->is_loopback && origin->is_any_address));
}

static void check_spellings(const struct api_origin *origin)
{
    char written[WRITTEN_MAX];
    struct api_origin_list list = {0};
    bool has_port = origin->port != (origin->is_https ? 443 : 80);

    same(origin->text, origin);
    (void)snprintf(written, sizeof written, has_port ? "%s" : "%s:%u", origin->text,
                   (unsigned)origin->port);
    same(written, origin);
    for (char *at = written; *at != '\0'; at++) {
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    }
    same(written, origin);
    LAW(!api_origins_have(&list, origin));
    LAW(api_origins_add(&list, written, NULL) == WAY_OK && api_origins_have(&list, origin));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_origin origin;
    struct way_error err;
    char *text = law_memory(size); /* of its own: a sanitizer sees each octet read behind it */

    if (size > 0) {
        memcpy(text, data, size);
    }
    if (api_origin_parse(text, size, &origin, &err) == WAY_OK) {
        check_text(&origin);
        check_spellings(&origin);
    } else {
        LAW(err.status == WAY_INVALID && strcmp(err.field, "cors-origin") == 0);
    }
    free(text);
    return 0;
}
