/* SPDX-License-Identifier: MIT */
/*
 * How  One walk over all sections proves that every record lies within the bytes and
 *      picks up what the authority section says. The chain is then followed by walking
 *      the answer section once for each link, because servers may put CNAMEs and
 *      records in any order.
 */
#include "dns/message.h"

#include "dns/name.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 12, RECORD_FIXED_BYTES = 10, SOA_NUMBERS_BYTES = 20 };

enum { FLAG_ANSWER = 0x8000, FLAGS_OPCODE = 0x7800, FLAG_TRUNCATED = 0x0200, FLAGS_RCODE = 0x000f };

enum { RCODE_NOERROR = 0, RCODE_FORMERR = 1, RCODE_NXDOMAIN = 3 };

enum { TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_MX = 15, TYPE_AAAA = 28 };

enum { TYPE_OPT = 41 };

enum { CLASS_IN = 1 };

enum { TTL_MAX = INT32_MAX }; /* seconds; a TTL above counts as 0 (RFC 2181, section 8) */

static const uint16_t wire_types[] = {
    [WAY_DNS_A] = TYPE_A,
    [WAY_DNS_AAAA] = TYPE_AAAA,
    [WAY_DNS_MX] = TYPE_MX,
};
_Static_assert(WAY_COUNT_OF(wire_types) == WAY_DNS_TYPE_COUNT, "each type has a number");

struct record {
    struct way_dns_name owner;
    uint16_t type;
    uint16_t class;
    uint32_t ttl;
    size_t data; /* where its data stands in the message */
    size_t data_len;
};

struct answer {
    const uint8_t *bytes; /* borrowed */
    size_t len;
    enum way_dns_type type;
    unsigned rcode;
    unsigned counts[3];        /* records in the answer, authority and additional sections */
    size_t records;            /* where the answer section starts */
    struct way_dns_name owner; /* the end of the chain so far */
    unsigned links;
    size_t matching; /* records of the type that `owner` has */
    uint32_t ttl;    /* the least seen so far */
    /* from the authority section */
    bool has_soa;
    bool has_ns;
    struct way_dns_name zone; /* of the SOA */
    uint32_t negative_ttl;
};

static uint16_t read_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)read_u16(at) << 16 | read_u16(at + 2);
}

static uint32_t read_ttl(const uint8_t *at)
{
    uint32_t ttl = read_u32(at);

    return ttl > TTL_MAX ? 0 : ttl;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The record at *at, which moves behind it. */
static bool read_record(const struct answer *answer, size_t *at, struct record *out)
{
    const uint8_t *fixed;
    size_t end;

    if (!way_dns_name_read(answer->bytes, answer->len, *at, &out->owner, &end) ||
        answer->len - end < RECORD_FIXED_BYTES) {
        return false;
    }
    fixed = answer->bytes + end;
    out->type = read_u16(fixed);
    out->class = read_u16(fixed + 2);
    out->ttl = read_ttl(fixed + 4);
    out->data_len = read_u16(fixed + 8);
    out->data = end + RECORD_FIXED_BYTES;
    if (answer->len - out->data < out->data_len) {
        return false;
    }
    *at = out->data + out->data_len;
    return true;
}

/* The name that stands `skip` octets into the record's data and must fill the rest of it. */
static bool read_data_name(const struct answer *answer, const struct record *record, size_t skip,
                           struct way_dns_name *out)
{
    size_t end;

    return record->data_len > skip &&
           way_dns_name_read(answer->bytes, answer->len, record->data + skip, out, &end) &&
           end == record->data + record->data_len;
}

/* The header, and that it is our question which is answered. */
static bool read_question(struct answer *answer)
{
    struct way_dns_name name;
    size_t end;

    if (read_u16(answer->bytes + 4) != 1) {
        return false;
    }
    if (!way_dns_name_read(answer->bytes, answer->len, HEADER_BYTES, &name, &end) ||
        answer->len - end < 4) {
        return false;
    }
    for (size_t i = 0; i < WAY_COUNT_OF(answer->counts); i++) {
        answer->counts[i] = read_u16(answer->bytes + 6 + 2 * i);
    }
    answer->records = end + 4;
    return way_dns_name_equal(&name, &answer->owner) &&
           read_u16(answer->bytes + end) == wire_types[answer->type] &&
           read_u16(answer->bytes + end + 2) == CLASS_IN;
}

/* RFC 2308, section 5: a negative answer holds for the lesser of the SOA's TTL and its MINIMUM. */
static bool read_soa(struct answer *answer, const struct record *record)
{
    struct way_dns_name skipped;
    size_t data_end = record->data + record->data_len;
    size_t mname_end;
    size_t rname_end;

    if (!way_dns_name_read(answer->bytes, data_end, record->data, &skipped, &mname_end) ||
        !way_dns_name_read(answer->bytes, data_end, mname_end, &skipped, &rname_end) ||
        data_end - rname_end != SOA_NUMBERS_BYTES) {
        return false;
    }
    answer->has_soa = true;
    answer->zone = record->owner;
    answer->negative_ttl = lesser(record->ttl, read_ttl(answer->bytes + data_end - 4));
    return true;
}

static bool read_authority(struct answer *answer, const struct record *record)
{
    if (record->class != CLASS_IN) {
        return true;
    }
    if (record->type == TYPE_SOA && !answer->has_soa) {
        return read_soa(answer, record);
    }
    answer->has_ns = answer->has_ns || record->type == TYPE_NS;
    return true;
}

/* RFC 6891, section 6.1.3: OPT carries the upper bits of the rcode where others have the TTL. */
static bool is_extended_error(const struct answer *answer, const struct record *record)
{
    return record->type == TYPE_OPT && answer->bytes[record->data - 6] != 0;
}

/* Walks every record of every section. False: malformed, or an rcode that only OPT tells. */
static bool read_sections(struct answer *answer)
{
    size_t at = answer->records;

    for (size_t section = 0; section < WAY_COUNT_OF(answer->counts); section++) {
        for (unsigned i = 0; i < answer->counts[section]; i++) {
            struct record record;

            if (!read_record(answer, &at, &record)) {
                return false;
            }
            if (section == 1 && !read_authority(answer, &record)) {
                return false;
            }
            if (section == 2 && is_extended_error(answer, &record)) {
                return false;
            }
        }
    }
    return true;
}

enum step { STEP_END, STEP_LINK, STEP_BROKEN };

/* Looks at all records of the chain's last name: either they are of our type, and we are at the
 * end, or one is a CNAME, and its target becomes the last name. */
static enum step follow(struct answer *answer)
{
    struct way_dns_name target;
    uint32_t link_ttl = 0;
    bool is_link = false;
    size_t at = answer->records;

    for (unsigned i = 0; i < answer->counts[0]; i++) {
        struct record record;

        if (!read_record(answer, &at, &record)) {
            return STEP_BROKEN;
        }
        if (record.class != CLASS_IN || !way_dns_name_equal(&record.owner, &answer->owner)) {
            continue;
        }
        if (record.type == wire_types[answer->type]) {
            answer->matching++;
            answer->ttl = lesser(answer->ttl, record.ttl);
        } else if (record.type == TYPE_CNAME && !is_link) {
            if (!read_data_name(answer, &record, 0, &target)) {
                return STEP_BROKEN;
            }
            link_ttl = record.ttl;
            is_link = true;
        }
    }
    if (answer->matching > 0 || !is_link) {
        return STEP_END;
    }
    answer->owner = target;
    answer->ttl = lesser(answer->ttl, link_ttl);
    answer->links++;
    return STEP_LINK;
}

/* One record's data. False: malformed. *is_usable: whether mail can be sent to what it names. */
static bool read_data(const struct answer *answer, const struct record *record,
                      struct way_dns_record *out, bool *is_usable)
{
    const uint8_t *data = answer->bytes + record->data;
    struct way_dns_name host;

    *is_usable = true;
    switch (answer->type) {
    case WAY_DNS_A:
        if (record->data_len != sizeof out->of.ipv4) {
            return false;
        }
        memcpy(out->of.ipv4, data, sizeof out->of.ipv4);
        return true;
    case WAY_DNS_AAAA:
        if (record->data_len != sizeof out->of.ipv6) {
            return false;
        }
        memcpy(out->of.ipv6, data, sizeof out->of.ipv6);
        return true;
    case WAY_DNS_MX:
        if (!read_data_name(answer, record, 2, &host)) {
            return false;
        }
        out->of.mx.preference = read_u16(data);
        *is_usable = way_dns_name_to_host(&host, out->of.mx.host);
        return true;
    case WAY_DNS_TYPE_COUNT:
        break;
    }
    return false;
}

/* Copies the records that stand at the end of the chain. */
static enum way_dns_verdict collect(const struct answer *answer, struct way_dns_message *out)
{
    size_t at = answer->records;

    if (answer->matching > WAY_DNS_RECORDS_MAX) {
        return WAY_DNS_SAYS_FAILURE;
    }
    out->records = calloc(answer->matching, sizeof *out->records);
    if (out->records == NULL) {
        return WAY_DNS_SAYS_FAILURE;
    }
    for (unsigned i = 0; i < answer->counts[0]; i++) {
        struct record record;
        bool is_usable;

        if (!read_record(answer, &at, &record)) {
            return WAY_DNS_SAYS_FAILURE;
        }
        if (record.type != wire_types[answer->type] || record.class != CLASS_IN ||
            !way_dns_name_equal(&record.owner, &answer->owner)) {
            continue;
        }
        if (!read_data(answer, &record, &out->records[out->count], &is_usable)) {
            return WAY_DNS_SAYS_FAILURE;
        }
        out->count += is_usable;
    }
    /* An answer of which nothing is left is not one without MX: no implicit MX may follow. */
    return out->count > 0 ? WAY_DNS_SAYS_FOUND : WAY_DNS_SAYS_FAILURE;
}

/* No record of the type: says the answer that there is none, or nothing at all? */
static enum way_dns_verdict judge_empty(struct answer *answer, struct way_dns_message *out)
{
    bool is_denied = answer->has_soa && way_dns_name_is_under(&answer->owner, &answer->zone);

    if (answer->rcode == RCODE_NOERROR && answer->links > 0 && !is_denied) {
        return way_dns_name_to_host(&answer->owner, out->target) && out->target[0] != '\0'
                   ? WAY_DNS_SAYS_ASK_AGAIN
                   : WAY_DNS_SAYS_FAILURE;
    }
    answer->ttl = is_denied ? lesser(answer->ttl, answer->negative_ttl) : 0;
    if (answer->rcode == RCODE_NXDOMAIN) {
        return WAY_DNS_SAYS_NXDOMAIN;
    }
    /* NS without SOA is a referral (RFC 2308, section 2.2): this server does not recurse for us,
     * and "ask somebody else" must not pass for "there is none". */
    return answer->has_ns && !answer->has_soa ? WAY_DNS_SAYS_FAILURE : WAY_DNS_SAYS_NO_DATA;
}

static enum way_dns_verdict judge(struct answer *answer, struct way_dns_message *out)
{
    unsigned flags;
    enum step step = STEP_LINK;

    if (answer->len < HEADER_BYTES) {
        return WAY_DNS_SAYS_FAILURE;
    }
    flags = read_u16(answer->bytes + 2);
    answer->rcode = flags & FLAGS_RCODE;
    if ((flags & (FLAG_ANSWER | FLAGS_OPCODE | FLAG_TRUNCATED)) != FLAG_ANSWER) {
        return WAY_DNS_SAYS_FAILURE;
    }
    if (answer->rcode == RCODE_FORMERR) {
        return WAY_DNS_SAYS_FORMERR; /* often without the question that it did not understand */
    }
    if (answer->rcode != RCODE_NOERROR && answer->rcode != RCODE_NXDOMAIN) {
        return WAY_DNS_SAYS_FAILURE;
    }
    if (!read_question(answer) || !read_sections(answer)) {
        return WAY_DNS_SAYS_FAILURE;
    }
    while (step == STEP_LINK && answer->links <= WAY_DNS_CNAMES_MAX) {
        step = follow(answer);
    }
    if (step != STEP_END) {
        return WAY_DNS_SAYS_FAILURE; /* broken, too long, or a loop, which is too long as well */
    }
    if (answer->matching == 0) {
        return judge_empty(answer, out);
    }
    /* "No such name" beside the name's records cannot be believed either way. */
    return answer->rcode == RCODE_NOERROR ? collect(answer, out) : WAY_DNS_SAYS_FAILURE;
}

void way_dns_message_parse(const uint8_t *bytes, size_t len, enum way_dns_type type,
                           const char *name, struct way_dns_message *out)
{
    struct answer answer = {.bytes = bytes, .len = len, .type = type, .ttl = TTL_MAX};

    *out = (struct way_dns_message){.verdict = WAY_DNS_SAYS_FAILURE};
    if (way_dns_name_from_host(name, &answer.owner)) {
        out->verdict = judge(&answer, out);
    }
    if (out->verdict == WAY_DNS_SAYS_FAILURE || out->verdict == WAY_DNS_SAYS_FORMERR) {
        way_dns_message_fini(out);
        return;
    }
    out->ttl = answer.ttl;
    out->links = answer.links;
}

void way_dns_message_fini(struct way_dns_message *message)
{
    free(message->records);
    message->records = NULL;
    message->count = 0;
}
