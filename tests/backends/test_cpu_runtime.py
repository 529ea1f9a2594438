"""The run time in C by itself: networks of kernels written by hand, linked and run without a code generator."""

import ctypes
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from gossamer.backends.cpu import linking
from gossamer.backends.cpu.copies import View, copy_boxes
from gossamer.backends.cpu.linking import RUNTIME, link, objects_of_runtime
from gossamer.backends.cpu.manifest import LIBRARY, Port
from gossamer.backends.cpu.memory import Interval
from gossamer.backends.cpu.native import Library, Net
from gossamer.backends.cpu.network import Network, Task, network_source, placed_network
from gossamer.backends.cpu.params import write_params
from gossamer.backends.cpu.tensors import Buffer, Copy, Fill, Launch, Loop
from gossamer.codegen.tvm.forms import Storage
from gossamer.codegen.tvm.layout import Layout
from gossamer.ir.errors import BackendError
from gossamer.ir.types import F32, I32, I64, U8, TensorType

KERNELS = """
#include <stdint.h>

/* y[i] = x[i] + w[i]; the thread's own memory must stay its own while others work */
void add(int32_t begin, int32_t end, void *scratch, void *x, void *w, void *y) {
    volatile int32_t *own = scratch;
    for (int32_t i = begin; i < end; i++) {
        own[0] = i;
        for (volatile int k = 0; k < 50; k++) own[1 + k % 15] = i;
        int32_t sum = ((int32_t *)x)[i] + ((int32_t *)w)[i];
        ((int32_t *)y)[i] = own[0] == i && own[9] == i ? sum : -1;
    }
}

/* z[i] = z[i] + 1: tells how often every task has run */
void once(int32_t begin, int32_t end, void *scratch, void *z) {
    (void)scratch;
    for (int32_t i = begin; i < end; i++) ((int32_t *)z)[i]++;
}

void halve(int32_t begin, int32_t end, void *scratch, void *x, void *y) {
    (void)scratch;
    for (int32_t i = begin; i < end; i++) ((float *)y)[i] = ((float *)x)[i] / 2;
}
"""

PROGRAM = """
#include "gossamer.h"
#include <pthread.h>
#include <stdio.h>

enum { N = 20000, RUNS = 200 }; /* so many that threads share their copying */
static const char *folder;
static int32_t x[N];

/* Runs the net that is given, which others run too, or one of its own, whose every result is known. */
static void *job(void *given) {
    gossamer_net *net = given ? given : gossamer_open(folder, 4);
    int32_t y[N], z[N];
    const void *inputs[] = {x};
    void *outputs[] = {y, z};
    if (!net) return "open";
    for (int i = 1; i <= RUNS; i++) {
        if (gossamer_run(net, inputs, outputs)) return "run";
        for (int k = 0; k < N; k++)
            if (y[k] != 3 * k || (!given && z[k] != i)) return "result";
        if (!given && i % 50 == 0 && gossamer_set_threads(net, 1 + i / 50)) return "threads";
    }
    if (!given) gossamer_close(net);
    return NULL;
}

int main(int count, char **names) {
    folder = names[count - 1];
    gossamer_net *net = gossamer_open(folder, 3);
    pthread_t threads[4];
    int bad = 0;
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, job, i < 2 ? net : NULL);
    for (int i = 0; i < 4; i++) {
        void *why;
        pthread_join(threads[i], &why);
        if (why) puts(why), bad = 1;
    }
    gossamer_close(net);
    return bad;
}
"""

N = 20000


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "kernels.c").write_text(KERNELS)
    flags = ["-O2", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([linking.compiler(), *flags, "-c", "kernels.c", "-o", "kernels.o"], cwd=folder, check=True)
    return folder / "kernels.o"


def ints(*shape):
    return Buffer(Storage(Layout.plain(shape), "int32"))


def port(name, shape, buffer, dtype=I32, layout=None):
    return Port(name, TensorType(dtype, shape), buffer, layout or Layout.plain(shape))


def counting(threads=2, features=()) -> Network:
    """x, w (a parameter) -> y = x + w, and z, which counts the runs."""
    held = Buffer(Storage(Layout.plain((N,)), "int32"), param=True)
    buffers = [ints(N), held, ints(N), ints(N)]
    lives = [Interval(b.bytes, 0, 9) for b in buffers]
    tasks = {"add": Task("add", N, 64, False), "once": Task("once", N, 0, False)}
    actions = (Launch("add", 0, (0, 1, 2)), Launch("once", 1, (3,)))
    outputs = (port("y", (N,), 2), port("z", (N,), 3))
    return placed_network(
        (port("x", (N,), 0),), outputs, buffers, lives, actions, tasks, threads, "test cpu", tuple(features)
    )


def built(folder: Path, network: Network, kernels: Path, held=None) -> Library:
    link(folder, network, (kernels, *objects_of_runtime(folder)))
    library = Library(folder / LIBRARY)
    write_params(folder, network, held or {}, library)
    return library


W = np.arange(N, dtype=np.int32) * 3


@pytest.fixture
def counted(tmp_path, kernels):
    return built(tmp_path, counting(), kernels, {1: W}), tmp_path


def run(net, x):
    y, z = np.empty(N, np.int32), np.empty(N, np.int32)
    net.run([x], [y, z])
    return y, z


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_every_task_runs_once_on_memory_of_its_thread(counted, threads):
    net = Net(*counted, threads)
    assert net.threads == threads
    for i in range(1, 60):
        x = np.full(N, i, np.int32)
        y, z = run(net, x)
        assert np.array_equal(y, x + W) and np.array_equal(z, np.full(N, i))


def test_the_count_of_threads_changes_between_runs(counted):
    net = Net(*counted)
    for i, threads in enumerate((2, 1, 4, 3), start=1):
        net.threads = threads
        assert net.threads == threads and net.allocated()[1] == 64 * threads
        assert (run(net, np.zeros(N, np.int32))[1] == i).all()


def test_what_is_allocated_is_what_was_planned(counted):
    network = counting()
    net = Net(*counted)
    assert net.allocated() == (network.arena_bytes, 2 * network.scratch_bytes, network.params_bytes)
    assert network.arena_bytes == 3 * 4 * N and network.scratch_bytes == 64 and network.params_bytes == 4 * N


def in_threads(*jobs):
    failed = []

    def guarded(job):
        try:
            job()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed


def test_nets_open_run_and_close_at_the_same_time(counted):
    def use():
        for _ in range(5):
            net = Net(*counted)
            for i in range(1, 10):
                assert (run(net, np.zeros(N, np.int32))[1] == i).all()
            net.close()

    in_threads(*[use] * 4)


def test_runs_of_one_net_wait_for_each_other(counted):
    net = Net(*counted)

    def use():
        for i in range(50):
            assert np.array_equal(run(net, np.full(N, i, np.int32))[0], W + i)

    in_threads(*[use] * 4)
    assert (run(net, W)[1] == 201).all()


def ended(process, seconds):
    """The status a process ends with; one that hangs is killed."""
    for _ in range(seconds * 100):
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return status
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1]


def test_a_fork_runs_alone_and_closes(counted):
    """The child of a fork has none of the threads: it must neither wait for them nor join them."""
    net = Net(*counted)
    run(net, W)
    child = os.fork()
    if child == 0:
        y, z = run(net, W)
        net.close()
        os._exit(0 if np.array_equal(y, 2 * W) and (z == 2).all() else 1)
    assert ended(child, 20) == 0
    assert (run(net, W)[1] == 2).all()


@pytest.mark.slow
def test_a_fork_in_the_middle_of_a_run_runs_alone(counted):
    """The net's lock is held by a thread that the child does not have."""
    net, stop = Net(*counted), threading.Event()

    def busy():
        while not stop.is_set():
            run(net, W)

    other = threading.Thread(target=busy)
    other.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                os._exit(0 if np.array_equal(run(net, W)[0], 2 * W) else 1)
            assert ended(child, 5) == 0
    finally:
        stop.set()
        other.join()


def test_too_many_threads_are_refused(counted):
    with pytest.raises(BackendError, match="300 threads, at most 256 can work"):
        Net(*counted, 300)


def test_launches_are_timed(counted):
    net = Net(*counted)
    y = np.empty(N, np.int32)
    seconds = net.run([W], [y, y.copy()], timed=True)
    assert seconds.shape == (2,) and (seconds > 0).all()


def test_a_cpu_without_the_features_is_refused(tmp_path, kernels):
    library = built(tmp_path, counting(features=("sse2", "avx9000")), kernels, {1: W})
    with pytest.raises(
        BackendError, match="made for a test cpu, this machine lacks its avx9000; compile it again here"
    ):
        Net(library, tmp_path)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="names of x86 extensions")
def test_features_are_those_the_system_reports(tmp_path, kernels):
    flags = set(Path("/proc/cpuinfo").read_text().split("flags")[1].splitlines()[0].split())
    names = {"avx": "avx", "avx2": "avx2", "fma": "fma", "f16c": "f16c", "bmi2": "bmi2", "sse4.2": "sse4_2",
             "avx512f": "avx512f", "avx512vnni": "avx512_vnni", "avx512bf16": "avx512_bf16", "avxvnni": "avx_vnni",
             "amx-tile": "amx_tile"}  # fmt: skip
    for i, (name, flag) in enumerate(names.items()):
        (folder := tmp_path / str(i)).mkdir()
        library = built(folder, counting(features=(name,)), kernels, {1: W})
        if flag in flags:
            Net(library, folder).close()
        else:
            with pytest.raises(BackendError, match=f"lacks its {name}"):
                Net(library, folder)


def test_missing_memory_is_refused(counted):
    library, folder = counted
    net = Net(library, folder)
    none = (ctypes.c_void_p * 2)(None, None)
    assert library.call.gossamer_profile(net._net, none, none, None) != 0
    assert library.error() == "input 'x' is NULL"
    net.close()
    with pytest.raises(BackendError, match="has been closed"):
        run(net, W)


def test_parameters_given_as_memory(counted):
    library, folder = counted
    data = (folder / "params.bin").read_bytes()
    room = np.zeros(len(data) + 64, np.uint8)
    start = -room.ctypes.data % 64
    held = room[start : start + len(data)]
    held[:] = np.frombuffer(data, np.uint8)
    opening = library.call.gossamer_open_memory
    opening.restype, opening.argtypes = ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32)
    net = opening(held.ctypes.data, len(data), 1)
    x, y, z = W.copy(), np.empty(N, np.int32), np.empty(N, np.int32)
    given, taken = (ctypes.c_void_p * 1)(x.ctypes.data), (ctypes.c_void_p * 2)(y.ctypes.data, z.ctypes.data)
    assert library.call.gossamer_profile(net, given, taken, None) == 0 and np.array_equal(y, 2 * W)
    library.call.gossamer_close(net)
    assert opening(held.ctypes.data + 4, len(data) - 4, 1) is None and "not aligned" in library.error()
    assert opening(held.ctypes.data, len(data) - 64, 1) is None and "too short" in library.error()


def test_loops_frames_and_layouts(tmp_path, kernels):
    """Every row of x, framed, is halved; backwards, so that the state ends as the first row's half."""
    shape, layout = (3, 4), Layout.plain((3, 4)).with_halo((0, 1), (0, 1), 7.0)
    rows = Storage(Layout.plain((4,)), "float32")
    stack = Buffer(Storage(layout, "float32"))
    buffers = [Buffer(Storage(Layout.plain(shape), "float32")), Buffer(rows), Buffer(rows), stack, Buffer(rows)]
    row, whole = View.of(rows.layout), View.of(Layout.plain(shape))
    one, step = whole.slices()
    inside, wide = View.of(layout).slices()
    body = (
        Copy(0, 1, 0, copy_boxes(row, one), source_step=step),
        Launch("halve", 0, (1, 2)),
        Copy(0, 3, 2, copy_boxes(inside, row), to_step=wide),
        Copy(0, 4, 2, copy_boxes(row, row)),
    )
    network = placed_network(
        (port("x", shape, 0, F32),),
        (port("framed", (3, 6), 3, F32), port("halves", shape, 3, F32, layout), port("last", (4,), 4, F32)),
        buffers, [Interval(b.bytes, 0, 9) for b in buffers], (Fill(0, 3), Loop(0, 3, True, body)),
        {"halve": Task("halve", 4, 0, True)}, 1, "test cpu", (),
    )  # fmt: skip
    net = Net(built(tmp_path, network, kernels), tmp_path)
    x = np.arange(12, dtype=np.float32).reshape(shape)
    outputs = [np.empty((3, 6), np.float32), np.empty(shape, np.float32), np.empty(4, np.float32)]
    net.run([x], outputs)
    assert np.array_equal(outputs[0], np.pad(x / 2, ((0, 0), (1, 1)), constant_values=7))
    assert np.array_equal(outputs[1], x / 2) and np.array_equal(outputs[2], x[0] / 2)


@pytest.mark.slow
@pytest.mark.parametrize("check", ["thread", "address,undefined"])
def test_sanitizers_find_nothing(counted, tmp_path, check):
    """Nets shared and not, opened, run, changed and closed at the same time."""
    sources = {"kernels.c": KERNELS, "main.c": PROGRAM, "network.c": network_source(counting(4))}
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    command = [linking.compiler(), "-g", "-O1", f"-fsanitize={check}", f"-I{RUNTIME}", *sources]
    files = [str(file) for file in RUNTIME.glob("*.c") if file.name != "example.c"]
    made = subprocess.run([*command, *files, "-o", "main", "-pthread"], cwd=tmp_path, capture_output=True, text=True)
    if "cannot find" in made.stderr and "san" in made.stderr:
        pytest.skip("no sanitizers here")
    assert made.returncode == 0, made.stderr
    done = subprocess.run([tmp_path / "main", tmp_path], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("fill", [0.0, -2.5])
@pytest.mark.parametrize("shape", [(1, 2, 3, 4), (2, 40, 30, 30)])
def test_frames_are_written_by_all_threads(tmp_path, kernels, shape, fill):
    layout = Layout.blocked(shape, 1, 16).with_halo((0, 0, 1, 2), (0, 0, 3, 1), fill)
    buffers = [Buffer(Storage(layout, "float32")), Buffer(Storage(Layout.plain(shape), "float32"))]
    ports = (port("x", shape, 0, F32, layout),), (port("y", layout.shape, 0, F32),)
    lives = [Interval(b.bytes, 0, 9) for b in buffers]
    copy = Copy(0, 1, 0, copy_boxes(View.dense(shape), View.of(layout)))
    network = placed_network(*ports, buffers, lives, (Fill(0, 0, surplus=True), copy), {}, 3, "test cpu", ())
    x, y = np.random.default_rng(0).random(shape, np.float32), np.empty(layout.shape, np.float32)
    Net(built(tmp_path, network, kernels), tmp_path).run([x], [y])
    assert np.array_equal(y, layout.pack(x))


SHAPES = [(70001,), (3, 70001), (3, 251, 257), (2, 3, 161, 167), (1, 20, 61, 67)]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", [U8, F32, I64], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_large_arrays_are_copied_in_parts(tmp_path, kernels, shape, dtype, threads):
    """Through a frame, or through blocks of channels, and back."""
    frame = tuple(range(1, len(shape) + 1))
    framed = Layout.plain(shape).with_halo(frame, frame, 0.0)
    layout = Layout.blocked(shape, 1, 16) if shape[:2] == (1, 20) else framed
    ports = (port("x", shape, 0, dtype, layout),), (port("y", shape, 0, dtype, layout),)
    buffers = [Buffer(Storage(layout, dtype.numpy.name))]
    network = placed_network(*ports, buffers, [Interval(buffers[0].bytes, 0, 9)], (), {}, threads, "test cpu", ())
    net = Net(built(tmp_path, network, kernels), tmp_path)
    for seed in range(3):
        x = np.random.default_rng(seed).integers(0, 256, shape).astype(dtype.numpy)
        y = np.empty_like(x)
        net.run([x], [y])
        assert np.array_equal(x, y)


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_the_sources_compile_without_a_warning(tmp_path, name):
    if shutil.which(name) is None:
        pytest.skip(f"no {name} here")
    (tmp_path / "network.c").write_text(network_source(counting()))
    strict = ["-std=c11", "-O2", "-fPIC", "-Wall", "-Wextra", "-Werror", f"-I{RUNTIME}"]
    for source in (*RUNTIME.glob("*.c"), tmp_path / "network.c"):
        done = subprocess.run([name, *strict, "-c", source, "-o", tmp_path / "made.o"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_without_a_compiler_it_says_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        BackendError, match=r"no C compiler on PATH \(cc, gcc, clang\), needed to link kernels; install"
    ):
        objects_of_runtime(tmp_path)


def test_the_runtime_is_compiled_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = objects_of_runtime(tmp_path)
    times = [path.stat().st_mtime_ns for path in first]
    assert objects_of_runtime(tmp_path) == first and [path.stat().st_mtime_ns for path in first] == times
    assert all((tmp_path / "cache") in path.parents for path in first)


def test_a_cache_that_cannot_be_written_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert all(path.is_file() and tmp_path in path.parents for path in objects_of_runtime(tmp_path))
