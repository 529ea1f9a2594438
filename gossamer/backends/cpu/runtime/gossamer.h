/* A network compiled by Gossamer: open the folder, run it, close it.

       gossamer_net *net = gossamer_open("folder", 0);
       if (!net) { fprintf(stderr, "%s\n", gossamer_error()); exit(1); }
       const void *inputs[] = {image};
       void *outputs[] = {scores};
       gossamer_run(net, inputs, outputs);
       gossamer_close(net);

   Tensors are dense and row-major; `gossamer_input` and `gossamer_output` describe them. A net owns its memory and its
   threads, so different nets run at the same time without knowing of each other; two runs of one net wait for each
   other. A fork runs a net that was open before on one thread, until gossamer_set_threads. The functions that can fail
   return NULL or a number other than 0, and gossamer_error() says why. */
#ifndef GOSSAMER_H
#define GOSSAMER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GOSSAMER_API __attribute__((visibility("default")))
#else
#define GOSSAMER_API
#endif

typedef struct gossamer_net gossamer_net;

typedef struct {
    const char *name;
    const char *dtype; /* as numpy names it: float32, uint8, bool (a byte), ... */
    int32_t rank;
    const int64_t *shape;
    int64_t bytes;
} gossamer_tensor;

typedef struct {
    const char *kernel; /* name of the code, or what else is done: fill, copy, loop */
    int32_t layer;      /* of the manifest's list of layers */
    int32_t tasks;      /* pieces that threads share; 1 when it runs on the calling thread */
} gossamer_launch;

typedef struct {
    int64_t arena;   /* every value of the network */
    int64_t scratch; /* of all threads together */
    int64_t params;
} gossamer_bytes;

/* What the network was compiled for and this machine lacks, as LLVM names it; NULL when it can run here. */
GOSSAMER_API const char *gossamer_lacks(void);
#define GOSSAMER_MOST_THREADS 256
/* Open a folder that holds params.bin. `threads`: how many work in a run, the calling one included; 0: as compiled. */
GOSSAMER_API gossamer_net *gossamer_open(const char *folder, int32_t threads);
/* The same with the bytes of params.bin, 64-byte aligned and kept until the net is closed: they are not copied. */
GOSSAMER_API gossamer_net *gossamer_open_memory(const void *params, size_t bytes, int32_t threads);
GOSSAMER_API void gossamer_close(gossamer_net *net);

/* One inference: a pointer per input, a pointer per output. */
GOSSAMER_API int gossamer_run(gossamer_net *net, const void *const *inputs, void *const *outputs);
/* The same, and the seconds of every launch. */
GOSSAMER_API int gossamer_profile(gossamer_net *net, const void *const *inputs, void *const *outputs, double *seconds);

GOSSAMER_API int32_t gossamer_inputs(const gossamer_net *net);
GOSSAMER_API int32_t gossamer_outputs(const gossamer_net *net);
GOSSAMER_API int32_t gossamer_launches(const gossamer_net *net);
GOSSAMER_API const gossamer_tensor *gossamer_input(const gossamer_net *net, int32_t index);
GOSSAMER_API const gossamer_tensor *gossamer_output(const gossamer_net *net, int32_t index);
GOSSAMER_API gossamer_launch gossamer_launch_at(const gossamer_net *net, int32_t index);

GOSSAMER_API int32_t gossamer_threads(const gossamer_net *net);
GOSSAMER_API int gossamer_set_threads(gossamer_net *net, int32_t threads);
/* What the net has allocated, as counted by its one allocator. */
GOSSAMER_API gossamer_bytes gossamer_allocated(const gossamer_net *net);

/* Why the last call of this thread failed. */
GOSSAMER_API const char *gossamer_error(void);
/* The check sum that params.bin holds of what follows its header; `bytes` is a multiple of 64. */
GOSSAMER_API uint64_t gossamer_checksum(const void *data, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
