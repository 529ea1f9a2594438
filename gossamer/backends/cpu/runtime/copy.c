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

static void copy_loops(char *to, const char *from, const gossamer_dim *dims, int32_t rank, int32_t item) {
    if (rank == 1) {
        copy_row(to, from, dims, item);
        return;
    }
    for (int64_t i = 0; i < dims->count; i++)
        copy_loops(to + i * dims->to, from + i * dims->from, dims + 1, rank - 1, item);
}

/* Of three loops or more the outer two are cut as one: an image has few channels. */
void gossamer_copy(char *to, const char *from, const gossamer_box *box, int32_t item, int32_t part, int32_t parts) {
    const gossamer_dim *outer = box->dims, *inner = outer + 1;
    int64_t across = box->rank > 2 ? inner->count : 1, count = outer->count * across;
    int64_t begin = count * part / parts, end = count * (part + 1) / parts;
    to += box->to;
    from += box->from;
    if (box->rank == 1) {
        gossamer_dim own = {end - begin, outer->to, outer->from};
        copy_row(to + begin * outer->to, from + begin * outer->from, &own, item);
        return;
    }
    if (box->rank == 2) {
        for (int64_t i = begin; i < end; i++) copy_row(to + i * outer->to, from + i * outer->from, inner, item);
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        int64_t row = i / across, place = i % across;
        copy_loops(to + row * outer->to + place * inner->to, from + row * outer->from + place * inner->from, inner + 1,
                   box->rank - 2, item);
    }
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
