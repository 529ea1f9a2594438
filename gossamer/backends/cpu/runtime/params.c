/* The parameters of a network: a file, or bytes that the caller holds; both begin with a header that is looked at. */
#define _GNU_SOURCE
#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 256 << 10 };

static const char MAGIC[16] = "gossamer params";

typedef struct {
    char magic[16];
    uint64_t bytes, checksum;
    char unused[32];
} header;

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
    if (memcmp(h->magic, MAGIC, sizeof MAGIC))
        return gossamer_failed("%s: holds no parameters of a compiled network", where);
    if ((int64_t)h->bytes != needed)
        return gossamer_failed("%s: holds %lld bytes of parameters, this network needs %lld; compile the module again",
                               where, (long long)h->bytes, (long long)needed);
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
static int read_params(gossamer_memory *held, int64_t *counter, int file, const char *where) {
    header h;
    if (read_whole(file, (char *)&h, sizeof h))
        return gossamer_failed("%s: is cut off; compile the module again", where);
    if (check_header(&h, where)) return -1;
    if (gossamer_allocate(held, gossamer_this.params_bytes, counter)) return -1;
    sums s = {{0}};
    for (int64_t done = 0; done < gossamer_this.params_bytes; done += PIECE) {
        int64_t left = gossamer_this.params_bytes - done, piece = left < PIECE ? left : PIECE;
        if (read_whole(file, held->start + done, (size_t)piece))
            return gossamer_failed("%s: is cut off; compile the module again", where);
        add(&s, held->start + done, (size_t)piece);
    }
    if (total(&s) != h.checksum)
        return gossamer_failed("%s: has been changed (check sum); compile the module again", where);
    return 0;
}

int gossamer_read_params(const char *folder, gossamer_memory *held, int64_t *counter) {
    char where[4096];
    if (snprintf(where, sizeof where, "%s/params.bin", folder) >= (int)sizeof where)
        return gossamer_failed("the name of the folder is too long");
    int file = open(where, O_RDONLY | O_CLOEXEC);
    if (file < 0) return gossamer_failed("%s: %s", where, strerror(errno));
    int bad = read_params(held, counter, file, where);
    close(file);
    return bad;
}

char *gossamer_given_params(const void *params, size_t bytes) {
    const header *h = params;
    size_t needed = sizeof *h + (size_t)gossamer_this.params_bytes;
    if (bytes < needed || (uintptr_t)params % GOSSAMER_ALIGN) {
        gossamer_failed("the parameters are too short or not aligned to %d bytes", GOSSAMER_ALIGN);
        return NULL;
    }
    return check_header(h, "the parameters") ? NULL : (char *)params + sizeof *h;
}
