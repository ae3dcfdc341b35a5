/* SPDX-License-Identifier: MIT */
/*
 * fuzz/dns_message - dns/message: what an answer from a DNS server says.
 *
 * Input  A message. It is read as the answer to the question that it carries, so that little has to
 *        be guessed to get far.
 * Law    Nothing outside the message is read (the sanitizer sees it). A verdict has what its
 *        declaration promises and nothing else: records, a target, links, a TTL. Octets behind a
 *        message that was understood change nothing, and the answer to another question is none.
 */
#include "law.h"

#include "dns/message.h"
#include "dns/name.h"

enum { QUESTION = 12, MESSAGE_MAX = 65535, TTL_MAX = INT32_MAX };

static enum way_dns_type type_of(unsigned number)
{
    switch (number) {
    case 15:
        return WAY_DNS_MX;
    case 28:
        return WAY_DNS_AAAA;
    default:
        return WAY_DNS_A;
    }
}

/* The question's type; its name, or any, into `name`. */
static enum way_dns_type question_of(const uint8_t *bytes, size_t len,
                                     char name[static WAY_KEY_MAX + 1])
{
    struct way_dns_name wire;
    size_t end;

    (void)snprintf(name, WAY_KEY_MAX + 1, "a.example");
    if (!way_dns_name_read(bytes, len, QUESTION, &wire, &end) ||
        !way_dns_name_to_host(&wire, name) || len - end < 2) {
        return WAY_DNS_A;
    }
    return type_of((unsigned)bytes[end] << 8 | bytes[end + 1]);
}

static void obey_records(const struct way_dns_message *message, enum way_dns_type type)
{
    LAW(message->count <= WAY_DNS_RECORDS_MAX);
    LAW((message->count > 0) == (message->verdict == WAY_DNS_SAYS_FOUND));
    LAW((message->records != NULL) == (message->count > 0));
    for (size_t i = 0; type == WAY_DNS_MX && i < message->count; i++) {
        const char *host = message->records[i].of.mx.host;
        struct way_dns_name wire;

        LAW(memchr(host, '\0', WAY_KEY_MAX + 1) != NULL);
        LAW(host[0] == '\0' || way_dns_name_from_host(host, &wire));
    }
}

static void obey_form(const struct way_dns_message *message, enum way_dns_type type)
{
    struct way_dns_name wire;

    LAW(message->verdict <= WAY_DNS_SAYS_FAILURE);
    LAW(message->links <= WAY_DNS_CNAMES_MAX && message->ttl <= TTL_MAX);
    LAW((message->target[0] != '\0') == (message->verdict == WAY_DNS_SAYS_ASK_AGAIN));
    LAW(message->target[0] == '\0' || way_dns_name_from_host(message->target, &wire));
    obey_records(message, type);
}

static void obey_tail(const uint8_t *bytes, size_t len, enum way_dns_type type, const char *name,
                      const struct way_dns_message *want)
{
    struct way_dns_message message;
    uint8_t *longer = law_memory(len + 1);

    memcpy(longer, bytes, len);
    longer[len] = bytes[len - 1];
    way_dns_message_parse(longer, len + 1, type, name, &message);
    LAW(message.verdict == want->verdict && message.count == want->count);
    LAW(message.ttl == want->ttl && message.links == want->links);
    LAW(strcmp(message.target, want->target) == 0);
    way_dns_message_fini(&message);
    free(longer);
}

static void obey_question(const uint8_t *bytes, size_t len, enum way_dns_type type,
                          const char *name)
{
    struct way_dns_message message;
    enum way_dns_type other = type == WAY_DNS_A ? WAY_DNS_MX : WAY_DNS_A;

    way_dns_message_parse(bytes, len, other, name, &message);
    LAW(message.verdict == WAY_DNS_SAYS_FAILURE);
    way_dns_message_fini(&message);
    way_dns_message_parse(bytes, len, type, strcmp(name, "b") == 0 ? "c" : "b", &message);
    LAW(message.verdict == WAY_DNS_SAYS_FAILURE);
    way_dns_message_fini(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct way_dns_message message;
    char name[WAY_KEY_MAX + 1];
    enum way_dns_type type = question_of(data, size, name);

    if (size > MESSAGE_MAX) {
        return 0;
    }
    way_dns_message_parse(data, size, type, name, &message);
    obey_form(&message, type);
    if (message.verdict != WAY_DNS_SAYS_FAILURE && message.verdict != WAY_DNS_SAYS_FORMERR) {
        obey_tail(data, size, type, name, &message);
        obey_question(data, size, type, name);
    }
    way_dns_message_fini(&message);
    return 0;
}
