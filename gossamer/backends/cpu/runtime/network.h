/* What a generated network.c tells the runtime: tables of constants, one network a library. Offsets are in bytes. */
#ifndef GOSSAMER_NETWORK_H
#define GOSSAMER_NETWORK_H

#include "gossamer.h"

#define GOSSAMER_ALIGN 64

/* Tasks begin .. end-1 of a kernel on the buffers of one launch. */
typedef void (*gossamer_kernel)(int32_t begin, int32_t end, void *scratch, char *arena, char *params);

typedef struct {
    int64_t count, to, from; /* steps of a loop; how far each moves on either side */
} gossamer_dim;

/* A box of elements: where it starts on either side, and its loops, outermost first. */
typedef struct {
    int64_t to, from;
    const gossamer_dim *dims;
    int32_t rank;
} gossamer_box;

typedef enum { GOSSAMER_KERNEL, GOSSAMER_FILL, GOSSAMER_COPY, GOSSAMER_LOOP } gossamer_kind;

typedef struct gossamer_op {
    gossamer_kind kind;
    int32_t layer;
    const char *name;
    /* kernel; a fill is cut into tasks too */
    gossamer_kernel kernel;
    int32_t tasks, serial;
    /* fill and copy: boxes of items; in a loop, step i is `step` bytes further */
    const gossamer_box *boxes;
    int32_t count, item;
    uint64_t value;
    int64_t to_step, from_step;
    int32_t from_params;
    /* loop */
    const struct gossamer_op *body;
    int32_t length, steps, reverse;
} gossamer_op;

typedef struct {
    gossamer_tensor tensor;
    const gossamer_box *boxes;
    int32_t count, item, in_params;
} gossamer_port;

typedef struct {
    const gossamer_port *inputs, *outputs;
    const gossamer_op *setup, *ops; /* done once at the start; done in every run */
    int32_t inputs_count, outputs_count, setup_count, ops_count;
    int64_t arena_bytes, scratch_bytes, params_bytes;
    int32_t threads;
    const char *const *features; /* of the cpu, ends with NULL */
    const char *made_for;
} gossamer_network;

extern const gossamer_network gossamer_this;

#define GOSSAMER_MESSAGE 512

/* What `gossamer_error` says; returns -1. */
__attribute__((format(printf, 1, 2))) int gossamer_failed(const char *format, ...);

typedef struct {
    char *start;
    int64_t bytes;
    void *mapped;
    size_t mapped_bytes;
} gossamer_memory;

/* The one allocator: zeroed, in huge pages where it is large and the system has them. `counter` grows by `bytes`. */
int gossamer_allocate(gossamer_memory *memory, int64_t bytes, int64_t *counter);
void gossamer_release(gossamer_memory *memory, int64_t *counter);

/* Parameters: those in a folder, read into `held`, which is to be released even when that fails; or where they begin in
   bytes that are given, NULL when these are another network's. */
int gossamer_read_params(const char *folder, gossamer_memory *held, int64_t *counter);
char *gossamer_given_params(const void *params, size_t bytes);

typedef struct gossamer_pool gossamer_pool;

/* `threads` at least 1, the calling one included; NULL when the system gives no thread. */
gossamer_pool *gossamer_pool_new(int32_t threads, void *const *scratch);
void gossamer_pool_free(gossamer_pool *pool);
/* That work in a run: 1 in a fork. */
int32_t gossamer_pool_threads(const gossamer_pool *pool);
/* Between `begin` and `end` the workers stay awake. */
void gossamer_pool_begin(gossamer_pool *pool);
void gossamer_pool_end(gossamer_pool *pool);
void gossamer_pool_run(gossamer_pool *pool, gossamer_kernel kernel, int32_t tasks, char *arena, char *params);

/* One of the `parts` that the outer loops are cut into. */
void gossamer_copy(char *to, const char *from, const gossamer_box *box, int32_t item, int32_t part, int32_t parts);
void gossamer_fill(char *to, const gossamer_box *box, int32_t item, uint64_t value, int32_t part, int32_t parts);

/* A port's bytes, by all threads where sharing them takes less than copying. */
void gossamer_transfer(gossamer_pool *pool, const gossamer_port *port, char *to, const char *from);

/* The first of the features that this cpu lacks; NULL when it has them all. */
const char *gossamer_cpu_lacks(const char *const *features);

#endif
