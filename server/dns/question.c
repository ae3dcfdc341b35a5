/* SPDX-License-Identifier: MIT */
#include "dns/question.h"

#include "base/random.h"

#include <stdlib.h>
#include <string.h>

void way_question_table_init(struct way_question_table *table)
{
    table->seed = way_random_u64();
    table->count = 0;
    for (size_t i = 0; i < WAY_QUESTION_BUCKETS; i++) {
        way_list_init(&table->buckets[i]);
    }
}

static struct way_node *bucket_of(struct way_question_table *table, enum way_dns_type type,
                                  const char *name)
{
    uint64_t hash = way_hash(table->seed + (uint64_t)type, name, strlen(name));

    return &table->buckets[hash % WAY_QUESTION_BUCKETS];
}

struct way_question *way_question_find(struct way_question_table *table, enum way_dns_type type,
                                       const char *name)
{
    struct way_node *bucket = bucket_of(table, type, name);

    for (struct way_node *node = bucket->next; node != bucket; node = node->next) {
        struct way_question *question = WAY_OWNER_OF(node, struct way_question, node);

        if (question->type == type && strcmp(question->name, name) == 0) {
            return question;
        }
    }
    return NULL;
}

struct way_question *way_question_new(struct way_question_table *table, enum way_dns_type type,
                                      const char *name)
{
    size_t bytes = strlen(name) + 1;
    struct way_question *question;

    WAY_ASSERT(bytes <= sizeof question->name);
    question = calloc(1, sizeof *question);
    if (question == NULL) {
        return NULL;
    }
    way_list_init(&question->place);
    way_list_init(&question->asks);
    question->type = type;
    memcpy(question->name, name, bytes);
    memcpy(question->asked, name, bytes);
    question->ttl = UINT32_MAX;
    way_list_put(bucket_of(table, type, name), &question->node);
    table->count++;
    return question;
}

void way_question_close(struct way_question *question)
{
    way_list_del(&question->node);
}

void way_question_free(struct way_question_table *table, struct way_question *question)
{
    WAY_ASSERT(way_list_is_empty(&question->asks));
    WAY_ASSERT(question->state != WAY_QUESTION_ON_WIRE);
    way_list_del(&question->node);
    way_list_del(&question->place);
    way_dns_message_fini(&question->message);
    free(question);
    table->count--;
}
