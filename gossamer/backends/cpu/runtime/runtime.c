/* Opens a network's folder, keeps its memory and runs its operations in order. */
#define _GNU_SOURCE
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HUGE = 2 << 20, PIECE = 256 << 10 };

static const char MAGIC[16] = "gossamer params";

typedef struct {
    char magic[16];
    uint64_t bytes, checksum;
    char unused[32];
} header;

typedef struct {
    char *start;
    int64_t bytes;
    void *mapped;
    size_t mapped_bytes;
} memory;

struct gossamer_net {
    memory arena, scratch, held;
    char *params;
    int64_t allocated_arena, allocated_scratch, allocated_params;
    gossamer_pool *pool;
    int32_t threads;
    pthread_mutex_t mutex;
    _Atomic pid_t process; /* whose threads may hold the mutex; 0 while it is made anew */
};

static _Thread_local char message[512];

__attribute__((format(printf, 1, 2))) static int failed(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return -1;
}

const char *gossamer_error(void) {
    return message;
}

/* The one allocator: zeroed, in huge pages where it is large and the system has them. */
static int allocate(memory *m, int64_t bytes, int64_t *counter) {
    *m = (memory){0};
    if (bytes == 0) return 0;
    size_t align = bytes >= HUGE ? HUGE : 4096;
    size_t room = (size_t)bytes + align;
    char *mapped = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return failed("no memory for %lld bytes", (long long)bytes);
    char *start = (char *)(((uintptr_t)mapped + align - 1) / align * align);
#ifdef MADV_HUGEPAGE
    if (align == HUGE) madvise(start, (size_t)bytes, MADV_HUGEPAGE);
#endif
    *m = (memory){start, bytes, mapped, room};
    *counter += bytes;
    return 0;
}

static void release(memory *m, int64_t *counter) {
    if (m->mapped) munmap(m->mapped, m->mapped_bytes);
    *counter -= m->bytes;
    *m = (memory){0};
}

/* Eight sums side by side, each of 64-bit words times an odd number that depends on what came before. */
typedef struct {
    uint64_t lane[8];
} sums;

static void add(sums *s, const void *data, size_t bytes) {
    const char *at = data;
    for (size_t i = 0; i + 64 <= bytes; i += 64)
        for (int l = 0; l < 8; l++) {
            uint64_t word;
            memcpy(&word, at + i + 8 * l, 8);
            s->lane[l] = (s->lane[l] ^ word) * 0x9e3779b97f4a7c15u;
            s->lane[l] ^= s->lane[l] >> 29;
        }
}

static uint64_t total(const sums *s) {
    uint64_t sum = 0;
    for (int l = 0; l < 8; l++) sum = (sum ^ s->lane[l]) * 0xff51afd7ed558ccdu, sum ^= sum >> 32;
    return sum;
}

uint64_t gossamer_checksum(const void *data, size_t bytes) {
    sums s = {{0}};
    add(&s, data, bytes);
    return total(&s);
}

static int check_header(const header *h, const char *where) {
    int64_t needed = gossamer_this.params_bytes;
    if (memcmp(h->magic, MAGIC, sizeof MAGIC)) return failed("%s: holds no parameters of a compiled network", where);
    if ((int64_t)h->bytes != needed)
        return failed("%s: holds %lld bytes of parameters, this network needs %lld; compile the module again", where,
                      (long long)h->bytes, (long long)needed);
    return 0;
}

static int read_whole(int file, char *to, size_t bytes) {
    while (bytes) {
        ssize_t got = read(file, to, bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        to += got;
        bytes -= (size_t)got;
    }
    return 0;
}

/* Read into huge pages rather than mapped: kernels that stream weights then miss the address cache much less. */
static int read_params(gossamer_net *net, int file, const char *where) {
    header h;
    if (read_whole(file, (char *)&h, sizeof h)) return failed("%s: is cut off; compile the module again", where);
    if (check_header(&h, where)) return -1;
    if (allocate(&net->held, gossamer_this.params_bytes, &net->allocated_params)) return -1;
    net->params = net->held.start;
    sums s = {{0}};
    for (int64_t done = 0; done < gossamer_this.params_bytes; done += PIECE) {
        int64_t left = gossamer_this.params_bytes - done, piece = left < PIECE ? left : PIECE;
        if (read_whole(file, net->params + done, (size_t)piece))
            return failed("%s: is cut off; compile the module again", where);
        add(&s, net->params + done, (size_t)piece);
    }
    if (total(&s) != h.checksum) return failed("%s: has been changed (check sum); compile the module again", where);
    return 0;
}

static int open_params(gossamer_net *net, const char *folder) {
    char where[4096];
    if (snprintf(where, sizeof where, "%s/params.bin", folder) >= (int)sizeof where)
        return failed("the name of the folder is too long");
    int file = open(where, O_RDONLY | O_CLOEXEC);
    if (file < 0) return failed("%s: %s", where, strerror(errno));
    int bad = read_params(net, file, where);
    close(file);
    return bad;
}

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
            gossamer_copy(arena + step * op->to_step, from, &op->boxes[i], op->item);
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
    if (threads > GOSSAMER_MOST_THREADS) return failed("%d threads, at most %d can work", threads, GOSSAMER_MOST_THREADS);
    if (allocate(&net->scratch, scratch_stride() * threads, &net->allocated_scratch)) return -1;
    void **scratch = malloc(sizeof *scratch * (size_t)threads);
    if (!scratch) return failed("no memory for %d threads", threads);
    for (int32_t i = 0; i < threads; i++) scratch[i] = net->scratch.start + i * scratch_stride();
    net->pool = gossamer_pool_new(threads, scratch);
    free(scratch);
    if (!net->pool) return failed("the system gives no %d threads", threads);
    net->threads = threads;
    return 0;
}

static void stop_threads(gossamer_net *net) {
    gossamer_pool_free(net->pool);
    net->pool = NULL;
    release(&net->scratch, &net->allocated_scratch);
}

static gossamer_net *opened(const char *folder, const void *params, size_t bytes, int32_t threads) {
    const char *lacking = gossamer_cpu_lacks(gossamer_this.features);
    if (lacking) {
        failed("made for a %s, this machine lacks its %s; compile it again here", gossamer_this.made_for, lacking);
        return NULL;
    }
    gossamer_net *net = calloc(1, sizeof *net);
    if (!net) {
        failed("no memory");
        return NULL;
    }
    pthread_mutex_init(&net->mutex, NULL);
    atomic_init(&net->process, getpid());
    int bad = allocate(&net->arena, gossamer_this.arena_bytes, &net->allocated_arena);
    if (!bad && folder) bad = open_params(net, folder);
    if (!bad && !folder) {
        const header *h = params;
        bad = bytes < sizeof *h || (uintptr_t)params % GOSSAMER_ALIGN || bytes < sizeof *h + (size_t)gossamer_this.params_bytes
                  ? failed("the parameters are too short or not aligned to %d bytes", GOSSAMER_ALIGN)
                  : check_header(h, "the parameters");
        net->params = (char *)params + sizeof *h;
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
    release(&net->arena, &net->allocated_arena);
    release(&net->held, &net->allocated_params);
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
        if (!given[i] && ports[i].tensor.bytes) return failed("%s '%s' is NULL", what, ports[i].tensor.name);
    return 0;
}

static void take_inputs(gossamer_net *net, const void *const *inputs) {
    for (int32_t i = 0; i < gossamer_this.inputs_count; i++) {
        const gossamer_port *p = &gossamer_this.inputs[i];
        for (int32_t k = 0; k < p->count; k++) gossamer_copy(net->arena.start, inputs[i], &p->boxes[k], p->item);
    }
}

static void give_outputs(gossamer_net *net, void *const *outputs) {
    for (int32_t i = 0; i < gossamer_this.outputs_count; i++) {
        const gossamer_port *p = &gossamer_this.outputs[i];
        const char *from = p->in_params ? net->params : net->arena.start;
        for (int32_t k = 0; k < p->count; k++) gossamer_copy(outputs[i], from, &p->boxes[k], p->item);
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
        char why[sizeof message];
        memcpy(why, message, sizeof why);
        release(&net->scratch, &net->allocated_scratch);
        start_threads(net, fewer);
        memcpy(message, why, sizeof why);
    }
    pthread_mutex_unlock(&net->mutex);
    return bad;
}

gossamer_bytes gossamer_allocated(const gossamer_net *net) {
    return (gossamer_bytes){net->allocated_arena, net->allocated_scratch, net->allocated_params};
}
