/* Which extensions this cpu and its operating system offer, by the names that LLVM gives them. */
#include "network.h"

#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

enum { EAX, EBX, ECX, EDX };
enum { ANY = 0, YMM = 0x6, ZMM = 0xe6, TILES = 0x60000 }; /* what the system must keep: bits of XCR0 */

typedef struct {
    const char *name;
    unsigned leaf, sub, reg, bit, state;
} feature;

static const feature known[] = {
    {"sse", 1, 0, EDX, 25, ANY},          {"sse2", 1, 0, EDX, 26, ANY},
    {"sse3", 1, 0, ECX, 0, ANY},          {"ssse3", 1, 0, ECX, 9, ANY},
    {"sse4.1", 1, 0, ECX, 19, ANY},       {"sse4.2", 1, 0, ECX, 20, ANY},
    {"sse4a", 0x80000001, 0, ECX, 6, ANY}, {"fma", 1, 0, ECX, 12, YMM},
    {"fma4", 0x80000001, 0, ECX, 16, YMM}, {"f16c", 1, 0, ECX, 29, YMM},
    {"avx", 1, 0, ECX, 28, YMM},          {"avx2", 7, 0, EBX, 5, YMM},
    {"bmi", 7, 0, EBX, 3, ANY},           {"bmi2", 7, 0, EBX, 8, ANY},
    {"popcnt", 1, 0, ECX, 23, ANY},       {"movbe", 1, 0, ECX, 22, ANY},
    {"lzcnt", 0x80000001, 0, ECX, 5, ANY}, {"gfni", 7, 0, ECX, 8, ANY},
    {"avx512f", 7, 0, EBX, 16, ZMM},      {"avx512dq", 7, 0, EBX, 17, ZMM},
    {"avx512ifma", 7, 0, EBX, 21, ZMM},   {"avx512cd", 7, 0, EBX, 28, ZMM},
    {"avx512bw", 7, 0, EBX, 30, ZMM},     {"avx512vl", 7, 0, EBX, 31, ZMM},
    {"avx512vbmi", 7, 0, ECX, 1, ZMM},    {"avx512vbmi2", 7, 0, ECX, 6, ZMM},
    {"avx512vnni", 7, 0, ECX, 11, ZMM},   {"avx512bitalg", 7, 0, ECX, 12, ZMM},
    {"avx512vpopcntdq", 7, 0, ECX, 14, ZMM}, {"avx512vp2intersect", 7, 0, EDX, 8, ZMM},
    {"avx512fp16", 7, 0, EDX, 23, ZMM},   {"amx-bf16", 7, 0, EDX, 22, TILES},
    {"amx-tile", 7, 0, EDX, 24, TILES},   {"amx-int8", 7, 0, EDX, 25, TILES},
    {"avxvnni", 7, 1, EAX, 4, YMM},       {"avx512bf16", 7, 1, EAX, 5, ZMM},
    {"amx-fp16", 7, 1, EAX, 21, TILES},   {"avxifma", 7, 1, EAX, 23, YMM},
    {"avxvnniint8", 7, 1, EDX, 4, YMM},   {"avxneconvert", 7, 1, EDX, 5, YMM},
    {"amx-complex", 7, 1, EDX, 8, TILES}, {"avxvnniint16", 7, 1, EDX, 10, YMM},
    {"avx10.1", 7, 1, EDX, 19, ZMM},      {"avx10.1-512", 7, 1, EDX, 19, ZMM},
};

/* What the operating system keeps of a thread's registers. */
static unsigned kept(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return 0;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return a;
}

static int offered(const feature *f) {
    unsigned r[4] = {0, 0, 0, 0};
    if (!__get_cpuid_count(f->leaf, f->sub, &r[EAX], &r[EBX], &r[ECX], &r[EDX])) return 0;
    return (r[f->reg] >> f->bit & 1) && (kept() & f->state) == f->state;
}

const char *gossamer_cpu_lacks(const char *const *features) {
    for (; *features; features++) {
        int found = 0;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (!strcmp(known[i].name, *features)) found = offered(&known[i]);
        if (!found) return *features;
    }
    return NULL;
}
#else
const char *gossamer_cpu_lacks(const char *const *features) {
    return *features;
}
#endif

const char *gossamer_lacks(void) {
    return gossamer_cpu_lacks(gossamer_this.features);
}
