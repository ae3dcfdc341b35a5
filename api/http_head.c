/* SPDX-License-Identifier: MIT */
#include "api/http_head.h"

#include "base/text.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_ENDS_MAX = 4 }; /* bytes behind the last header: CR LF twice */

static const char fault_of_line[] = "a header has a NUL byte or is folded over two lines";

/* What the walk over the headers gathers. */
struct walk {
    struct api_request *request;
    struct api_head *head;
    struct api_head_fault *fault;
    const char *end; /* of what was seen so far, in the library's copy of the head */
    bool is_bad;
    bool has_split_list; /* over several lines */
    unsigned hosts;
    unsigned lengths;
    unsigned encodings;
    const char *encoding;
};

static enum MHD_Result refuse(struct walk *walk, const char *detail)
{
    walk->is_bad = true;
    *walk->fault = (struct api_head_fault){API_BAD_REQUEST, detail};
    return MHD_NO;
}

/* RFC 9110 5.6.2: tokens. */
static bool is_token(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char byte = name[i];
        bool is_alnum = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= '0' && byte <= '9');

        if (!is_alnum && (byte == '\0' || strchr("!#$%&'*+-.^_`|~", byte) == NULL)) {
            return false;
        }
    }
    return len > 0;
}

static bool is_clean_value(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (way_byte_is_control(value[i]) && value[i] != '\t') {
            return false;
        }
    }
    return true;
}

static bool is_named(const char *name, size_t len, const char *wanted)
{
    return way_ascii_equal_nocase(name, len, wanted, strlen(wanted));
}

/* A header that somebody asks for. */
struct known_header {
    const char *name;
    const char **value; /* where it is kept */
    bool is_list;
};

/* False: nobody asks for it. */
static bool find_known(struct api_headers *headers, const char *name, size_t len,
                       struct known_header *found)
{
    const struct known_header known[] = {
        {"Accept", &headers->accept, true},
        {"Content-Type", &headers->content_type, false},
        {"If-Match", &headers->if_match, true},
        {"If-None-Match", &headers->if_none_match, true},
        {"X-Waypost-Reason", &headers->reason, false},
        {"Origin", &headers->origin, false},
        {"Access-Control-Request-Method", &headers->wanted_method, false},
    };

    for (size_t i = 0; i < WAY_COUNT_OF(known); i++) {
        if (is_named(name, len, known[i].name)) {
            *found = known[i];
            return true;
        }
    }
    return false;
}

static enum MHD_Result take_value(struct walk *walk, const struct known_header *header,
                                  const char *value)
{
    if (*header->value != NULL && !header->is_list) {
        return refuse(walk, "a header that may come once comes twice (Content-Type, Origin, "
                            "X-Waypost-Reason, Access-Control-Request-Method)");
    }
    walk->has_split_list = walk->has_split_list || *header->value != NULL;
    *header->value = value;
    return MHD_YES;
}

/* Who sends two tokens is nobody; that is not for the head to say, for many operations want none.
 * False: the header is no token's. */
static bool take_credential(struct api_headers *headers, const char *name, size_t len,
                            const char *value)
{
    bool is_authorization = is_named(name, len, "Authorization");

    if (!is_authorization && !is_named(name, len, "X-API-Key")) {
        return false;
    }
    if (is_authorization) {
        headers->authorization = value;
    } else {
        headers->api_key = value;
    }
    headers->credential_count++;
    return true;
}

static bool is_request_id(const char *value, size_t len)
{
    if (len < 8 || len > API_REQUEST_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char byte = way_ascii_lower(value[i]);

        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
              byte == '_')) {
            return false;
        }
    }
    return true;
}

static enum MHD_Result take_length(struct walk *walk, const char *value, size_t len)
{
    walk->lengths++;
    if (!way_u64_parse(value, len, UINT64_MAX, &walk->head->content_length)) {
        return refuse(walk, "Content-Length is not a number");
    }
    return MHD_YES;
}

static enum MHD_Result take_encoding(struct walk *walk, const char *value)
{
    walk->encodings++;
    walk->encoding = value;
    return MHD_YES;
}

static enum MHD_Result take_known(struct walk *walk, const char *name, size_t name_len,
                                  const char *value, size_t len)
{
    struct known_header known;

    if (take_credential(&walk->request->headers, name, name_len, value)) {
        return MHD_YES;
    }
    if (find_known(&walk->request->headers, name, name_len, &known)) {
        return take_value(walk, &known, value);
    }
    if (is_named(name, name_len, "Host")) {
        walk->hosts++;
    } else if (is_named(name, name_len, "Content-Length")) {
        return take_length(walk, value, len);
    } else if (is_named(name, name_len, "Transfer-Encoding")) {
        return take_encoding(walk, value);
    } else if (is_named(name, name_len, "X-Request-Id") && is_request_id(value, len)) {
        memcpy(walk->request->id, value, len + 1);
        walk->head->asks_request_id = true;
    }
    return MHD_YES;
}

/* Behind the end of a line, of which the library makes zeros: two of CR LF, one of a bare LF. */
static const char *skip_line_end(const char *at)
{
    at += *at == '\0' ? 1 : 0;
    return at + (*at == '\0' ? 1 : 0);
}

/* Whether the header begins where the one before it ends. The library cuts a value at a NUL, and
 * garbles a header that is folded over two lines; either leaves a gap in what it has read. */
static bool follows(struct walk *walk, const char *name, const char *value, size_t len)
{
    bool is_next = skip_line_end(walk->end) == name;

    walk->end = value + len;
    return is_next;
}

static enum MHD_Result take_header(void *owner, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t len)
{
    struct walk *walk = owner;

    (void)kind;
    if (value == NULL) {
        value = name + name_len;
        len = 0;
    }
    if (!follows(walk, name, value, len)) {
        return refuse(walk, fault_of_line);
    }
    if (!is_token(name, name_len)) {
        return refuse(walk, "a header's name has a character that cannot stand in one");
    }
    if (strlen(value) != len || !is_clean_value(value, len)) {
        return refuse(walk, "a header's value has a control byte");
    }
    return take_known(walk, name, name_len, value, len);
}

/* --- lists over several lines -------------------------------------------------------------------
 */

/* The lines of one list, one behind the other. */
struct joining {
    const char *name;
    char *at; /* where the next one goes */
    bool is_first;
};

static void put(struct joining *joining, const char *bytes, size_t len)
{
    memcpy(joining->at, bytes, len);
    joining->at += len;
}

static enum MHD_Result join_line(void *owner, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t len)
{
    struct joining *joining = owner;

    (void)kind;
    if (is_named(name, name_len, joining->name)) {
        put(joining, ", ", joining->is_first ? 0 : 2);
        if (value != NULL) {
            put(joining, value, len);
        }
        joining->is_first = false;
    }
    return MHD_YES;
}

/* RFC 9110 5.3: the lines of a list are one list. They fit where the head fits: there each line has
 * a name, a colon and an end, which is more than the comma and the NUL that it gets here. */
static bool join_lists(struct MHD_Connection *connection, struct walk *walk,
                       const union MHD_ConnectionInfo *size)
{
    struct api_headers *headers = &walk->request->headers;

    const struct {
        const char *name;
        const char **slot;
    } lists[] = {{"Accept", &headers->accept},
                 {"If-Match", &headers->if_match},
                 {"If-None-Match", &headers->if_none_match}};
    struct joining joining = {.at = size == NULL ? NULL : malloc(size->header_size)};

    if (joining.at == NULL) {
        *walk->fault = (struct api_head_fault){API_BUSY, "out of memory"};
        return false;
    }
    walk->head->joined = joining.at;
    for (size_t i = 0; i < WAY_COUNT_OF(lists); i++) {
        if (*lists[i].slot != NULL) {
            *lists[i].slot = joining.at;
            joining.name = lists[i].name;
            joining.is_first = true;
            (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, join_line, &joining);
            *joining.at++ = '\0';
        }
    }
    return true;
}

/* --- the whole head ------------------------------------------------------------------------------
 */

/* RFC 9112 6.1: everything that two parties could frame in two ways. */
static bool check_framing(struct walk *walk, bool is_http_1_0)
{
    if (walk->lengths > 1) {
        (void)refuse(walk, "Content-Length comes twice");
    } else if (walk->encodings > 0 && walk->lengths > 0) {
        (void)refuse(walk, "Content-Length and Transfer-Encoding exclude each other");
    } else if (walk->encodings > 0 && is_http_1_0) {
        (void)refuse(walk, "HTTP/1.0 has no Transfer-Encoding");
    } else if (walk->encodings > 1 ||
               (walk->encodings == 1 &&
                !is_named(walk->encoding, strlen(walk->encoding), "chunked"))) {
        (void)refuse(walk, "the only Transfer-Encoding is chunked");
    } else if (walk->hosts > 1 || (walk->hosts == 0 && !is_http_1_0)) {
        (void)refuse(walk, "HTTP/1.1 wants one Host header");
    }
    return !walk->is_bad;
}

bool api_head_read(struct MHD_Connection *connection, const char *method, const char *version,
                   struct api_request *request, struct api_head *head, struct api_head_fault *fault)
{
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct walk walk = {
        .request = request, .head = head, .fault = fault, .end = version + strlen(version)};

    *head = (struct api_head){0};
    request->headers = (struct api_headers){0};
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, take_header, &walk);
    if (!walk.is_bad && size != NULL && method + size->header_size - walk.end > LINE_ENDS_MAX) {
        (void)refuse(&walk, fault_of_line);
    }
    /* The body is expected even when we refuse: the connection must then be closed. */
    head->is_chunked = walk.encodings > 0;
    head->has_body = walk.encodings > 0 || head->content_length > 0 || walk.lengths > 1;
    if (size != NULL && size->header_size > API_HEADERS_MAX) {
        *fault = (struct api_head_fault){API_HEADERS_TOO_LARGE,
                                         "the headers of a request have at most 16384 bytes"};
        return false;
    }
    if (walk.is_bad) {
        head->has_body = true; /* not all headers were seen: what follows is unknown */
        return false;
    }
    if (!check_framing(&walk, strcmp(version, MHD_HTTP_VERSION_1_0) == 0)) {
        return false;
    }
    return !walk.has_split_list || join_lists(connection, &walk, size);
}
