"""Write a network of the zoo as ONNX: `python -m gossamer.frontends.zoo resnet18 -o resnet18.onnx`; `--list`."""

import argparse
import sys
from pathlib import Path

from gossamer.frontends import zoo
from gossamer.ir.errors import FrontendError, GossamerError


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        sys.stdout.write(_listed() if options.list else _written(options))
    except GossamerError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"error: {where}cannot be written ({(error.strerror or str(error)).lower()})\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gossamer.frontends.zoo", description=__doc__)
    parser.add_argument("name", nargs="?", help=", ".join(zoo.NAMES))
    parser.add_argument("--list", action="store_true", help="what there is, and each network's input")
    parser.add_argument("-o", "--output", type=Path, help="the file to write (default: NAME.onnx)")
    parser.add_argument("--size", type=int, help="height and width of images, or length (default: see --list)")
    parser.add_argument("--batch", type=int, default=1, help="samples at a time (default: 1)")
    parser.add_argument("--classes", type=int, help="(default: as published)")
    parser.add_argument("--width", type=float, default=1.0, help="multiplies every layer's channels (default: 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--force", action="store_true", help="write over a file that exists")
    parser.add_argument("--fold-bn", action="store_true", help="fold batch norms into the convolutions on the way")
    return parser


def _listed() -> str:
    shapes = {name: "x".join(str(extent) for extent in zoo.input_shape(name)) for name in zoo.NAMES}
    return "".join(f"{name:<18}{shapes[name]:<16}{zoo.ENTRIES[name].about}\n" for name in zoo.NAMES)


def _written(options: argparse.Namespace) -> str:
    if options.name is None:
        raise FrontendError("no network is named; `--list` says which there are")
    output: Path = options.output or Path(f"{options.name}.onnx")
    _check_numbers(options)
    shape = zoo.input_shape(options.name, options.size, options.batch)
    if output.exists() and not options.force:
        raise FrontendError(f"{output}: exists; name a new file, or give --force")
    model = zoo.build(options.name, classes=options.classes, width=options.width, seed=options.seed)
    try:
        zoo.save_onnx(model, output, shape, fold_bn=options.fold_bn)
    except (RuntimeError, ValueError) as error:  # torch's own word for layers that do not fit each other
        size = "x".join(map(str, shape))
        hint = "leave out --size or choose another"
        raise FrontendError(f"{options.name} does not take an input of {size}; {hint}") from error
    return f"wrote {output} ({output.stat().st_size / 1e6:.1f} MB)\n"


def _check_numbers(options: argparse.Namespace) -> None:
    for name in ("size", "batch", "classes", "width"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise FrontendError(f"--{name} is {value}, needed more than 0")


if __name__ == "__main__":
    sys.exit(main())
