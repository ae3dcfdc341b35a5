/* SPDX-License-Identifier: MIT */
/*
 * fuzz/law - what every target has: a law to hold, and an input to take apart.
 *
 * A target is one file. It says in its head what must be true of every input, and LAW() ends the
 * process where it is not, under libFuzzer as in the replay of the corpus (replay/replay.c).
 */
#ifndef WAY_TESTS_FUZZ_LAW_H
#define WAY_TESTS_FUZZ_LAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LAW(condition) ((condition) ? (void)0 : law_broken(#condition, __FILE__, __LINE__))

static inline void law_broken(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: broken: %s\n", file, line, condition);
    abort();
}

static inline void *law_memory(size_t bytes)
{
    void *memory = malloc(bytes == 0 ? 1 : bytes);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* What is left of an input. At its end there are zeros. */
struct feed {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t feed_octet(struct feed *feed)
{
    if (feed->left == 0) {
        return 0;
    }
    feed->left--;
    return *feed->at++;
}

static inline uint64_t feed_u64(struct feed *feed)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++) {
        number = number << 8 | feed_octet(feed);
    }
    return number;
}

/* At most `most` octets, as many as the next octet says. Sets *len; the octets are borrowed. */
static inline const char *feed_piece(struct feed *feed, size_t most, size_t *len)
{
    const char *piece;

    *len = feed_octet(feed);
    *len = *len > most ? most : *len;
    *len = *len > feed->left ? feed->left : *len;
    piece = (const char *)feed->at;
    feed->at += *len;
    feed->left -= *len;
    return piece;
}

/* The rest up to `stop`, which goes too, or up to a NUL, as a string of its own: a sanitizer sees
 * each octet that is read behind it. To be freed. */
static inline char *feed_string(struct feed *feed, char stop)
{
    size_t len = 0;
    char *string;

    while (len < feed->left && feed->at[len] != '\0' && feed->at[len] != (uint8_t)stop) {
        len++;
    }
    string = law_memory(len + 1);
    if (len > 0) {
        memcpy(string, feed->at, len);
    }
    string[len] = '\0';
    feed->at += len;
    feed->left -= len;
    (void)feed_octet(feed);
    return string;
}

#endif
