/* SPDX-License-Identifier: MIT */
/*
 * model/token - who may do what: names, roles, and the digests of secrets.
 *
 *     # comment
 *     NAME ROLE SHA256HEX
 *
 * Purpose  The rules of a token and of the file that lists them, and the one table of
 *          what a role may do.
 * Owns     Nothing. A table is a plain value, and holds no secret.
 * Threads  Pure functions; call from anywhere.
 * Errors   WAY_INVALID with field "tokens" and the number of the line. What a line says
 *          is never repeated: somebody may have put a secret there.
 */
#ifndef WAY_MODEL_TOKEN_H
#define WAY_MODEL_TOKEN_H

#include "base/digest.h"
#include "base/status.h"
#include "model/override.h"

enum {
    WAY_TOKENS_MAX = 256,               /* lines of a file that name a token */
    WAY_TOKEN_FILE_MAX = 64 * 1024,     /* bytes of a file of tokens */
    WAY_TOKEN_NAME_MAX = WAY_ACTOR_MAX, /* bytes of a name: it is written down as the actor */
};

enum way_role {
    WAY_ROLE_READER,
    WAY_ROLE_EDITOR,
    WAY_ROLE_AUDITOR,
    WAY_ROLE_ADMIN,
    WAY_ROLE_COUNT
};

/* What an operation wants of whoever asks for it. */
enum way_scope {
    WAY_SCOPE_OPEN,   /* nothing: anybody may */
    WAY_SCOPE_READ,   /* lookups, overrides, metrics */
    WAY_SCOPE_REVIEW, /* who changed what, and following it */
    WAY_SCOPE_CHANGE, /* overrides, and taking changes back */
    WAY_SCOPE_ADMIN,
    WAY_SCOPE_COUNT
};

struct way_token {
    char name[WAY_TOKEN_NAME_MAX + 1];
    enum way_role role;
    uint8_t digest[WAY_SHA256_BYTES]; /* of the secret */
};

struct way_token_table {
    size_t count;
    struct way_token tokens[WAY_TOKENS_MAX];
};

const char *way_role_name(enum way_role role);
WAY_MUST_CHECK bool way_role_parse(const char *word, size_t len, enum way_role *out);
bool way_role_may(enum way_role role, enum way_scope scope);
const char *way_scope_name(enum way_scope scope);

/* 1 to WAY_TOKEN_NAME_MAX printable ASCII characters without blanks; not "-", which stands for
 * nobody, and no '#' in front, which begins a comment. NULL: it is one; else what is wrong. */
const char *way_token_name_fault(const char *name, size_t len);

/* Reads a whole file. On failure *table is empty: half a file is none, and neither is an empty one,
 * for that is how a file looks that somebody has begun to write. */
WAY_MUST_CHECK enum way_status way_tokens_parse(const char *text, size_t len,
                                                struct way_token_table *table,
                                                struct way_error *err);
/* Whose secret it is; NULL: nobody's. Takes as long for every secret of one length. */
const struct way_token *way_tokens_find(const struct way_token_table *table, const char *secret,
                                        size_t len);

#endif
