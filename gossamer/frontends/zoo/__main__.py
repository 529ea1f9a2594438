"""Write a network of the zoo as ONNX: `python -m gossamer.frontends.zoo resnet18 -o resnet18.onnx`."""

import argparse
import sys
from pathlib import Path

from gossamer.frontends import zoo
from gossamer.ir.errors import GossamerError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m gossamer.frontends.zoo", description=__doc__)
    parser.add_argument("name", help=", ".join(zoo.NAMES))
    parser.add_argument("-o", "--output", type=Path, help="the file to write (default: NAME.onnx)")
    parser.add_argument("--size", type=int, default=224, help="input height and width in pixels (default: 224)")
    parser.add_argument("--batch", type=int, default=1, help="images at a time (default: 1)")
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--width", type=float, default=1.0, help="multiplies every layer's channels (default: 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fold-bn", action="store_true", help="fold batch norms into the convolutions on the way")
    options = parser.parse_args(arguments)
    output: Path = options.output or Path(f"{options.name}.onnx")
    try:
        model = zoo.build(options.name, classes=options.classes, width=options.width, seed=options.seed)
        zoo.save_onnx(model, output, size=options.size, batch=options.batch, fold_bn=options.fold_bn)
    except (GossamerError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(f"wrote {output} ({output.stat().st_size / 1e6:.1f} MB)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
