/* What every part of the runtime needs: memory that is counted, and one message of what went wrong. */
#define _GNU_SOURCE
#include "network.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

enum { HUGE = 2 << 20 };

static _Thread_local char message[GOSSAMER_MESSAGE];

int gossamer_failed(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return -1;
}

const char *gossamer_error(void) {
    return message;
}

int gossamer_allocate(gossamer_memory *m, int64_t bytes, int64_t *counter) {
    *m = (gossamer_memory){0};
    if (bytes == 0) return 0;
    size_t align = bytes >= HUGE ? HUGE : 4096;
    size_t room = (size_t)bytes + align;
    char *mapped = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return gossamer_failed("no memory for %lld bytes", (long long)bytes);
    char *start = (char *)(((uintptr_t)mapped + align - 1) / align * align);
#ifdef MADV_HUGEPAGE
    if (align == HUGE) madvise(start, (size_t)bytes, MADV_HUGEPAGE);
#endif
    *m = (gossamer_memory){start, bytes, mapped, room};
    *counter += bytes;
    return 0;
}

void gossamer_release(gossamer_memory *m, int64_t *counter) {
    if (m->mapped) munmap(m->mapped, m->mapped_bytes);
    *counter -= m->bytes;
    *m = (gossamer_memory){0};
}
