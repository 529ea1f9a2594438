"""onnxruntime, as installed: all graph optimisations, its own thread pool."""

from dataclasses import dataclass

from benchmarks.runtimes.engines import Job, Run


@dataclass(frozen=True)
class OnnxRuntime:
    def version(self) -> str:
        import onnxruntime

        return onnxruntime.__version__

    def build(self, job: Job) -> None:
        """It optimises when it loads."""

    def open(self, job: Job) -> Run:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = job.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(job.model), options, providers=["CPUExecutionProvider"])
        name, output = session.get_inputs()[0].name, [session.get_outputs()[0].name]
        return lambda x: session.run(output, {name: x})[0]
