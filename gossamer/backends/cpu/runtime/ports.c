/* What the caller's arrays and the arena exchange. */
#include "network.h"

enum { SHARED_BYTES = 64 << 10, PARTS = 4 };

typedef struct {
    const gossamer_port *port;
    char *to;
    const char *from;
    int32_t parts;
} transfer;

/* A kernel whose parameter is the transfer. */
static void transfer_parts(int32_t begin, int32_t end, void *scratch, char *arena, char *given) {
    const transfer *t = (const transfer *)given;
    (void)scratch, (void)arena;
    for (int32_t part = begin; part < end; part++)
        for (int32_t i = 0; i < t->port->count; i++)
            gossamer_copy(t->to, t->from, &t->port->boxes[i], t->port->item, part, t->parts);
}

void gossamer_transfer(gossamer_pool *pool, const gossamer_port *port, char *to, const char *from) {
    int32_t threads = port->tensor.bytes < SHARED_BYTES ? 1 : gossamer_pool_threads(pool);
    transfer whole = {port, to, from, threads == 1 ? 1 : PARTS * threads};
    gossamer_pool_run(pool, transfer_parts, whole.parts, NULL, (char *)&whole);
}
