/* Runs a compiled network: example FOLDER [FILE ...], a file of raw elements per input, zeros without.

       cc FOLDER/example.c -o example -I FOLDER FOLDER/network.so -Wl,-rpath,FOLDER
*/
#include "gossamer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *tensor_memory(const gossamer_tensor *t) {
    void *memory = calloc(1, t->bytes ? (size_t)t->bytes : 1);
    if (!memory) {
        fprintf(stderr, "no memory for %s\n", t->name);
        exit(1);
    }
    return memory;
}

static void read_file(const char *name, const gossamer_tensor *t, void *memory) {
    FILE *file = fopen(name, "rb");
    if (!file || fread(memory, 1, (size_t)t->bytes, file) != (size_t)t->bytes || fgetc(file) != EOF) {
        fprintf(stderr, "%s: cannot be read, or is not the %lld raw bytes of %s\n", name, (long long)t->bytes, t->name);
        exit(1);
    }
    fclose(file);
}

static void print_tensor(const gossamer_tensor *t, const void *memory) {
    printf("%s %s[", t->name, t->dtype);
    for (int32_t i = 0; i < t->rank; i++) printf(i ? ",%lld" : "%lld", (long long)t->shape[i]);
    printf("]\n");
    if (!strcmp(t->dtype, "float32"))
        for (int64_t i = 0; i < t->bytes / 4; i++) printf("%.9g\n", (double)((const float *)memory)[i]);
    else
        for (int64_t i = 0; i < t->bytes; i++) printf("%02x\n", ((const unsigned char *)memory)[i]);
}

int main(int count, char **names) {
    if (count < 2) {
        fprintf(stderr, "usage: %s FOLDER [FILE ...]\n", names[0]);
        return 1;
    }
    gossamer_net *net = gossamer_open(names[1], 0);
    if (!net) {
        fprintf(stderr, "%s\n", gossamer_error());
        return 1;
    }
    int32_t given = gossamer_inputs(net), wanted = gossamer_outputs(net);
    const void **inputs = calloc((size_t)given + 1, sizeof *inputs);
    void **outputs = calloc((size_t)wanted + 1, sizeof *outputs);
    for (int32_t i = 0; i < given; i++) {
        void *memory = tensor_memory(gossamer_input(net, i));
        if (i + 2 < count) read_file(names[i + 2], gossamer_input(net, i), memory);
        inputs[i] = memory;
    }
    for (int32_t i = 0; i < wanted; i++) outputs[i] = tensor_memory(gossamer_output(net, i));
    int failed = gossamer_run(net, inputs, outputs);
    if (failed) fprintf(stderr, "%s\n", gossamer_error());
    for (int32_t i = 0; i < wanted && !failed; i++) print_tensor(gossamer_output(net, i), outputs[i]);
    for (int32_t i = 0; i < given; i++) free((void *)inputs[i]);
    for (int32_t i = 0; i < wanted; i++) free(outputs[i]);
    free(inputs);
    free(outputs);
    gossamer_close(net);
    return failed != 0;
}
