"""IREE: the ONNX file through its own importer, compiled for this machine, a task worker a thread."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.runtimes.engines import Job, Run

OPTIONS = (
    "--iree-hal-target-device=local",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-cpu=host",
    "--iree-opt-level=O3",
    # by default convolutions stay as ONNX has them, which took three times as long on ResNet-18
    "--iree-preprocessing-pass-pipeline=builtin.module(util.func(iree-preprocessing-convert-conv-to-channels-last))",
    "--iree-opt-data-tiling",
)


@dataclass(frozen=True)
class Iree:
    def version(self) -> str:
        from importlib.metadata import version

        import iree.runtime  # noqa: F401

        return version("iree-base-runtime")

    def build(self, job: Job) -> None:
        program = job.folder / "net.mlir"
        tools = Path(sys.executable).parent
        _call(
            sys.executable, "-m", "iree.compiler.tools.import_onnx", job.model, "--opset-version", "17", "-o", program
        )
        _call(tools / "iree-compile", *OPTIONS, program, "-o", job.folder / "net.vmfb")
        program.unlink()

    def open(self, job: Job) -> Run:
        import iree.runtime as runtime

        runtime.flags.parse_flags(f"--task_topology_group_count={job.threads}")
        module = runtime.load_vm_flatbuffer_file(str(job.folder / "net.vmfb"), driver="local-task")
        (name,) = [n for n in module.vm_module.function_names if not n.startswith("__") and not n.endswith("$async")]
        function = module[name]
        return lambda x: function(x).to_host()


def _call(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error:" in line] or done.stderr.splitlines()[-1:]
        raise RuntimeError(f"{Path(str(command[0])).name}: {errors[0] if errors else done.returncode}")
