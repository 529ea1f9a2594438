"""The networks as files, made once in a folder and read by every engine.

    NET/fp32.onnx          the zoo's network with batch norms folded (what torch.onnx writes by default)
    NET/int8.onnx          the same by onnxruntime.quantization: QDQ, int8 weights per channel, uint8 activations
    NET/s8s8.onnx          the same with symmetric int8 activations
    NET/weights.pt         the weights for torch         NET/input.npy      one random input
    NET/fp32.npy, ...      onnxruntime's output of the file with all graph optimisations off

int8 ranges are calibrated on random inputs, which says nothing about accuracy and does not change the speed.
Run as a process, so that neither torch nor onnx stays in the driver:

    python -m benchmarks.runtimes.models NET PRECISION FOLDER
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PRECISIONS = ("fp32", "int8", "s8s8")
INPUT = "x"
CALIBRATION_INPUTS = 4


@dataclass(frozen=True)
class Net:
    """`zoo` and `size` name it there ("" for a user's ONNX file); `counted`: does it enter the geometric means?"""

    name: str
    title: str
    zoo: str = ""
    size: int | None = None
    cnn: bool = True
    counted: bool = True


NETS = {
    net.name: net
    for net in (
        Net("resnet18", "ResNet-18", "resnet18"),
        Net("resnet50", "ResNet-50", "resnet50"),
        Net("mobilenet_v2", "MobileNetV2", "mobilenet_v2"),
        Net("mobilenet_v3", "MobileNetV3-L", "mobilenet_v3"),
        Net("efficientnet_b0", "EfficientNet-B0", "efficientnet_b0"),
        Net("squeezenet", "SqueezeNet 1.1", "squeezenet"),
        Net("resnet8", "ResNet-8 (MLPerf Tiny)", "resnet8"),
        Net("mobilenet_v1", "MobileNetV1 0.25 (MLPerf Tiny)", "mobilenet_v1_025"),
        Net("unet2d", "U-Net 128x128", "unet2d", 128),
        Net("deit_tiny", "DeiT-tiny", "deit_tiny", cnn=False),
        Net("vgg11", "VGG-11", "vgg11", counted=False),
        Net("vgg16", "VGG-16", "vgg16", counted=False),
    )
}


def prepared(net: Net, precision: str, folder: Path) -> Path:
    """The folder with the network's files, made where they are missing. Raises RuntimeError with the reason."""
    own = folder / net.name
    if not (own / f"{precision}.npy").exists():
        command = [sys.executable, "-m", "benchmarks.runtimes.models", net.name, precision, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{net.title}, {precision}: its file cannot be made: {_last(done.stderr)}")
    return own


def adopted(file: Path, folder: Path) -> Net:
    """A user's ONNX file as a network of its own."""
    net = Net(file.stem, file.stem, counted=False)
    own = folder / net.name
    own.mkdir(parents=True, exist_ok=True)
    target = own / "fp32.onnx"
    if not target.exists() or target.read_bytes() != file.read_bytes():
        for old in own.glob("*.*"):
            old.unlink()
        target.write_bytes(file.read_bytes())
    return net


def make(name: str, precision: str, folder: Path) -> None:
    """Write what is missing of a network in one precision."""
    own, net = folder / name, NETS.get(name, Net(name, name))
    own.mkdir(parents=True, exist_ok=True)
    if not (own / "fp32.onnx").exists():
        _from_zoo(net, own)
    _make_input(own)
    if precision != "fp32" and not (own / f"{precision}.onnx").exists():
        _quantise(own, precision)
    _run_reference(own, precision)


def _from_zoo(net: Net, own: Path) -> None:
    import torch

    from gossamer.frontends import zoo

    model = zoo.build(net.zoo)
    torch.save(model.state_dict(), own / "weights.pt")
    zoo.save_onnx(model, own / "fp32.onnx", zoo.input_shape(net.zoo, net.size), fold_bn=True)


def _make_input(own: Path) -> None:
    if not (own / "input.npy").exists():
        (port,) = _session(own / "fp32.onnx").get_inputs()
        if port.type != "tensor(float)" or not all(isinstance(n, int) for n in port.shape):
            raise ValueError(f"needed one float input of a fixed shape, found {port.type} {port.shape}")
        np.save(own / "input.npy", _samples(port.shape, 1)[0])


def _samples(shape, count):
    return np.random.default_rng(7).standard_normal((count, *shape)).astype(np.float32)


def _quantise(own: Path, precision: str) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared_file = own / "preprocessed.onnx"
    quant_pre_process(own / "fp32.onnx", prepared_file)
    symmetric = precision == "s8s8"
    quantize_static(
        prepared_file, own / f"{precision}.onnx", _Calibration(prepared_file),
        quant_format=QuantFormat.QDQ, per_channel=True, weight_type=QuantType.QInt8,
        activation_type=QuantType.QInt8 if symmetric else QuantType.QUInt8,
        extra_options={"ActivationSymmetric": symmetric},
    )  # fmt: skip
    prepared_file.unlink()


class _Calibration:
    """What onnxruntime's quantiser asks its inputs of."""

    def __init__(self, file: Path) -> None:
        (port,) = _session(file).get_inputs()
        self._left = [{port.name: sample} for sample in _samples(port.shape, CALIBRATION_INPUTS)]

    def get_next(self):
        return self._left.pop() if self._left else None


def _run_reference(own: Path, precision: str) -> None:
    session = _session(own / f"{precision}.onnx")
    name = session.get_inputs()[0].name
    np.save(own / f"{precision}.npy", session.run(None, {name: np.load(own / "input.npy")})[0])


def _session(file: Path):
    """onnxruntime doing exactly what the file says, operator by operator."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it says nothing"


if __name__ == "__main__":
    make(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
