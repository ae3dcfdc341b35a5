/* SPDX-License-Identifier: MIT */
#include "model/key.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>

#define FIELD "lookup_key"

/* A piece of somebody's text. */
struct span {
    const char *at;
    size_t len;
};

static bool is_blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct span strip_blanks(struct span text)
{
    while (text.len > 0 && is_blank(text.at[0])) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && is_blank(text.at[text.len - 1])) {
        text.len--;
    }
    return text;
}

static enum way_status strip_brackets(struct span *text, struct way_error *err)
{
    bool opens = text->len > 0 && text->at[0] == '[';
    bool closes = text->len > 0 && text->at[text->len - 1] == ']';

    if (opens != closes || (opens && text->len < 2)) {
        return way_fail(err, WAY_INVALID, FIELD, "brackets must pair: [192.0.2.1]");
    }
    if (opens) {
        text->at++;
        text->len -= 2;
    }
    return WAY_OK;
}

static bool strip_ipv6_prefix(struct span *text)
{
    static const char prefix[] = "ipv6:";
    const size_t len = sizeof prefix - 1;

    if (text->len < len || !way_ascii_equal_nocase(text->at, len, prefix, len)) {
        return false;
    }
    text->at += len;
    text->len -= len;
    return true;
}

void way_ipv6_format(const unsigned char address[static 16], char *out)
{
    static const unsigned char zeros[12];
    unsigned high = (unsigned)address[12] << 8 | address[13];
    unsigned low = (unsigned)address[14] << 8 | address[15];

    /* The C library writes ::a.b.c.d for ::/96, long deprecated; RFC 5952 5 keeps dots for prefixes
     * that are known to embed IPv4. */
    if (memcmp(address, zeros, sizeof zeros) == 0 && high != 0) {
        (void)snprintf(out, INET6_ADDRSTRLEN, "::%x:%x", high, low);
        return;
    }
    (void)inet_ntop(AF_INET6, address, out, INET6_ADDRSTRLEN); /* cannot fail: it fits */
}

static void set_text(struct way_key *key, enum way_key_kind kind, const char *text, size_t len)
{
    memcpy(key->text, text, len);
    key->text[len] = '\0';
    key->len = (uint8_t)len;
    key->kind = (uint8_t)kind;
}

/* An IPv4 address ends in a digit, and an IPv6 address has a colon: most names have neither. */
static bool may_be_address(struct span text)
{
    return text.len > 0 && ((text.at[text.len - 1] >= '0' && text.at[text.len - 1] <= '9') ||
                            memchr(text.at, ':', text.len) != NULL);
}

/* True when the text is an address; then *out is set. */
static bool parse_address(struct span text, struct way_key *out)
{
    char input[INET6_ADDRSTRLEN];
    char canonical[INET6_ADDRSTRLEN];
    unsigned char bytes[16];

    /* Every spelling the C library takes fits; a NUL inside would cut it. */
    if (text.len >= sizeof input || !may_be_address(text) ||
        memchr(text.at, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(input, text.at, text.len);
    input[text.len] = '\0';
    if (inet_pton(AF_INET, input, bytes) == 1) {
        (void)inet_ntop(AF_INET, bytes, canonical, sizeof canonical);
        set_text(out, WAY_KEY_IPV4, canonical, strlen(canonical));
        return true;
    }
    if (inet_pton(AF_INET6, input, bytes) == 1) {
        way_ipv6_format(bytes, canonical);
        set_text(out, WAY_KEY_IPV6, canonical, strlen(canonical));
        return true;
    }
    return false;
}

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '_';
}

static enum way_status refuse_byte(char byte, struct way_error *err)
{
    if (byte == ':') {
        return way_fail(err, WAY_INVALID, FIELD,
                        "neither an IPv6 address nor a name: a key has no port and no scheme");
    }
    if (byte == '@') {
        return way_fail(err, WAY_INVALID, FIELD, "a domain or an IP address, not a mail address");
    }
    if (byte == '*') {
        return way_fail(err, WAY_INVALID, FIELD, "wildcards are not supported");
    }
    if (is_blank(byte)) {
        return way_fail(err, WAY_INVALID, FIELD, "a name has no blanks");
    }
    if (byte > ' ' && byte < 0x7f) {
        return way_fail(err, WAY_INVALID, FIELD,
                        "'%c' cannot stand in a name: letters, digits, '-', '_' and dots", byte);
    }
    return way_fail(err, WAY_INVALID, FIELD, "byte 0x%02x cannot stand in a name",
                    (unsigned)(unsigned char)byte);
}

static bool is_all_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return true;
}

/* What resolvers would take for (a part of) an IPv4 address: digits, or 0x and hexadecimal ones. */
static bool is_number(const char *label, size_t len)
{
    if (len < 2 || label[0] != '0' || label[1] != 'x') {
        return is_all_digits(label, len);
    }
    for (size_t i = 2; i < len; i++) {
        if (strchr("0123456789abcdef", label[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* Checks a lower-case name and writes it. */
static enum way_status accept_name(struct span name, struct way_key *out, struct way_error *err)
{
    size_t label = 0; /* where the current one starts */

    if (name.len == 0) {
        return way_fail(err, WAY_INVALID, FIELD, "must not be empty");
    }
    for (size_t i = 0; i <= name.len; i++) {
        if (i < name.len && name.at[i] != '.') {
            if (!is_name_byte(name.at[i])) {
                return refuse_byte(name.at[i], err);
            }
            continue;
        }
        if (i == label) {
            return way_fail(err, WAY_INVALID, FIELD,
                            "has an empty label (two dots, or one in front)");
        }
        if (i - label > WAY_LABEL_MAX) {
            return way_fail(err, WAY_INVALID, FIELD, "has a label of more than %d octets",
                            WAY_LABEL_MAX);
        }
        if (i == name.len && is_number(name.at + label, i - label)) {
            return way_fail(err, WAY_INVALID, FIELD,
                            "ends in a number but is no IPv4 address (0-255 four times, no "
                            "leading zeros)");
        }
        label = i + 1;
    }
    if (name.len > WAY_KEY_MAX) {
        return way_fail(err, WAY_INVALID, FIELD, "is longer than %d octets", WAY_KEY_MAX);
    }
    set_text(out, WAY_KEY_DOMAIN, name.at, name.len);
    return WAY_OK;
}

/* UTS 46, non-transitional; `name` holds non-ASCII octets. */
static enum way_status accept_idn(struct span name, struct way_key *out, struct way_error *err)
{
    char input[WAY_KEY_INPUT_MAX + 1];
    char *ascii = NULL;
    struct span result;
    enum way_status status;
    int rc;

    if (!way_utf8_is_valid(name.at, name.len)) {
        return way_fail(err, WAY_INVALID, FIELD, "is not valid UTF-8");
    }
    for (size_t i = 0; i < name.len; i++) {
        if (way_byte_is_control(name.at[i])) {
            return refuse_byte(name.at[i], err);
        }
    }
    memcpy(input, name.at, name.len);
    input[name.len] = '\0';
    rc = idn2_to_ascii_8z(input, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc == IDN2_MALLOC) {
        return way_fail(err, WAY_NO_MEMORY, FIELD, "no memory to convert the name");
    }
    if (rc != IDN2_OK) {
        return way_fail(err, WAY_INVALID, FIELD, "is not a valid international name (IDNA): %s",
                        idn2_strerror(rc));
    }
    result = (struct span){ascii, strlen(ascii)};
    if (result.len > 0 && ascii[result.len - 1] == '.') {
        result.len--; /* an ideographic full stop at the end is the root dot, too */
    }
    status = accept_name(result, out, err);
    idn2_free(ascii);
    return status;
}

static enum way_status accept_domain(struct span name, struct way_key *out, struct way_error *err)
{
    char lower[WAY_KEY_INPUT_MAX];
    bool is_ascii = true;

    for (size_t i = 0; i < name.len; i++) {
        is_ascii = is_ascii && ((unsigned char)name.at[i] & 0x80) == 0;
        lower[i] = way_ascii_lower(name.at[i]);
    }
    if (!is_ascii) {
        return accept_idn(name, out, err);
    }
    return accept_name((struct span){lower, name.len}, out, err);
}

enum way_status way_key_parse(const char *raw, size_t len, struct way_key *out,
                              struct way_error *err)
{
    struct span text = strip_blanks((struct span){raw, len});
    bool must_be_ipv6;
    enum way_status status;

    if (text.len == 0) {
        return way_fail(err, WAY_INVALID, FIELD, "must not be empty");
    }
    if (len > WAY_KEY_INPUT_MAX) {
        return way_fail(err, WAY_INVALID, FIELD, "is longer than %d octets", WAY_KEY_MAX);
    }
    status = strip_brackets(&text, err);
    if (status != WAY_OK) {
        return status;
    }
    must_be_ipv6 = strip_ipv6_prefix(&text);
    if (text.len > 0 && text.at[text.len - 1] == '.') {
        text.len--;
    }
    if (must_be_ipv6) {
        struct way_key key;

        if (!parse_address(text, &key) || key.kind != WAY_KEY_IPV6) {
            return way_fail(err, WAY_INVALID, FIELD,
                            "\"ipv6:\" must be followed by an IPv6 address");
        }
        *out = key;
        return WAY_OK;
    }
    if (parse_address(text, out)) {
        return WAY_OK;
    }
    if (memchr(text.at, '%', text.len) != NULL && memchr(text.at, ':', text.len) != NULL) {
        return way_fail(err, WAY_INVALID, FIELD, "an IPv6 address here has no zone id (%%...)");
    }
    return accept_domain(text, out, err);
}

/* What stands before an '@' decides nothing, but it is text. */
static bool is_local_part(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (way_byte_is_control(text.at[i])) {
            return false;
        }
    }
    return way_utf8_is_valid(text.at, text.len);
}

enum way_status way_key_parse_mail_domain(const char *raw, size_t len, struct way_key *out,
                                          struct way_error *err)
{
    struct span text = strip_blanks((struct span){raw, len});
    size_t at = text.len;

    while (at > 0 && text.at[at - 1] != '@') {
        at--;
    }
    if (at == 1) {
        return way_fail(err, WAY_INVALID, FIELD, "a mail address has something before its '@'");
    }
    if (len > WAY_KEY_INPUT_MAX) {
        return way_fail(err, WAY_INVALID, FIELD, "is longer than %d octets", WAY_KEY_INPUT_MAX);
    }
    if (!is_local_part((struct span){text.at, at})) {
        return way_fail(err, WAY_INVALID, FIELD,
                        "before its '@' a mail address has UTF-8 without control characters");
    }
    return way_key_parse(text.at + at, text.len - at, out, err);
}

enum way_status way_key_restore(const char *text, size_t len, struct way_key *out)
{
    struct way_key key = {0};

    if (way_key_parse(text, len, &key, NULL) != WAY_OK || key.len != len ||
        memcmp(key.text, text, len) != 0) {
        return WAY_INVALID;
    }
    *out = key;
    return WAY_OK;
}

bool way_key_equal(const struct way_key *a, const struct way_key *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

bool way_key_is_address(const struct way_key *key)
{
    return key->kind != WAY_KEY_DOMAIN;
}
