/* Threads of one net. A job is cut into a range of chunks for every thread, which takes from its own range first, so
   that it meets the data it wrote in the last kernel, and then from the others', so that nobody waits for a thread that
   the system has put to sleep. A chunk is claimed by exchanging a word that holds the job's number and how many chunks
   are left: a late thread can never take a chunk of a job it does not know. */
#define _GNU_SOURCE
#include "network.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNKS = 4, SPINS = 2000, SPINS_BEFORE_YIELD = 20000 };

typedef struct {
    _Alignas(GOSSAMER_ALIGN) _Atomic uint64_t word; /* job << 32 | chunks left */
    int32_t begin, end;                             /* tasks */
    int32_t chunks;
    void *scratch;
    pthread_t thread;
    gossamer_pool *pool;
    int32_t index;
} queue;

struct gossamer_pool {
    int32_t threads;
    pid_t process; /* a fork has none of the threads */
    gossamer_kernel kernel;
    char *arena, *params;
    uint32_t job;
    _Alignas(GOSSAMER_ALIGN) _Atomic int32_t open; /* chunks of the job that are not done */
    _Alignas(GOSSAMER_ALIGN) _Atomic int32_t running;
    _Atomic int32_t stop;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    queue *queues;
};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Take and do one chunk of a queue; 0 when there is none. */
static int work_on(queue *from, void *scratch) {
    uint64_t word = atomic_load_explicit(&from->word, memory_order_acquire);
    do {
        if ((uint32_t)word == 0) return 0;
    } while (!atomic_compare_exchange_weak_explicit(&from->word, &word, word - 1, memory_order_acquire,
                                                    memory_order_acquire));
    /* the chunk is ours, so the job cannot end and what describes it stays */
    gossamer_pool *pool = from->pool;
    int64_t tasks = from->end - from->begin, place = from->chunks - (int32_t)(uint32_t)word;
    int32_t begin = from->begin + (int32_t)(place * tasks / from->chunks);
    int32_t end = from->begin + (int32_t)((place + 1) * tasks / from->chunks);
    pool->kernel(begin, end, scratch, pool->arena, pool->params);
    atomic_fetch_sub_explicit(&pool->open, 1, memory_order_release);
    return 1;
}

static int work(gossamer_pool *pool, int32_t index) {
    int done = 0;
    for (int32_t i = 0; i < pool->threads; i++) {
        queue *from = &pool->queues[(index + i) % pool->threads];
        while (work_on(from, pool->queues[index].scratch)) done = 1;
    }
    return done;
}

static void sleep_until_run(gossamer_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    while (!atomic_load(&pool->running) && !atomic_load(&pool->stop)) pthread_cond_wait(&pool->wake, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static void *worker(void *given) {
    queue *own = given;
    gossamer_pool *pool = own->pool;
    int32_t idle = 0;
    while (!atomic_load_explicit(&pool->stop, memory_order_acquire)) {
        if (work(pool, own->index)) {
            idle = 0;
            continue;
        }
        relax();
        idle++;
        if (idle < SPINS) continue;
        if (!atomic_load_explicit(&pool->running, memory_order_acquire)) {
            sleep_until_run(pool);
            idle = 0;
        } else if (idle > SPINS_BEFORE_YIELD) {
            sched_yield();
        }
    }
    return NULL;
}

gossamer_pool *gossamer_pool_new(int32_t threads, void *const *scratch) {
    gossamer_pool *pool = aligned_alloc(GOSSAMER_ALIGN, sizeof *pool); /* its size is a multiple: a member is aligned */
    if (!pool) return NULL;
    *pool = (gossamer_pool){.threads = 1, .process = getpid()};
    pool->queues = aligned_alloc(GOSSAMER_ALIGN, sizeof(queue) * (size_t)threads);
    if (!pool->queues) {
        free(pool);
        return NULL;
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (int32_t i = 0; i < threads; i++)
        pool->queues[i] = (queue){.pool = pool, .index = i, .scratch = scratch[i]};
    pool->threads = threads;
    for (int32_t i = 1; i < threads; i++) {
        if (pthread_create(&pool->queues[i].thread, NULL, worker, &pool->queues[i])) {
            /* the threads there are see fewer queues from now on: none has work yet */
            pool->threads = i;
            gossamer_pool_free(pool);
            return NULL;
        }
    }
    return pool;
}

static void stop_workers(gossamer_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stop, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    for (int32_t i = 1; i < pool->threads; i++) pthread_join(pool->queues[i].thread, NULL);
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->wake);
}

void gossamer_pool_free(gossamer_pool *pool) {
    if (!pool) return;
    if (pool->process == getpid()) stop_workers(pool);
    free(pool->queues);
    free(pool);
}

int32_t gossamer_pool_threads(const gossamer_pool *pool) {
    return pool->threads;
}

void gossamer_pool_begin(gossamer_pool *pool) {
    if (pool->threads == 1) return;
    if (pool->process != getpid()) { /* in a fork the workers are not, and the mutex may be held by one of them */
        pool->threads = 1;
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->running, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

void gossamer_pool_end(gossamer_pool *pool) {
    atomic_store_explicit(&pool->running, 0, memory_order_release);
}

static int32_t smaller(int32_t a, int32_t b) {
    return a < b ? a : b;
}

void gossamer_pool_run(gossamer_pool *pool, gossamer_kernel kernel, int32_t tasks, char *arena, char *params) {
    if (pool->threads == 1 || tasks < 2) {
        kernel(0, tasks, pool->queues[0].scratch, arena, params);
        return;
    }
    pool->kernel = kernel;
    pool->arena = arena;
    pool->params = params;
    pool->job++;
    int32_t open = 0;
    for (int32_t i = 0; i < pool->threads; i++) {
        queue *q = &pool->queues[i];
        q->begin = (int32_t)((int64_t)tasks * i / pool->threads);
        q->end = (int32_t)((int64_t)tasks * (i + 1) / pool->threads);
        q->chunks = smaller(CHUNKS, q->end - q->begin);
        open += q->chunks;
    }
    atomic_store_explicit(&pool->open, open, memory_order_relaxed);
    for (int32_t i = 0; i < pool->threads; i++) {
        queue *q = &pool->queues[i];
        atomic_store_explicit(&q->word, (uint64_t)pool->job << 32 | (uint32_t)q->chunks, memory_order_release);
    }
    work(pool, 0);
    for (int32_t spins = 0; atomic_load_explicit(&pool->open, memory_order_acquire); spins++) {
        if (spins < SPINS) relax();
        else sched_yield();
    }
}
