/*
 * Two buffers: threads fill one while the writing thread writes the other. A thread that puts the
 * first line into an empty buffer wakes the writing thread, which lets lines gather for a moment
 * before it takes them. So a busy process is woken fifty times a second and not for each line.
 * base/log.c knows what a line says and where it goes.
 */
#include "base/log_queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER_SIZE ((size_t)256 * 1024) /* some 1,000 lines; untouched pages take no memory */

struct line_buffer {
    char *bytes;
    size_t used;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct log_queue_sink sink;
    struct line_buffer filling;
    struct line_buffer writing; /* the writing thread's alone */
    unsigned long dropped;
    bool running;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* With the lock held. Returns early when the queue is stopped. */
static void let_lines_gather(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOG_QUEUE_DELAY_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    while (queue.running && pthread_cond_timedwait(&queue.changed, &queue.lock, &until) == 0)
        ;
}

/* Waits for lines, then takes them all. False when the queue was stopped and is empty. */
static bool take_lines(unsigned long *dropped)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.running && queue.filling.used == 0)
        pthread_cond_wait(&queue.changed, &queue.lock);
    if (queue.running)
        let_lines_gather();
    struct line_buffer taken = queue.filling;
    queue.filling = queue.writing;
    queue.filling.used = 0;
    queue.writing = taken;
    *dropped = queue.dropped;
    queue.dropped = 0;
    pthread_mutex_unlock(&queue.lock);
    return taken.used > 0;
}

static void *queue_write_lines(void *unused)
{
    unsigned long dropped;

    while (take_lines(&dropped)) {
        queue.sink.write((struct str){queue.writing.bytes, queue.writing.used});
        if (dropped > 0)
            queue.sink.report_dropped(dropped);
    }
    return unused;
}

static void free_buffers(void)
{
    free(queue.filling.bytes);
    free(queue.writing.bytes);
    queue.filling = queue.writing = (struct line_buffer){NULL, 0};
}

bool log_queue_start(const struct log_queue_sink *sink)
{
    queue.sink = *sink;
    queue.filling = (struct line_buffer){malloc(BUFFER_SIZE), 0};
    queue.writing = (struct line_buffer){malloc(BUFFER_SIZE), 0};
    queue.running = queue.filling.bytes && queue.writing.bytes;
    if (queue.running && pthread_create(&queue.thread, NULL, queue_write_lines, NULL) != 0)
        queue.running = false;
    if (!queue.running)
        free_buffers();
    return queue.running;
}

void log_queue_stop(void)
{
    pthread_mutex_lock(&queue.lock);
    bool was_running = queue.running;
    queue.running = false;
    pthread_cond_signal(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
    if (!was_running)
        return;
    pthread_join(queue.thread, NULL);
    free_buffers();
}

bool log_queue_put(struct str line)
{
    pthread_mutex_lock(&queue.lock);
    bool running = queue.running;
    bool first = running && queue.filling.used == 0;
    if (running && line.n <= BUFFER_SIZE - queue.filling.used) {
        memcpy(queue.filling.bytes + queue.filling.used, line.p, line.n);
        queue.filling.used += line.n;
    } else if (running) {
        queue.dropped++;
    }
    pthread_mutex_unlock(&queue.lock);
    if (first)
        pthread_cond_signal(&queue.changed);
    return running;
}
