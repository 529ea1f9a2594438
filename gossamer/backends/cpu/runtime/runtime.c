/* Opens a network's folder, keeps its memory and runs its operations in order. */
#define _GNU_SOURCE
#include "network.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct gossamer_net {
    gossamer_memory arena, scratch, held;
    char *params;
    int64_t allocated_arena, allocated_scratch, allocated_params;
    gossamer_pool *pool;
    int32_t threads;
    pthread_mutex_t mutex;
    _Atomic pid_t process; /* whose threads may hold the mutex; 0 while it is made anew */
};

static void run_ops(gossamer_net *net, const gossamer_op *ops, int32_t count, int64_t step);

/* A kernel whose parameter is the operation. */
static void fill_parts(int32_t begin, int32_t end, void *scratch, char *arena, char *given) {
    const gossamer_op *op = (const gossamer_op *)given;
    (void)scratch;
    for (int32_t part = begin; part < end; part++)
        for (int32_t i = 0; i < op->count; i++)
            gossamer_fill(arena, &op->boxes[i], op->item, op->value, part, op->tasks);
}

static void run_op(gossamer_net *net, const gossamer_op *op, int64_t step) {
    char *arena = net->arena.start;
    switch (op->kind) {
    case GOSSAMER_KERNEL:
        if (op->serial) op->kernel(0, op->tasks, net->scratch.start, arena, net->params);
        else gossamer_pool_run(net->pool, op->kernel, op->tasks, arena, net->params);
        break;
    case GOSSAMER_FILL:
        if (op->serial) fill_parts(0, op->tasks, NULL, arena, (char *)op);
        else gossamer_pool_run(net->pool, fill_parts, op->tasks, arena, (char *)op);
        break;
    case GOSSAMER_COPY: {
        const char *from = (op->from_params ? net->params : arena) + step * op->from_step;
        for (int32_t i = 0; i < op->count; i++)
            gossamer_copy(arena + step * op->to_step, from, &op->boxes[i], op->item, 0, 1);
        break;
    }
    case GOSSAMER_LOOP:
        for (int64_t i = 0; i < op->steps; i++)
            run_ops(net, op->body, op->length, op->reverse ? op->steps - 1 - i : i);
        break;
    }
}

static void run_ops(gossamer_net *net, const gossamer_op *ops, int32_t count, int64_t step) {
    for (int32_t i = 0; i < count; i++) run_op(net, &ops[i], step);
}

/* Scratch of thread i starts on a page of its own. */
static int64_t scratch_stride(void) {
    return (gossamer_this.scratch_bytes + 63) / 64 * 64;
}

static int start_threads(gossamer_net *net, int32_t threads) {
    if (threads <= 0) threads = gossamer_this.threads;
    if (threads > GOSSAMER_MOST_THREADS)
        return gossamer_failed("%d threads, at most %d can work", threads, GOSSAMER_MOST_THREADS);
    if (gossamer_allocate(&net->scratch, scratch_stride() * threads, &net->allocated_scratch)) return -1;
    void **scratch = malloc(sizeof *scratch * (size_t)threads);
    if (!scratch) return gossamer_failed("no memory for %d threads", threads);
    for (int32_t i = 0; i < threads; i++) scratch[i] = net->scratch.start + i * scratch_stride();
    net->pool = gossamer_pool_new(threads, scratch);
    free(scratch);
    if (!net->pool) return gossamer_failed("the system gives no %d threads", threads);
    net->threads = threads;
    return 0;
}

static void stop_threads(gossamer_net *net) {
    gossamer_pool_free(net->pool);
    net->pool = NULL;
    gossamer_release(&net->scratch, &net->allocated_scratch);
}

static gossamer_net *opened(const char *folder, const void *params, size_t bytes, int32_t threads) {
    const char *lacking = gossamer_cpu_lacks(gossamer_this.features);
    if (lacking) {
        gossamer_failed("made for a %s, this machine lacks its %s; compile it again here", gossamer_this.made_for,
                        lacking);
        return NULL;
    }
    gossamer_net *net = calloc(1, sizeof *net);
    if (!net) {
        gossamer_failed("no memory");
        return NULL;
    }
    pthread_mutex_init(&net->mutex, NULL);
    atomic_init(&net->process, getpid());
    int bad = gossamer_allocate(&net->arena, gossamer_this.arena_bytes, &net->allocated_arena);
    if (!bad && folder) {
        bad = gossamer_read_params(folder, &net->held, &net->allocated_params);
        net->params = net->held.start;
    } else if (!bad) {
        net->params = gossamer_given_params(params, bytes);
        bad = !net->params;
    }
    if (!bad) bad = start_threads(net, threads);
    if (bad) {
        gossamer_close(net);
        return NULL;
    }
    run_ops(net, gossamer_this.setup, gossamer_this.setup_count, 0);
    return net;
}

gossamer_net *gossamer_open(const char *folder, int32_t threads) {
    return opened(folder, NULL, 0, threads);
}

gossamer_net *gossamer_open_memory(const void *params, size_t bytes, int32_t threads) {
    return opened(NULL, params, bytes, threads);
}

void gossamer_close(gossamer_net *net) {
    if (!net) return;
    stop_threads(net);
    gossamer_release(&net->arena, &net->allocated_arena);
    gossamer_release(&net->held, &net->allocated_params);
    pthread_mutex_destroy(&net->mutex);
    free(net);
}

/* In a fork the mutex may be held for good by a thread that only the parent has: the first to come makes it anew. */
static void lock(gossamer_net *net) {
    pid_t own = getpid(), other = atomic_load(&net->process);
    while (other != own) {
        if (other && atomic_compare_exchange_strong(&net->process, &other, 0)) {
            pthread_mutex_init(&net->mutex, NULL);
            atomic_store(&net->process, own);
        }
        other = atomic_load(&net->process);
    }
    pthread_mutex_lock(&net->mutex);
}

static int refuse_missing(const void *const *given, const gossamer_port *ports, int32_t count, const char *what) {
    for (int32_t i = 0; i < count; i++)
        if (!given[i] && ports[i].tensor.bytes) return gossamer_failed("%s '%s' is NULL", what, ports[i].tensor.name);
    return 0;
}

static void take_inputs(gossamer_net *net, const void *const *inputs) {
    for (int32_t i = 0; i < gossamer_this.inputs_count; i++)
        gossamer_transfer(net->pool, &gossamer_this.inputs[i], net->arena.start, inputs[i]);
}

static void give_outputs(gossamer_net *net, void *const *outputs) {
    for (int32_t i = 0; i < gossamer_this.outputs_count; i++) {
        const gossamer_port *port = &gossamer_this.outputs[i];
        const char *from = port->in_params ? net->params : net->arena.start;
        gossamer_transfer(net->pool, port, outputs[i], from);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int gossamer_profile(gossamer_net *net, const void *const *inputs, void *const *outputs, double *seconds) {
    if (refuse_missing(inputs, gossamer_this.inputs, gossamer_this.inputs_count, "input")) return -1;
    if (refuse_missing((const void *const *)outputs, gossamer_this.outputs, gossamer_this.outputs_count, "output"))
        return -1;
    lock(net);
    gossamer_pool_begin(net->pool);
    take_inputs(net, inputs);
    double before = seconds ? now() : 0;
    for (int32_t i = 0; i < gossamer_this.ops_count; i++) {
        run_op(net, &gossamer_this.ops[i], 0);
        if (seconds) {
            double after = now();
            seconds[i] = after - before;
            before = after;
        }
    }
    give_outputs(net, outputs);
    gossamer_pool_end(net->pool);
    pthread_mutex_unlock(&net->mutex);
    return 0;
}

int gossamer_run(gossamer_net *net, const void *const *inputs, void *const *outputs) {
    return gossamer_profile(net, inputs, outputs, NULL);
}

int32_t gossamer_inputs(const gossamer_net *net) {
    (void)net;
    return gossamer_this.inputs_count;
}

int32_t gossamer_outputs(const gossamer_net *net) {
    (void)net;
    return gossamer_this.outputs_count;
}

int32_t gossamer_launches(const gossamer_net *net) {
    (void)net;
    return gossamer_this.ops_count;
}

const gossamer_tensor *gossamer_input(const gossamer_net *net, int32_t index) {
    (void)net;
    return index >= 0 && index < gossamer_this.inputs_count ? &gossamer_this.inputs[index].tensor : NULL;
}

const gossamer_tensor *gossamer_output(const gossamer_net *net, int32_t index) {
    (void)net;
    return index >= 0 && index < gossamer_this.outputs_count ? &gossamer_this.outputs[index].tensor : NULL;
}

gossamer_launch gossamer_launch_at(const gossamer_net *net, int32_t index) {
    (void)net;
    if (index < 0 || index >= gossamer_this.ops_count) return (gossamer_launch){NULL, -1, 0};
    const gossamer_op *op = &gossamer_this.ops[index];
    return (gossamer_launch){op->name, op->layer, op->tasks > 1 && !op->serial ? op->tasks : 1};
}

int32_t gossamer_threads(const gossamer_net *net) {
    return net->threads;
}

int gossamer_set_threads(gossamer_net *net, int32_t threads) {
    lock(net);
    int32_t before = net->threads;
    stop_threads(net);
    int bad = start_threads(net, threads);
    for (int32_t fewer = before; bad && !net->pool && fewer > 0; fewer /= 2) { /* as before, or what there is */
        char why[GOSSAMER_MESSAGE];
        memcpy(why, gossamer_error(), sizeof why);
        gossamer_release(&net->scratch, &net->allocated_scratch);
        start_threads(net, fewer);
        gossamer_failed("%s", why);
    }
    pthread_mutex_unlock(&net->mutex);
    return bad;
}

gossamer_bytes gossamer_allocated(const gossamer_net *net) {
    return (gossamer_bytes){net->allocated_arena, net->allocated_scratch, net->allocated_params};
}
