/* SPDX-License-Identifier: MIT */
#include "dns/name.h"

#include "base/text.h"

#include <string.h>

enum {
    HEADER_BYTES = 12,   /* no name starts inside the header */
    POINTER_MARK = 0xc0, /* the two high bits of a length octet that is a pointer */
};

/* Adds the label at `label` (length octet first), folded. */
static bool append_label(struct way_dns_name *name, const uint8_t *label)
{
    size_t bytes = 1 + (size_t)label[0];

    if (bytes > sizeof name->octets - name->len) {
        return false;
    }
    name->octets[name->len] = label[0];
    for (size_t i = 1; i < bytes; i++) {
        name->octets[name->len + i] = (uint8_t)way_ascii_lower((char)label[i]);
    }
    name->len += bytes;
    return true;
}

/* Where the pointer at `at` leads; 0 when it is none that may be followed. */
static size_t pointer_target(const uint8_t *bytes, size_t len, size_t at, size_t run_start)
{
    size_t target;

    if (len - at < 2) {
        return 0;
    }
    target = (size_t)(bytes[at] & ~POINTER_MARK) << 8 | bytes[at + 1];
    return target >= HEADER_BYTES && target < run_start ? target : 0;
}

bool way_dns_name_read(const uint8_t *bytes, size_t len, size_t at, struct way_dns_name *out,
                       size_t *end)
{
    struct way_dns_name name = {.len = 0};
    size_t run_start = at; /* of the labels read since the last pointer */
    size_t behind = 0;     /* the first pointer or the root's label ends what stands at `at` */
    unsigned pointers = 0;

    while (at < len) {
        uint8_t head = bytes[at];

        if (head >= POINTER_MARK) {
            size_t target = pointer_target(bytes, len, at, run_start);

            if (target == 0 || ++pointers > WAY_DNS_POINTERS_MAX) {
                return false;
            }
            behind = behind == 0 ? at + 2 : behind;
            run_start = target;
            at = target;
            continue;
        }
        if (head > WAY_LABEL_MAX || len - at <= head || !append_label(&name, bytes + at)) {
            return false;
        }
        at += 1 + (size_t)head;
        if (head == 0) {
            *out = name;
            *end = behind == 0 ? at : behind;
            return true;
        }
    }
    return false;
}

bool way_dns_name_from_host(const char *host, struct way_dns_name *out)
{
    struct way_dns_name name = {.len = 0};
    size_t left = strlen(host);
    uint8_t label[1 + WAY_LABEL_MAX] = {0};

    if (left == 0 || left > WAY_KEY_MAX) {
        return false;
    }
    for (;;) {
        const char *dot = memchr(host, '.', left);
        size_t bytes = dot == NULL ? left : (size_t)(dot - host);

        if (bytes == 0 || bytes > WAY_LABEL_MAX) {
            return false;
        }
        label[0] = (uint8_t)bytes;
        memcpy(label + 1, host, bytes);
        if (!append_label(&name, label)) {
            return false;
        }
        if (dot == NULL) {
            break;
        }
        host += bytes + 1;
        left -= bytes + 1;
    }
    label[0] = 0;
    if (!append_label(&name, label)) {
        return false;
    }
    *out = name;
    return true;
}

static bool is_host_octet(uint8_t octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' ||
           octet == '_';
}

bool way_dns_name_to_host(const struct way_dns_name *name, char out[static WAY_KEY_MAX + 1])
{
    char host[WAY_KEY_MAX + 1];
    size_t used = 0;

    for (size_t at = 0; name->octets[at] != 0; at += 1 + (size_t)name->octets[at]) {
        const uint8_t *label = name->octets + at;

        for (size_t i = 1; i <= label[0]; i++) {
            if (!is_host_octet(label[i])) {
                return false;
            }
        }
        /* Text is two octets shorter than the wire: no root label, and a dot only in between. */
        if (at > 0) {
            host[used++] = '.';
        }
        memcpy(host + used, label + 1, label[0]);
        used += label[0];
    }
    memcpy(out, host, used);
    out[used] = '\0';
    return true;
}

bool way_dns_name_equal(const struct way_dns_name *a, const struct way_dns_name *b)
{
    return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

bool way_dns_name_is_under(const struct way_dns_name *name, const struct way_dns_name *ancestor)
{
    size_t at = 0;

    /* The tail must begin where a label begins, not just be equal octets. */
    while (name->len - at > ancestor->len) {
        at += 1 + (size_t)name->octets[at];
    }
    return name->len - at == ancestor->len &&
           memcmp(name->octets + at, ancestor->octets, ancestor->len) == 0;
}
