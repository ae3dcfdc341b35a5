/* SPDX-License-Identifier: MIT */
#include "store/database_url.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define FIELD  "database"
#define MARKS  "-._~" /* of those that RFC 3986 leaves as they are */
#define SYNTAX "mariadb://USER:PASSWORD@HOST[:PORT]/DATABASE"

enum {
    DEFAULT_PORT = 3306,
    URL_BYTES_MAX = 8192,
    SHOWN_BYTES_MAX = 16 * 1024, /* with every byte of every part percent-encoded */
};

/* What is left of the text; nothing is copied until it is understood. */
struct rest {
    const char *at;
    size_t len;
};

/* Cuts off all before the first of `stops`, which stays in *rest; all of it when there is none. */
static struct rest cut_before(struct rest *rest, const char *stops)
{
    struct rest head = {.at = rest->at, .len = 0};

    while (head.len < rest->len && strchr(stops, rest->at[head.len]) == NULL) {
        head.len++;
    }
    rest->at += head.len;
    rest->len -= head.len;
    return head;
}

static bool cut_byte(struct rest *rest, char byte)
{
    if (rest->len == 0 || rest->at[0] != byte) {
        return false;
    }
    rest->at++;
    rest->len--;
    return true;
}

static bool cut_prefix(struct rest *rest, const char *prefix)
{
    size_t len = strlen(prefix);

    if (rest->len < len || memcmp(rest->at, prefix, len) != 0) {
        return false;
    }
    rest->at += len;
    rest->len -= len;
    return true;
}

/* One byte of a percent-encoded text; -1: not a byte that may stand there. */
static int decode_byte(struct rest *text)
{
    int high;
    int low;

    if (!cut_byte(text, '%')) {
        text->len--;
        return (unsigned char)*text->at++;
    }
    high = text->len >= 2 ? way_hex_digit(text->at[0]) : -1;
    low = text->len >= 2 ? way_hex_digit(text->at[1]) : -1;
    if (high < 0 || low < 0 || high + low == 0) {
        return -1; /* %00 would end the text for everyone behind us */
    }
    text->at += 2;
    text->len -= 2;
    return high * 16 + low;
}

/* Percent-decodes into a buffer of WAY_DATABASE_TEXT_MAX. `what` names the part in messages; its
 * content is never repeated: it may be the password. */
static enum way_status decode(struct rest text, const char *what, char *out, struct way_error *err)
{
    size_t len = 0;

    if (text.len == 0) {
        return way_fail(err, WAY_INVALID, FIELD, "the %s is empty", what);
    }
    while (text.len > 0) {
        int byte = decode_byte(&text);

        if (byte < 0) {
            return way_fail(err, WAY_INVALID, FIELD,
                            "bad percent-encoding in the %s: '%%' is written %%25, and %%00 is "
                            "refused",
                            what);
        }
        if (len + 1 >= WAY_DATABASE_TEXT_MAX) {
            return way_fail(err, WAY_INVALID, FIELD, "the %s is over %d bytes", what,
                            WAY_DATABASE_TEXT_MAX - 1);
        }
        out[len++] = (char)byte;
    }
    out[len] = '\0';
    return WAY_OK;
}

/* --- hosts -------------------------------------------------------------------------------------
 */

static bool is_host_name(struct rest name)
{
    for (size_t i = 0; i < name.len; i++) {
        char byte = way_ascii_lower(name.at[i]);

        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
              byte == '.' || byte == '_')) {
            return false;
        }
    }
    return name.len > 0;
}

static enum way_status parse_host_name(struct rest *text, struct way_database_host *host,
                                       struct way_error *err)
{
    unsigned char address[sizeof(struct in6_addr)];
    bool is_bracketed = cut_byte(text, '[');
    struct rest name = cut_before(text, is_bracketed ? "]" : ":");

    if (is_bracketed && !cut_byte(text, ']')) {
        return way_fail(err, WAY_INVALID, FIELD, "an IPv6 host stands in brackets: [::1]");
    }
    if (name.len == 0) {
        return way_fail(err, WAY_INVALID, FIELD, "a host is empty; expected " SYNTAX);
    }
    if (name.len >= sizeof host->name) {
        return way_fail(err, WAY_INVALID, FIELD, "a host is over %d bytes",
                        WAY_DATABASE_HOST_MAX - 1);
    }
    memcpy(host->name, name.at, name.len);
    host->name[name.len] = '\0';
    if (is_bracketed ? inet_pton(AF_INET6, host->name, address) != 1 : !is_host_name(name)) {
        return way_fail(err, WAY_INVALID, FIELD,
                        "a host is neither a name nor an address; IPv6 stands in brackets: [::1]");
    }
    return WAY_OK;
}

static enum way_status parse_host(struct rest text, struct way_database_host *host,
                                  struct way_error *err)
{
    uint64_t port = DEFAULT_PORT;
    enum way_status status = parse_host_name(&text, host, err);

    if (status != WAY_OK) {
        return status;
    }
    if (text.len > 0 && (!cut_byte(&text, ':') ||
                         !way_u64_parse(text.at, text.len, UINT16_MAX, &port) || port == 0)) {
        return way_fail(err, WAY_INVALID, FIELD, "the port of %s is not a number from 1 to 65535",
                        host->name);
    }
    host->port = (uint16_t)port;
    return WAY_OK;
}

static enum way_status parse_hosts(struct rest text, struct way_database_url *url,
                                   struct way_error *err)
{
    do {
        enum way_status status;

        if (url->host_count == WAY_DATABASE_HOSTS_MAX) {
            return way_fail(err, WAY_INVALID, FIELD, "more than %d hosts", WAY_DATABASE_HOSTS_MAX);
        }
        status = parse_host(cut_before(&text, ","), &url->hosts[url->host_count], err);
        if (status != WAY_OK) {
            return status;
        }
        url->host_count++;
    } while (cut_byte(&text, ','));
    return WAY_OK;
}

/* --- options -----------------------------------------------------------------------------------
 */

static enum way_status parse_option(struct rest name, struct rest value,
                                    struct way_database_url *url, struct way_error *err)
{
    char tls[WAY_DATABASE_TEXT_MAX];
    enum way_status status;

    if (name.len == 3 && memcmp(name.at, "tls", 3) == 0 && !url->is_tls_verified) {
        status = decode(value, "option tls", tls, err);
        if (status == WAY_OK && strcmp(tls, "verify") != 0) {
            status = way_fail(err, WAY_INVALID, FIELD, "the option tls knows one value: verify");
        }
        url->is_tls_verified = status == WAY_OK;
        return status;
    }
    if (name.len == 2 && memcmp(name.at, "ca", 2) == 0 && url->ca[0] == '\0') {
        return decode(value, "option ca", url->ca, err);
    }
    if (name.len == 6 && memcmp(name.at, "socket", 6) == 0 && url->socket[0] == '\0') {
        return decode(value, "option socket", url->socket, err);
    }
    return way_fail(err, WAY_INVALID, FIELD,
                    "an option is unknown or repeated; known are tls=verify, ca=PATH, socket=PATH");
}

static enum way_status parse_options(struct rest text, struct way_database_url *url,
                                     struct way_error *err)
{
    do {
        struct rest value = cut_before(&text, "&");
        struct rest name = cut_before(&value, "=");
        enum way_status status;

        (void)cut_byte(&value, '='); /* without it the value is empty, which is refused */
        status = parse_option(name, value, url, err);
        if (status != WAY_OK) {
            return status;
        }
    } while (cut_byte(&text, '&'));
    return WAY_OK;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

/* What no single part can see. */
static enum way_status check_together(const struct way_database_url *url, struct way_error *err)
{
    if (url->ca[0] != '\0' && !url->is_tls_verified) {
        return way_fail(err, WAY_INVALID, FIELD, "ca= has no effect without tls=verify");
    }
    if (url->socket[0] == '\0') {
        return url->host_count > 0
                   ? WAY_OK
                   : way_fail(err, WAY_INVALID, FIELD, "neither a host nor socket=PATH");
    }
    if (url->host_count > 0) {
        return way_fail(err, WAY_INVALID, FIELD, "socket=PATH stands in the place of hosts");
    }
    if (url->is_tls_verified) {
        return way_fail(err, WAY_INVALID, FIELD,
                        "a socket on this machine has no host name that tls=verify could check");
    }
    return WAY_OK;
}

static enum way_status parse_user(struct rest text, struct way_database_url *url,
                                  struct way_error *err)
{
    struct rest user = cut_before(&text, ":");
    enum way_status status = decode(user, "user", url->user, err);

    if (status == WAY_OK && cut_byte(&text, ':')) {
        status = text.len == 0 ? WAY_OK : decode(text, "password", url->password, err);
    }
    return status;
}

static enum way_status parse_mariadb(struct rest text, struct way_database_url *url,
                                     struct way_error *err)
{
    struct rest authority = cut_before(&text, "/?");
    struct rest user = cut_before(&authority, "@");
    enum way_status status;

    if (!cut_byte(&authority, '@')) {
        return way_fail(err, WAY_INVALID, FIELD,
                        "no USER@ before the host; expected " SYNTAX
                        " ('/' '@' '?' in a password are written %%2F %%40 %%3F)");
    }
    if (memchr(authority.at, '@', authority.len) != NULL) {
        return way_fail(err, WAY_INVALID, FIELD, "a second '@': in a password it is written %%40");
    }
    status = parse_user(user, url, err);
    if (status == WAY_OK && authority.len > 0) {
        status = parse_hosts(authority, url, err);
    }
    if (status == WAY_OK && !cut_byte(&text, '/')) {
        status = way_fail(err, WAY_INVALID, FIELD, "no database; expected " SYNTAX);
    }
    if (status == WAY_OK) {
        status = decode(cut_before(&text, "?"), "database", url->database, err);
    }
    if (status == WAY_OK && cut_byte(&text, '?')) {
        status = parse_options(text, url, err);
    }
    return status == WAY_OK ? check_together(url, err) : status;
}

static enum way_status parse_sqlite(struct rest text, struct way_database_url *url,
                                    struct way_error *err)
{
    if (text.len == 0) {
        return way_fail(err, WAY_INVALID, FIELD, "no file; expected sqlite:PATH");
    }
    if (text.len >= sizeof url->path) {
        return way_fail(err, WAY_INVALID, FIELD, "the path is over %d bytes",
                        WAY_DATABASE_TEXT_MAX - 1);
    }
    memcpy(url->path, text.at, text.len); /* as it is: paths have no percent-encoding */
    url->path[text.len] = '\0';
    return WAY_OK;
}

/* A URL is printable; of a path we only ask that it fits one line. */
static bool has_bad_byte(struct rest text, bool is_path)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.at[i];

        if (way_byte_is_control(byte) || (!is_path && (byte == ' ' || byte == '#'))) {
            return true;
        }
    }
    return false;
}

enum way_status way_database_url_parse(const char *text, struct way_database_url *out,
                                       struct way_error *err)
{
    struct rest rest = {.at = text, .len = strlen(text)};
    struct way_database_url url = {.engine = WAY_ENGINE_SQLITE};
    enum way_status status;

    if (rest.len > URL_BYTES_MAX) {
        return way_fail(err, WAY_INVALID, FIELD, "over %d bytes", URL_BYTES_MAX);
    }
    if (has_bad_byte(rest, strncmp(text, "sqlite:", 7) == 0)) {
        return way_fail(err, WAY_INVALID, FIELD,
                        "a blank, '#' or control byte: write it as %%20, %%23 and so on");
    }
    if (cut_prefix(&rest, "sqlite:")) {
        status = parse_sqlite(rest, &url, err);
    } else if (cut_prefix(&rest, "mariadb://") || cut_prefix(&rest, "mysql://")) {
        url.engine = WAY_ENGINE_MARIADB;
        status = parse_mariadb(rest, &url, err);
    } else {
        status = way_fail(err, WAY_INVALID, FIELD, "expected sqlite:PATH or " SYNTAX);
    }
    if (status == WAY_OK) {
        *out = url;
    }
    explicit_bzero(url.password, sizeof url.password);
    return status;
}

/* --- back to text ------------------------------------------------------------------------------
 */

/* Encodes all but letters, digits and the octets of `plain`. */
static void put_encoded(struct way_text *text, const char *part, const char *plain)
{
    for (; *part != '\0'; part++) {
        char lower = way_ascii_lower(*part);

        if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') ||
            strchr(plain, *part) != NULL) {
            way_text_putc(text, *part);
        } else {
            way_text_printf(text, "%%%02X", (unsigned)(unsigned char)*part);
        }
    }
}

static void put_mariadb(struct way_text *text, const struct way_database_url *url)
{
    char separator = '?';

    way_text_puts(text, "mariadb://");
    put_encoded(text, url->user, MARKS); /* a slash would end it */
    way_text_puts(text, url->password[0] != '\0' ? ":***@" : "@");
    for (size_t i = 0; i < url->host_count; i++) {
        const struct way_database_host *host = &url->hosts[i];
        bool is_ipv6 = strchr(host->name, ':') != NULL;

        way_text_printf(text, "%s%s%s%s:%u", i > 0 ? "," : "", is_ipv6 ? "[" : "", host->name,
                        is_ipv6 ? "]" : "", host->port);
    }
    way_text_putc(text, '/');
    put_encoded(text, url->database, MARKS "/");
    if (url->is_tls_verified) {
        way_text_puts(text, "?tls=verify");
        separator = '&';
    }
    if (url->ca[0] != '\0') {
        way_text_printf(text, "%cca=", separator);
        put_encoded(text, url->ca, MARKS "/");
    }
    if (url->socket[0] != '\0') {
        way_text_printf(text, "%csocket=", separator);
        put_encoded(text, url->socket, MARKS "/");
    }
}

void way_database_url_format(const struct way_database_url *url, char *out, size_t out_bytes)
{
    struct way_text text;

    way_text_init(&text, NULL, 0, SHOWN_BYTES_MAX);
    if (url->engine == WAY_ENGINE_SQLITE) {
        way_text_printf(&text, "sqlite:%s", url->path);
    } else {
        put_mariadb(&text, url);
    }
    (void)snprintf(out, out_bytes, "%s", way_text_string(&text)); /* cut: it is for messages */
    way_text_fini(&text);
}
