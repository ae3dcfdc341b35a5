/* SPDX-License-Identifier: MIT */
#include "model/token.h"

#include "base/text.h"

#include <string.h>

enum { WORDS = 3 /* of a line */ };

struct word {
    const char *at;
    size_t len;
};

static const char *const role_names[] = {
    [WAY_ROLE_READER] = "reader",
    [WAY_ROLE_EDITOR] = "editor",
    [WAY_ROLE_AUDITOR] = "auditor",
    [WAY_ROLE_ADMIN] = "admin",
};
_Static_assert(WAY_COUNT_OF(role_names) == WAY_ROLE_COUNT, "name every role");

static const char *const scope_names[] = {
    [WAY_SCOPE_OPEN] = "open",     [WAY_SCOPE_READ] = "read",   [WAY_SCOPE_REVIEW] = "review",
    [WAY_SCOPE_CHANGE] = "change", [WAY_SCOPE_ADMIN] = "admin",
};
_Static_assert(WAY_COUNT_OF(scope_names) == WAY_SCOPE_COUNT, "name every scope");

/* clang-format off */
static const bool may[WAY_ROLE_COUNT][WAY_SCOPE_COUNT] = {
    /*                     open  read  review change admin */
    [WAY_ROLE_READER]  = { true, true, false, false, false },
    [WAY_ROLE_EDITOR]  = { true, true, true,  true,  false },
    [WAY_ROLE_AUDITOR] = { true, true, true,  false, false },
    [WAY_ROLE_ADMIN]   = { true, true, true,  true,  true  },
};

/* clang-format on */

const char *way_role_name(enum way_role role)
{
    return role_names[role];
}

bool way_role_parse(const char *word, size_t len, enum way_role *out)
{
    for (size_t i = 0; i < WAY_ROLE_COUNT; i++) {
        if (strlen(role_names[i]) == len && memcmp(role_names[i], word, len) == 0) {
            *out = (enum way_role)i;
            return true;
        }
    }
    return false;
}

bool way_role_may(enum way_role role, enum way_scope scope)
{
    return may[role][scope];
}

const char *way_scope_name(enum way_scope scope)
{
    return scope_names[scope];
}

const char *way_token_name_fault(const char *name, size_t len)
{
    if (len == 0 || len > WAY_TOKEN_NAME_MAX) {
        return "a name has 1 to 64 characters";
    }
    for (size_t i = 0; i < len; i++) {
        if (name[i] <= ' ' || name[i] > '~') {
            return "a name is printable ASCII without blanks";
        }
    }
    if (name[0] == '#') {
        return "a name does not begin with #, as comments do";
    }
    return len == 1 && name[0] == '-' ? "the name - stands for nobody" : NULL;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* The first words of a line, one more than it may have at most. Returns how many there are. */
static size_t split(const char *line, size_t len, struct word words[static WORDS + 1])
{
    size_t count = 0;
    size_t at = 0;

    while (count <= WORDS) {
        while (at < len && is_blank(line[at])) {
            at++;
        }
        if (at == len || (count == 0 && line[at] == '#')) {
            break;
        }
        words[count].at = line + at;
        while (at < len && !is_blank(line[at])) {
            at++;
        }
        words[count].len = (size_t)(line + at - words[count].at);
        count++;
    }
    return count;
}

static bool read_digest(struct word word, uint8_t out[static WAY_SHA256_BYTES])
{
    if (word.len != WAY_SHA256_HEX) {
        return false;
    }
    for (size_t i = 0; i < WAY_SHA256_BYTES; i++) {
        int high = way_hex_digit(word.at[2 * i]);
        int low = way_hex_digit(word.at[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* NULL: the line's token is in *token; else what is wrong with it. */
static const char *read_token(const struct word words[static WORDS], struct way_token *token)
{
    const char *fault = way_token_name_fault(words[0].at, words[0].len);

    if (fault != NULL) {
        return fault;
    }
    memcpy(token->name, words[0].at, words[0].len);
    token->name[words[0].len] = '\0';
    if (!way_role_parse(words[1].at, words[1].len, &token->role)) {
        return "the role is one of reader, editor, auditor, admin";
    }
    if (!read_digest(words[2], token->digest)) {
        return "the digest has 64 hexadecimal digits";
    }
    return NULL;
}

static const char *add_token(struct way_token_table *table, const struct word words[static WORDS])
{
    struct way_token *token;
    const char *fault;

    if (table->count == WAY_TOKENS_MAX) {
        return "a file has at most 256 tokens";
    }
    token = &table->tokens[table->count];
    fault = read_token(words, token);
    for (size_t i = 0; fault == NULL && i < table->count; i++) {
        if (strcmp(table->tokens[i].name, token->name) == 0) {
            fault = "another line has this name";
        } else if (way_digests_are_equal(table->tokens[i].digest, token->digest)) {
            fault = "another line has this digest, so the name would be a guess";
        }
    }
    table->count += fault == NULL;
    return fault;
}

static const char *add_line(struct way_token_table *table, const char *line, size_t len)
{
    struct word words[WORDS + 1];
    size_t count = split(line, len, words);

    if (count == 0) {
        return NULL;
    }
    return count == WORDS ? add_token(table, words) : "a line is NAME ROLE SHA256HEX";
}

enum way_status way_tokens_parse(const char *text, size_t len, struct way_token_table *table,
                                 struct way_error *err)
{
    size_t at = 0;

    table->count = 0;
    if (len > WAY_TOKEN_FILE_MAX) {
        return way_fail(err, WAY_INVALID, "tokens", "a file has at most %d bytes",
                        WAY_TOKEN_FILE_MAX);
    }
    if (len == 0) {
        return way_fail(err, WAY_INVALID, "tokens",
                        "the file is empty, as one that is just being written; to take back every "
                        "token, leave a comment in it");
    }
    for (size_t number = 1; at < len; number++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line_len = end == NULL ? len - at : (size_t)(end - text) - at;
        const char *fault = add_line(table, text + at, line_len);

        if (fault != NULL) {
            table->count = 0;
            return way_fail(err, WAY_INVALID, "tokens", "line %zu: %s", number, fault);
        }
        at += line_len + 1;
    }
    return WAY_OK;
}

const struct way_token *way_tokens_find(const struct way_token_table *table, const char *secret,
                                        size_t len)
{
    uint8_t digest[WAY_SHA256_BYTES];
    const struct way_token *found = NULL;

    if (!way_sha256(secret, len, digest)) {
        return NULL;
    }
    for (size_t i = 0; i < table->count; i++) { /* all of them: where it stands is told to nobody */
        found = way_digests_are_equal(table->tokens[i].digest, digest) ? &table->tokens[i] : found;
    }
    return found;
}
