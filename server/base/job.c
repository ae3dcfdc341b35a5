/* SPDX-License-Identifier: MIT */
#include "base/job.h"

#include <pthread.h>
#include <stdlib.h>

struct way_queue {
    size_t max; /* constant after new */
    pthread_mutex_t lock;
    pthread_cond_t filled; /* a job came, or the queue was closed */
    /* guarded by lock */
    struct way_job *first;
    struct way_job **end;
    size_t length;
    bool is_closed;
};

struct way_queue *way_queue_new(size_t max)
{
    struct way_queue *queue = calloc(1, sizeof *queue);

    if (queue == NULL) {
        return NULL;
    }
    queue->max = max;
    queue->end = &queue->first;
    if (pthread_mutex_init(&queue->lock, NULL) != 0) {
        free(queue);
        return NULL;
    }
    if (pthread_cond_init(&queue->filled, NULL) != 0) {
        (void)pthread_mutex_destroy(&queue->lock);
        free(queue);
        return NULL;
    }
    return queue;
}

void way_queue_free(struct way_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    WAY_ASSERT(queue->first == NULL);
    (void)pthread_cond_destroy(&queue->filled);
    (void)pthread_mutex_destroy(&queue->lock);
    free(queue);
}

enum way_status way_queue_put(struct way_queue *queue, struct way_job *job)
{
    enum way_status status = WAY_BUSY;

    (void)pthread_mutex_lock(&queue->lock);
    if (!queue->is_closed && queue->length < queue->max) {
        job->next = NULL;
        *queue->end = job;
        queue->end = &job->next;
        queue->length++;
        (void)pthread_cond_signal(&queue->filled);
        status = WAY_OK;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return status;
}

struct way_job *way_queue_take_all(struct way_queue *queue, size_t max)
{
    struct way_job *first;
    struct way_job **cut;
    size_t taken = 0;

    (void)pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->is_closed) {
        (void)pthread_cond_wait(&queue->filled, &queue->lock);
    }
    first = queue->first;
    for (cut = &queue->first; *cut != NULL && taken < max; cut = &(*cut)->next) {
        taken++;
    }
    queue->first = *cut;
    if (queue->first == NULL) {
        queue->end = &queue->first;
    }
    if (taken > 0) {
        *cut = NULL;
    }
    queue->length -= taken;
    (void)pthread_mutex_unlock(&queue->lock);
    return taken > 0 ? first : NULL;
}

struct way_job *way_queue_take(struct way_queue *queue)
{
    return way_queue_take_all(queue, 1);
}

void way_queue_close(struct way_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->is_closed = true;
    (void)pthread_cond_broadcast(&queue->filled);
    (void)pthread_mutex_unlock(&queue->lock);
}

size_t way_queue_length(struct way_queue *queue)
{
    size_t length;

    (void)pthread_mutex_lock(&queue->lock);
    length = queue->length;
    (void)pthread_mutex_unlock(&queue->lock);
    return length;
}
