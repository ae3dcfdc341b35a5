/* SPDX-License-Identifier: MIT */
#include "api/media.h"

#include "base/text.h"

#include <string.h>

/* A part of a header's value. */
struct piece {
    const char *at;
    size_t len;
};

struct media_name {
    enum api_media media;
    const char *type; /* "application" */
    const char *subtype;
    const char *content_type;
};

static const struct media_name names[] = {
    {API_MEDIA_JSON, "application", "json", "application/json"},
    {API_MEDIA_TEXT, "text", "plain", "text/plain; charset=utf-8"},
    {API_MEDIA_YAML, "application", "yaml", "application/yaml"},
    {API_MEDIA_METRICS, "text", "plain", "text/plain; version=0.0.4; charset=utf-8"},
    {API_MEDIA_MERGE_PATCH, "application", "merge-patch+json", "application/merge-patch+json"},
};

enum { QUALITY_FULL = 1000 };

const char *api_media_type(enum api_media media)
{
    for (size_t i = 0; i < WAY_COUNT_OF(names); i++) {
        if (names[i].media == media) {
            return names[i].content_type;
        }
    }
    return "application/octet-stream";
}

static struct piece trim(struct piece text)
{
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

/* Takes what stands before the next `separator` off *rest, trimmed. Quoted strings are not looked
 * into: none of the parameters that we read has a reason to hold a separator. */
static struct piece next_piece(struct piece *rest, char separator)
{
    const char *found = rest->len > 0 ? memchr(rest->at, separator, rest->len) : NULL;
    struct piece piece = *rest;

    if (found == NULL) {
        rest->at += rest->len;
        rest->len = 0;
    } else {
        piece.len = (size_t)(found - rest->at);
        rest->len -= piece.len + 1;
        rest->at = found + 1;
    }
    return trim(piece);
}

static bool equals(struct piece piece, const char *word)
{
    return way_ascii_equal_nocase(piece.at, piece.len, word, strlen(word));
}

/* "0.5" in thousandths; malformed counts as full, as most servers do. */
static unsigned parse_quality(struct piece text)
{
    unsigned quality = 0;
    unsigned unit = 100;

    if (text.len == 0 || (text.at[0] != '0' && text.at[0] != '1')) {
        return QUALITY_FULL;
    }
    if (text.len > 1 && text.at[1] != '.') {
        return QUALITY_FULL;
    }
    quality = text.at[0] == '1' ? QUALITY_FULL : 0;
    for (size_t i = 2; i < text.len && unit > 0 && quality < QUALITY_FULL; i++, unit /= 10) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return QUALITY_FULL;
        }
        quality += (unsigned)(text.at[i] - '0') * unit;
    }
    return quality;
}

/* How closely one range of Accept fits: 3 exactly, 2 the type, 1 anything, 0 not. */
static unsigned fit(struct piece range, const struct media_name *name)
{
    struct piece rest = range;
    struct piece type = next_piece(&rest, '/');
    struct piece subtype = trim(rest);

    if (equals(type, "*") && equals(subtype, "*")) {
        return 1;
    }
    if (!equals(type, name->type)) {
        return 0;
    }
    if (equals(subtype, "*")) {
        return 2;
    }
    return equals(subtype, name->subtype) ? 3 : 0;
}

/* The quality that the closest range gives; 0: not acceptable. */
static unsigned quality_of(const char *accept, const struct media_name *name)
{
    struct piece rest = {accept, strlen(accept)};
    unsigned closest = 0;
    unsigned quality = 0;

    while (rest.len > 0) {
        struct piece element = next_piece(&rest, ',');
        struct piece range = next_piece(&element, ';');
        unsigned its_fit = fit(range, name);
        unsigned its_quality = QUALITY_FULL;

        while (element.len > 0) {
            struct piece value = next_piece(&element, ';');
            struct piece key = next_piece(&value, '=');

            if (equals(key, "q")) {
                its_quality = parse_quality(trim(value));
            }
        }
        if (its_fit > closest) {
            closest = its_fit;
            quality = its_quality;
        }
    }
    return quality;
}

static bool says_nothing(const char *accept)
{
    return accept == NULL || accept[strspn(accept, " \t,")] == '\0';
}

enum api_media api_media_negotiate(const char *accept, unsigned offered)
{
    enum api_media best = API_MEDIA_NONE;
    unsigned best_quality = 0;

    for (size_t i = 0; i < WAY_COUNT_OF(names); i++) {
        unsigned quality;

        if ((offered & (unsigned)names[i].media) == 0) {
            continue;
        }
        quality = says_nothing(accept) ? QUALITY_FULL : quality_of(accept, &names[i]);
        if (quality > best_quality) {
            best = names[i].media;
            best_quality = quality;
        }
    }
    return best;
}

static bool charset_is_utf8(struct piece parameters)
{
    while (parameters.len > 0) {
        struct piece value = next_piece(&parameters, ';');
        struct piece key = next_piece(&value, '=');

        if (equals(key, "charset") && !equals(trim(value), "utf-8") &&
            !equals(trim(value), "\"utf-8\"")) {
            return false;
        }
    }
    return true;
}

enum api_media api_media_of_content(const char *content_type, unsigned accepted)
{
    struct piece rest = {content_type, strlen(content_type)};
    struct piece range = next_piece(&rest, ';');

    for (size_t i = 0; i < WAY_COUNT_OF(names); i++) {
        if ((accepted & (unsigned)names[i].media) != 0 && fit(range, &names[i]) == 3 &&
            charset_is_utf8(rest)) {
            return names[i].media;
        }
    }
    return API_MEDIA_NONE;
}
