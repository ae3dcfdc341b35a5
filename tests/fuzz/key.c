/* SPDX-License-Identifier: MIT */
/*
 * fuzz/key - model/key: one normal form per name.
 *
 * Input  A spelling.
 * Law    An accepted spelling becomes an address in the C library's eyes, or a name of the
 * documented alphabet and lengths. Reading that again gives the same key; restore() takes it, and
 * of all spellings takes only it. Letter case, white space around, percent-encoding in a URL, and a
 *        mail address's user make no difference, to what is refused neither. Of a refused spelling
 *        nothing is written.
 */
#include "law.h"

#include "api/request.h"
#include "base/text.h"
#include "model/key.h"

#include <arpa/inet.h>

enum { SPELLING_MAX = 2048, UNTOUCHED = 0x5a };

static void obey_alphabet(const struct way_key *key)
{
    size_t label = 0;

    for (size_t i = 0; i < key->len; i++) {
        char byte = key->text[i];
        bool is_name_byte = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                            byte == '-' || byte == '_';

        LAW(is_name_byte || byte == '.');
        label = is_name_byte ? label + 1 : 0;
        LAW(label <= WAY_LABEL_MAX && (is_name_byte || i > 0));
        LAW(is_name_byte || (i + 1 < key->len && key->text[i - 1] != '.'));
    }
    LAW(key->len > 0);
}

static void obey_form(const struct way_key *key)
{
    unsigned char address[16];

    LAW(key->len <= WAY_KEY_MAX && strlen(key->text) == key->len);
    switch ((enum way_key_kind)key->kind) {
    case WAY_KEY_IPV4:
        LAW(inet_pton(AF_INET, key->text, address) == 1);
        break;
    case WAY_KEY_IPV6:
        LAW(inet_pton(AF_INET6, key->text, address) == 1);
        break;
    case WAY_KEY_DOMAIN:
        LAW(inet_pton(AF_INET, key->text, address) != 1);
        obey_alphabet(key);
        break;
    default:
        LAW(!"a kind that there is");
    }
    LAW(way_key_is_address(key) == (key->kind != WAY_KEY_DOMAIN));
}

static bool is_same(const struct way_key *a, const struct way_key *b)
{
    return a->kind == b->kind && way_key_equal(a, b);
}

/* `want` NULL: the spelling must be refused. */
static void expect(const char *raw, size_t len, const struct way_key *want)
{
    struct way_key key;

    LAW((way_key_parse(raw, len, &key, NULL) == WAY_OK) == (want != NULL));
    LAW(want == NULL || is_same(&key, want));
}

static void obey_case(const char *raw, size_t len, const struct way_key *want)
{
    char other[SPELLING_MAX];

    for (size_t i = 0; i < len; i++) {
        other[i] = way_ascii_upper(raw[i]);
    }
    expect(other, len, want);
    for (size_t i = 0; i < len; i++) {
        other[i] = way_ascii_lower(raw[i]);
    }
    expect(other, len, want);
}

static void obey_blanks_and_users(const char *raw, size_t len, const struct way_key *want)
{
    static const char before[] = " \t\r\n";
    static const char user[] = "o.user@";
    char other[SPELLING_MAX + sizeof before + sizeof user];
    struct way_key key;

    if (sizeof before + sizeof user + len > WAY_KEY_INPUT_MAX) {
        return; /* too long with what comes around it */
    }
    memcpy(other, before, sizeof before - 1);
    memcpy(other + sizeof before - 1, raw, len);
    other[sizeof before - 1 + len] = ' ';
    expect(other, sizeof before + len, want);
    if (memchr(raw, '@', len) == NULL) {
        memcpy(other, user, sizeof user - 1);
        memcpy(other + sizeof user - 1, raw, len);
        LAW((way_key_parse_mail_domain(other, sizeof user - 1 + len, &key, NULL) == WAY_OK) ==
            (want != NULL));
        LAW(want == NULL || is_same(&key, want));
    }
}

static void obey_percent(const char *raw, size_t len, const struct way_key *want)
{
    struct api_request request = {.method = API_GET};
    struct way_text text;
    char *target;

    way_text_init(&text, NULL, 0, SPELLING_MAX * 4);
    way_text_putc(&text, '/');
    for (size_t i = 0; i < len; i++) {
        way_text_printf(&text, i % 2 == 0 ? "%%%02x" : "%%%02X", (unsigned)(unsigned char)raw[i]);
    }
    (void)way_text_string(&text);
    target = text.data;
    LAW(api_request_parse_target(target, &request, NULL) == WAY_OK && request.segment_count == 1);
    expect(request.segments[0].at, request.segments[0].len, want);
    way_text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *raw = (const char *)data;
    const struct way_key *want = NULL;
    struct way_key key;
    struct way_key again;

    if (size > SPELLING_MAX) {
        return 0;
    }
    memset(&key, UNTOUCHED, sizeof key);
    again = key;
    if (way_key_parse(raw, size, &key, NULL) == WAY_OK) {
        want = &key;
        obey_form(&key);
        expect(key.text, key.len, &key);
        LAW(way_key_restore(key.text, key.len, &again) == WAY_OK && is_same(&again, &key));
        LAW((way_key_restore(raw, size, &again) == WAY_OK) ==
            (size == key.len && memcmp(raw, key.text, size) == 0));
    } else {
        LAW(memcmp(&key, &again, sizeof key) == 0);
        LAW(way_key_restore(raw, size, &again) != WAY_OK);
    }
    obey_case(raw, size, want);
    obey_blanks_and_users(raw, size, want);
    obey_percent(raw, size, want);
    return 0;
}
