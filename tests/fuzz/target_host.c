/* SPDX-License-Identifier: MIT */
/*
 * fuzz/target_host - model/target: where mail goes instead.
 *
 * Input  A spelling.
 * Law    A target is a key: what is accepted here is accepted there and becomes the same, and is
 *        accepted again as it was written. Of a refused spelling nothing is written, and the field
 *        at fault is target_host.
 */
#include "law.h"

#include "model/target.h"

enum { UNTOUCHED = 0x5a };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *raw = (const char *)data;
    struct way_target target;
    struct way_target again;
    struct way_key key;
    struct way_error err;

    memset(&target, UNTOUCHED, sizeof target);
    again = target;
    if (way_target_parse(raw, size, &target, &err) != WAY_OK) {
        LAW(memcmp(&target, &again, sizeof target) == 0);
        LAW(err.status == WAY_INVALID && strcmp(err.field, "target_host") == 0);
        return 0;
    }
    LAW(way_key_parse(raw, size, &key, NULL) == WAY_OK);
    LAW(key.kind == target.host.kind && way_key_equal(&key, &target.host));
    LAW(way_target_parse(target.host.text, target.host.len, &again, NULL) == WAY_OK);
    LAW(way_key_equal(&again.host, &target.host));
    return 0;
}
