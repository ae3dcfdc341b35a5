/* SPDX-License-Identifier: MIT */
#include "store/statement_cache.h"

#include <stdlib.h>
#include <string.h>

void way_statement_cache_init(struct way_statement_cache *cache, void (*drop)(void *statement))
{
    *cache = (struct way_statement_cache){.drop = drop};
}

void way_statement_cache_fini(struct way_statement_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++) {
        cache->drop(cache->entries[i].statement);
        free(cache->entries[i].sql);
    }
    cache->count = 0;
}

void *way_statement_cache_find(const struct way_statement_cache *cache, const char *sql)
{
    for (size_t i = 0; i < cache->count; i++) {
        if (strcmp(cache->entries[i].sql, sql) == 0) {
            return cache->entries[i].statement;
        }
    }
    return NULL;
}

enum way_status way_statement_cache_put(struct way_statement_cache *cache, const char *sql,
                                        void *statement)
{
    char *copy = strdup(sql);
    size_t at = cache->count;

    if (copy == NULL) {
        return WAY_NO_MEMORY;
    }
    if (cache->count < WAY_STATEMENTS_MAX) {
        cache->count++;
    } else {
        at = cache->oldest;
        cache->oldest = (cache->oldest + 1) % WAY_STATEMENTS_MAX;
        cache->drop(cache->entries[at].statement);
        free(cache->entries[at].sql);
    }
    cache->entries[at].sql = copy;
    cache->entries[at].statement = statement;
    return WAY_OK;
}
