"""OpenVINO on the ONNX file: its latency hint, fp32 kept fp32, no copies at the border."""

from dataclasses import dataclass

from benchmarks.runtimes.engines import Job, Run


@dataclass(frozen=True)
class OpenVino:
    def version(self) -> str:
        import openvino

        return openvino.__version__.split("-")[0]

    def build(self, job: Job) -> None:
        """It compiles when it loads."""

    def open(self, job: Job) -> Run:
        import openvino

        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": job.threads,
            # a machine with bf16 would otherwise compute something else than was asked for
            "INFERENCE_PRECISION_HINT": "f32",
        }
        core = openvino.Core()
        request = core.compile_model(core.read_model(job.model), "CPU", options).create_infer_request()
        return lambda x: request.infer([x], share_inputs=True, share_outputs=True)[0]
