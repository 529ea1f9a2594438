/* Boxes of elements copied between two layouts, or filled with one value. */
#include "network.h"

#include <string.h>

#define STRIDED(type)                                                            \
    for (int64_t i = 0; i < dim->count; i++, to += dim->to, from += dim->from) { \
        type value;                                                              \
        memcpy(&value, from, sizeof value);                                      \
        memcpy(to, &value, sizeof value);                                        \
    }

static void copy_row(char *to, const char *from, const gossamer_dim *dim, int32_t item) {
    if (dim->to == item && dim->from == item) {
        memcpy(to, from, (size_t)(dim->count * item));
    } else if (item == 4) {
        STRIDED(uint32_t)
    } else if (item == 1) {
        STRIDED(uint8_t)
    } else if (item == 2) {
        STRIDED(uint16_t)
    } else {
        STRIDED(uint64_t)
    }
}

/* A loop, and the `rank` loops in it. */
static void copy_below(char *to, const char *from, const gossamer_dim *dim, const gossamer_dim *dims, int32_t rank,
                       int32_t item) {
    if (rank == 0) {
        copy_row(to, from, dim, item);
        return;
    }
    for (int64_t i = 0; i < dim->count; i++, to += dim->to, from += dim->from)
        copy_below(to, from, dims, dims + 1, rank - 1, item);
}

/* Part of a loop's steps: how many, and how far both sides are before the first. */
static gossamer_dim cut(const gossamer_dim *dim, int32_t part, int32_t parts, char **to, const char **from) {
    int64_t begin = dim->count * part / parts, end = dim->count * (part + 1) / parts;
    *to += begin * dim->to;
    *from += begin * dim->from;
    return (gossamer_dim){end - begin, dim->to, dim->from};
}

/* The longer one of the outer two loops is cut: an image has few channels. */
void gossamer_copy(char *to, const char *from, const gossamer_box *box, int32_t item, int32_t part, int32_t parts) {
    const gossamer_dim *dims = box->dims;
    to += box->to;
    from += box->from;
    int32_t longer = box->rank > 1 && dims[1].count > dims[0].count;
    gossamer_dim own = cut(&dims[longer], part, parts, &to, &from);
    int64_t outer = longer ? dims[0].count : 1;
    for (int64_t i = 0; i < outer; i++, to += dims[0].to, from += dims[0].from)
        copy_below(to, from, &own, dims + longer + 1, box->rank - longer - 1, item);
}

#define FILL(type)                                               \
    for (int64_t i = 0; i < dim->count; i++, to += dim->to) {    \
        type element = (type)value;                              \
        memcpy(to, &element, sizeof element);                    \
    }

static void fill_row(char *to, const gossamer_dim *dim, int32_t item, uint64_t value) {
    if (value == 0 && dim->to == item) {
        memset(to, 0, (size_t)(dim->count * item));
    } else if (item == 4) {
        FILL(uint32_t)
    } else if (item == 1) {
        FILL(uint8_t)
    } else if (item == 2) {
        FILL(uint16_t)
    } else {
        FILL(uint64_t)
    }
}

static void fill_loops(char *to, const gossamer_dim *dims, int32_t rank, int32_t item, uint64_t value) {
    if (rank == 1) {
        fill_row(to, dims, item, value);
        return;
    }
    for (int64_t i = 0; i < dims->count; i++) fill_loops(to + i * dims->to, dims + 1, rank - 1, item, value);
}

void gossamer_fill(char *to, const gossamer_box *box, int32_t item, uint64_t value, int32_t part, int32_t parts) {
    const gossamer_dim *outer = box->dims;
    int64_t begin = outer->count * part / parts, end = outer->count * (part + 1) / parts;
    gossamer_dim own = {end - begin, outer->to, outer->from};
    to += box->to + begin * outer->to;
    if (box->rank == 1) {
        fill_row(to, &own, item, value);
        return;
    }
    for (int64_t i = 0; i < own.count; i++) fill_loops(to + i * own.to, box->dims + 1, box->rank - 1, item, value);
}
