/* SPDX-License-Identifier: MIT */
#include "domain/lookup.h"

#include "base/clock.h"
#include "base/log.h"
#include "domain/meter.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct way_lookup {
    struct way_lookup_options options;
    struct way_index_reader *reader; /* owned */
    size_t waiting;                  /* pending lookups */
    size_t waiting_in_batches;       /* of these */
};

/* One of the questions that a lookup asks DNS. */
struct part {
    struct way_dns_ask ask;
    struct way_pending *pending;
    bool is_open;
    enum way_dns_outcome outcome;
    uint32_t ttl;
    size_t count;
    struct way_dns_record *records; /* owned copy */
};

struct way_pending {
    struct way_lookup *lookup;
    struct way_question question;
    way_answered_fn answered;
    void *owner;
    struct part mx;
    struct part ipv4;
    struct part ipv6;
};

static const char *const source_names[] = {
    [WAY_SOURCE_OVERRIDE] = "override",
    [WAY_SOURCE_LITERAL] = "literal",
    [WAY_SOURCE_DNS] = "dns",
    [WAY_SOURCE_NONE] = "none",
};
_Static_assert(WAY_COUNT_OF(source_names) == WAY_SOURCE_COUNT, "name every source");

static const char *const outcome_names[] = {
    [WAY_LOOKUP_ANSWERED] = "answered",
    [WAY_LOOKUP_NXDOMAIN] = "nxdomain",
    [WAY_LOOKUP_NO_MAIL_HOST] = "no_mail_host",
    [WAY_LOOKUP_NO_ADDRESS] = "no_address",
    [WAY_LOOKUP_DNS_FAILURE] = "dns_failure",
    [WAY_LOOKUP_DNS_TIMEOUT] = "dns_timeout",
    [WAY_LOOKUP_BUSY] = "busy",
    [WAY_LOOKUP_NOT_READY] = "not_ready",
};
_Static_assert(WAY_COUNT_OF(outcome_names) == WAY_LOOKUP_OUTCOME_COUNT, "name every outcome");

const char *way_source_name(enum way_source source)
{
    return source_names[source];
}

const char *way_lookup_outcome_name(enum way_lookup_outcome outcome)
{
    return outcome_names[outcome];
}

struct way_lookup *way_lookup_new(const struct way_lookup_options *options)
{
    struct way_lookup *lookup = calloc(1, sizeof *lookup);

    if (lookup == NULL) {
        return NULL;
    }
    lookup->options = *options;
    lookup->reader = way_index_reader_open(options->index);
    if (lookup->reader == NULL) {
        free(lookup);
        return NULL;
    }
    return lookup;
}

void way_lookup_free(struct way_lookup *lookup)
{
    if (lookup == NULL) {
        return;
    }
    WAY_ASSERT(lookup->waiting == 0);
    way_index_reader_close(lookup->reader);
    free(lookup);
}

/* Every answer passes here once, whoever gets it. */
static void account(struct way_lookup *lookup, const struct way_question *question,
                    const struct way_answer *answer)
{
    bool is_override =
        answer->outcome == WAY_LOOKUP_ANSWERED && answer->source == WAY_SOURCE_OVERRIDE;
    enum way_log_lookups log = lookup->options.log;

    way_meter_lookup(lookup->options.meter, question->kind, answer->outcome, answer->source);
    if (log == WAY_LOG_LOOKUPS_NONE || (log == WAY_LOG_LOOKUPS_OVERRIDES && !is_override)) {
        return;
    }
    way_log(WAY_LOG_NOTICE, "lookup",
            "door=%s kind=%s key=%s matched=%s source=%s target=%s revision=%" PRIu64
            " request_id=%s",
            question->door, question->kind == WAY_LOOKUP_MX ? "mx" : "resolve", question->key.text,
            is_override ? question->key.text : "-",
            answer->outcome == WAY_LOOKUP_ANSWERED ? source_names[answer->source]
                                                   : way_lookup_outcome_name(answer->outcome),
            is_override ? answer->target.host.text : "-", is_override ? answer->revision : 0,
            question->request_id);
}

bool way_lookup_is_ready(const struct way_lookup *lookup)
{
    return lookup->options.is_empty_served || lookup->options.has_data(lookup->options.owner);
}

void way_lookup_warm(struct way_lookup *lookup, const struct way_key *const *keys, size_t count)
{
    way_index_warm(lookup->reader, keys, count);
}

bool way_lookup_now(struct way_lookup *lookup, const struct way_question *question,
                    struct way_answer *answer)
{
    struct way_match match;

    answer->kind = question->kind;
    answer->outcome = WAY_LOOKUP_ANSWERED;
    answer->address_count = 0;
    answer->host_count = 0;
    answer->is_null_mx = false;
    answer->is_implicit = false;
    if (!way_lookup_is_ready(lookup)) {
        answer->outcome = WAY_LOOKUP_NOT_READY;
    } else if (way_index_find(lookup->reader, &question->key, &match)) {
        answer->source = WAY_SOURCE_OVERRIDE;
        answer->target = match.target;
        answer->revision = match.revision;
    } else if (way_key_is_address(&question->key)) {
        answer->source = WAY_SOURCE_LITERAL;
    } else if (!question->is_dns_wanted) {
        answer->source = WAY_SOURCE_NONE;
    } else {
        return false;
    }
    account(lookup, question, answer);
    return true;
}

void way_lookup_refuse(struct way_lookup *lookup, const struct way_question *question,
                       enum way_lookup_outcome outcome, struct way_answer *answer)
{
    *answer = (struct way_answer){.kind = question->kind, .outcome = outcome};
    account(lookup, question, answer);
}

static void pending_free(struct way_pending *pending)
{
    pending->lookup->waiting--;
    pending->lookup->waiting_in_batches -= pending->question.is_one_of_many;
    free(pending->mx.records);
    free(pending->ipv4.records);
    free(pending->ipv6.records);
    free(pending);
}

static void finish(struct way_pending *pending, const struct way_answer *answer)
{
    account(pending->lookup, &pending->question, answer);
    pending->answered(pending->owner, answer);
    pending_free(pending);
}

static void fail(struct way_pending *pending, enum way_lookup_outcome outcome)
{
    struct way_answer answer = {.kind = pending->question.kind, .outcome = outcome};

    finish(pending, &answer);
}

static bool says_none(const struct part *part)
{
    return part->outcome == WAY_DNS_NO_DATA || part->outcome == WAY_DNS_NXDOMAIN;
}

/* Neither family has an address: what does that mean? "None" only when both said so. */
static enum way_lookup_outcome outcome_without_address(const struct way_pending *pending)
{
    const struct part *ipv4 = &pending->ipv4;
    const struct part *ipv6 = &pending->ipv6;

    if (says_none(ipv4) && says_none(ipv6)) {
        if (ipv4->outcome == WAY_DNS_NXDOMAIN && ipv6->outcome == WAY_DNS_NXDOMAIN) {
            return WAY_LOOKUP_NXDOMAIN;
        }
        return pending->question.kind == WAY_LOOKUP_MX ? WAY_LOOKUP_NO_MAIL_HOST
                                                       : WAY_LOOKUP_NO_ADDRESS;
    }
    if (ipv4->outcome == WAY_DNS_TIMEOUT || ipv6->outcome == WAY_DNS_TIMEOUT) {
        return WAY_LOOKUP_DNS_TIMEOUT;
    }
    return WAY_LOOKUP_DNS_FAILURE;
}

static uint32_t least_ttl(const struct part *a, const struct part *b)
{
    if (a->count == 0 || b->count == 0) {
        return a->count == 0 ? b->ttl : a->ttl;
    }
    return a->ttl < b->ttl ? a->ttl : b->ttl;
}

static void answer_addresses(struct way_pending *pending)
{
    size_t count = pending->ipv4.count + pending->ipv6.count;
    struct way_address *addresses = calloc(count, sizeof *addresses);
    struct way_answer answer = {.kind = WAY_LOOKUP_RESOLVE, .source = WAY_SOURCE_DNS};
    struct way_address *next = addresses;

    if (addresses == NULL) {
        fail(pending, WAY_LOOKUP_BUSY);
        return;
    }
    for (size_t i = 0; i < pending->ipv4.count; i++, next++) {
        (void)inet_ntop(AF_INET, pending->ipv4.records[i].of.ipv4, next->text, sizeof next->text);
    }
    for (size_t i = 0; i < pending->ipv6.count; i++, next++) {
        way_ipv6_format(pending->ipv6.records[i].of.ipv6, next->text);
    }
    answer.ttl = least_ttl(&pending->ipv4, &pending->ipv6);
    answer.address_count = count;
    answer.addresses = addresses;
    finish(pending, &answer);
    free(addresses);
}

static void answer_implicit(struct way_pending *pending)
{
    struct way_mail_host host = {.preference = 0};
    struct way_answer answer = {
        .kind = WAY_LOOKUP_MX,
        .source = WAY_SOURCE_DNS,
        .ttl = least_ttl(&pending->ipv4, &pending->ipv6),
        .is_implicit = true,
        .host_count = 1,
        .hosts = &host,
    };

    memcpy(host.host, pending->question.key.text, sizeof host.host);
    finish(pending, &answer);
}

static int by_preference(const void *a, const void *b)
{
    const struct way_mail_host *left = a;
    const struct way_mail_host *right = b;

    if (left->preference != right->preference) {
        return left->preference < right->preference ? -1 : 1;
    }
    return strcmp(left->host, right->host);
}

static void answer_mail_hosts(struct way_pending *pending)
{
    struct way_mail_host *hosts = calloc(pending->mx.count, sizeof *hosts);
    struct way_answer answer = {.kind = WAY_LOOKUP_MX, .source = WAY_SOURCE_DNS};

    if (hosts == NULL) {
        fail(pending, WAY_LOOKUP_BUSY);
        return;
    }
    for (size_t i = 0; i < pending->mx.count; i++) {
        const struct way_dns_record *record = &pending->mx.records[i];

        /* RFC 7505 3: a null MX stands alone. Beside real ones it is a mistake; those count. */
        if (record->of.mx.host[0] == '\0') {
            continue;
        }
        hosts[answer.host_count].preference = record->of.mx.preference;
        memcpy(hosts[answer.host_count].host, record->of.mx.host, sizeof hosts[0].host);
        answer.host_count++;
    }
    qsort(hosts, answer.host_count, sizeof *hosts, by_preference);
    answer.ttl = pending->mx.ttl;
    answer.is_null_mx = answer.host_count == 0;
    answer.hosts = hosts;
    finish(pending, &answer);
    free(hosts);
}

static void ask_part(struct way_pending *pending, struct part *part, enum way_dns_type type);

static void on_mx_answered(struct way_pending *pending)
{
    switch (pending->mx.outcome) {
    case WAY_DNS_FOUND:
        answer_mail_hosts(pending);
        return;
    case WAY_DNS_NO_DATA:
        ask_part(pending, &pending->ipv4, WAY_DNS_A);
        ask_part(pending, &pending->ipv6, WAY_DNS_AAAA);
        return;
    case WAY_DNS_NXDOMAIN:
        fail(pending, WAY_LOOKUP_NXDOMAIN);
        return;
    case WAY_DNS_TIMEOUT:
        fail(pending, WAY_LOOKUP_DNS_TIMEOUT);
        return;
    case WAY_DNS_FAILURE:
    case WAY_DNS_OUTCOME_COUNT:
        break;
    }
    fail(pending, WAY_LOOKUP_DNS_FAILURE);
}

static void close_part(struct part *part)
{
    if (part->is_open) {
        way_resolver_cancel(part->pending->lookup->options.resolver, &part->ask);
        part->is_open = false;
    }
}

static void on_address_answered(struct way_pending *pending)
{
    bool has_address = pending->ipv4.count + pending->ipv6.count > 0;

    /* That an address exists is all that an implicit MX needs to know. */
    if (pending->question.kind == WAY_LOOKUP_MX && has_address) {
        close_part(&pending->ipv4);
        close_part(&pending->ipv6);
        answer_implicit(pending);
        return;
    }
    if (pending->ipv4.is_open || pending->ipv6.is_open) {
        return;
    }
    if (has_address) {
        answer_addresses(pending);
    } else {
        fail(pending, outcome_without_address(pending));
    }
}

static void on_dns(void *owner, const struct way_dns_answer *answer)
{
    struct part *part = owner;
    struct way_pending *pending = part->pending;

    part->is_open = false;
    part->outcome = answer->outcome;
    part->ttl = answer->ttl;
    if (answer->count > 0) {
        part->records = calloc(answer->count, sizeof *part->records);
        if (part->records == NULL) {
            part->outcome = WAY_DNS_FAILURE;
        } else {
            memcpy(part->records, answer->records, answer->count * sizeof *part->records);
            part->count = answer->count;
        }
    }
    if (part == &pending->mx) {
        on_mx_answered(pending);
    } else {
        on_address_answered(pending);
    }
}

static void ask_part(struct way_pending *pending, struct part *part, enum way_dns_type type)
{
    part->pending = pending;
    part->is_open = true;
    part->ask.done = on_dns;
    part->ask.owner = part;
    way_resolver_ask(pending->lookup->options.resolver, &part->ask, type,
                     pending->question.key.text, pending->question.deadline_ms);
}

static bool has_room(const struct way_lookup *lookup, const struct way_question *question)
{
    size_t all = lookup->options.waiting_max;

    return lookup->waiting < all &&
           (!question->is_one_of_many || lookup->waiting_in_batches < (all + 1) / 2);
}

struct way_pending *way_lookup_wait(struct way_lookup *lookup, const struct way_question *question,
                                    way_answered_fn answered, void *owner)
{
    struct way_pending *pending;

    if (!has_room(lookup, question)) {
        return NULL;
    }
    pending = calloc(1, sizeof *pending);
    if (pending == NULL) {
        return NULL;
    }
    lookup->waiting++;
    lookup->waiting_in_batches += question->is_one_of_many;
    pending->lookup = lookup;
    pending->question = *question;
    pending->answered = answered;
    pending->owner = owner;
    if (question->kind == WAY_LOOKUP_MX) {
        ask_part(pending, &pending->mx, WAY_DNS_MX);
    } else {
        ask_part(pending, &pending->ipv4, WAY_DNS_A);
        ask_part(pending, &pending->ipv6, WAY_DNS_AAAA);
    }
    return pending;
}

void way_lookup_cancel(struct way_pending *pending)
{
    close_part(&pending->mx);
    close_part(&pending->ipv4);
    close_part(&pending->ipv6);
    pending_free(pending);
}
