/* SPDX-License-Identifier: MIT */
/*
 * fuzz/snapshot - domain/snapshot: the overrides in a file.
 *
 * Input  An octet that says whether the rest is a file, or a file without its checksum, which is
 * then put behind it; an octet that says where to harm; the file. Law    A file that loads, written
 * again, has the same content: what it says of itself, and every row. Where no key stood twice it
 * has the same length. With one bit turned, or the last octet gone, it never loads.
 */
#include "law.h"

#include "base/random.h"
#include "base/text.h"
#include "domain/snapshot.h"

enum { CHECKSUM_BYTES = 8, CHECKSUM_SEED = 8128, FILE_MAX = 1024 * 1024 };

/* An index that reads a file; NULL: it did not load. */
static struct way_index *load(const void *bytes, size_t len, struct way_snapshot_info *info)
{
    struct way_index *index = way_index_new();
    struct way_index_draft *draft = way_index_draft_new(index);
    struct way_error err;

    LAW(index != NULL && draft != NULL);
    if (way_snapshot_parse(bytes, len, draft, info, &err) != WAY_OK) {
        LAW(err.status == WAY_INVALID);
        way_index_draft_free(draft);
        way_index_free(index);
        return NULL;
    }
    way_index_draft_free(way_index_replace(index, draft, info->position.revision));
    return index;
}

static void obey_row(void *owner, const struct way_live *live)
{
    struct way_index_reader *reader = owner;
    struct way_match match;
    struct way_key key;

    LAW(way_key_restore(live->key.text, live->key.len, &key) == WAY_OK);
    LAW(way_key_restore(live->target.host.text, live->target.host.len, &key) == WAY_OK);
    LAW(way_index_find(reader, &live->key, &match));
    LAW(match.revision == live->revision && way_key_equal(&match.target.host, &live->target.host));
}

static void obey_info(const struct way_snapshot_info *a, const struct way_snapshot_info *b)
{
    LAW(a->position.revision == b->position.revision && a->position.low == b->position.low);
    LAW(memcmp(a->position.epoch, b->position.epoch, WAY_EPOCH_BYTES) == 0);
    LAW(memcmp(a->position.tx, b->position.tx, WAY_TX_BYTES) == 0);
    LAW(a->true_at_us == b->true_at_us);
}

static void obey_harm(struct way_text *file, uint8_t choice)
{
    struct way_snapshot_info info;
    size_t place = (size_t)choice * file->len / 256;

    LAW(load(file->data, file->len - 1, &info) == NULL);
    file->data[place] = (char)(file->data[place] ^ (1 << choice % 8));
    LAW(load(file->data, file->len, &info) == NULL);
}

static void obey_file(const uint8_t *bytes, size_t len, uint8_t choice)
{
    struct way_snapshot_info info;
    struct way_snapshot_info info_again;
    struct way_index *index = load(bytes, len, &info);
    struct way_index *again;
    struct way_index_reader *reader;
    struct way_text file;

    if (index == NULL) {
        return;
    }
    way_text_init(&file, NULL, 0, FILE_MAX);
    LAW(way_snapshot_write(&file, index, &info, NULL) == WAY_OK);
    LAW(way_index_count(index) <= info.count);
    LAW(way_index_count(index) < info.count || file.len == len);
    again = load(file.data, file.len, &info_again);
    LAW(again != NULL);
    obey_info(&info, &info_again);
    LAW(info_again.count == way_index_count(index));
    LAW(info_again.count == way_index_count(again));
    reader = way_index_reader_open(again);
    LAW(way_index_visit(index, obey_row, reader) == info_again.count);
    way_index_reader_close(reader);
    obey_harm(&file, choice);
    way_text_fini(&file);
    way_index_free(again);
    way_index_free(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, size};
    bool is_sealed = feed_octet(&feed) % 2 == 0;
    uint8_t choice = feed_octet(&feed);
    uint8_t *sealed;
    uint64_t checksum;

    if (is_sealed || feed.left == 0) {
        obey_file(feed.at, feed.left, choice);
        return 0;
    }
    sealed = law_memory(feed.left + CHECKSUM_BYTES);
    memcpy(sealed, feed.at, feed.left);
    checksum = way_hash(CHECKSUM_SEED, sealed, feed.left);
    for (size_t i = 0; i < CHECKSUM_BYTES; i++) {
        sealed[feed.left + i] = (uint8_t)(checksum >> (8 * i));
    }
    obey_file(sealed, feed.left + CHECKSUM_BYTES, choice);
    free(sealed);
    return 0;
}
