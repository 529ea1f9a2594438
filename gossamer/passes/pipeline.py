"""Pipelines of passes as text: `fold-bn,fuse,quantize{bits=8},winograd{m=4},tile{target=cpu}`.

    passes = parse_pipeline("fold-constants,simplify,fold-bn,fuse,dce")
    module = run_pipeline(module, passes, after_each=lambda item, module: print(item.name, module, sep="\\n"))

Passes are found by name through the entry-point group `gossamer.passes`, so a package of yours may add one.
`parse_pipeline(print_pipeline(passes)) == passes` for every pipeline whose passes carry no attached data.
"""

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from gossamer.ir.errors import IRError, PassError
from gossamer.ir.graph import Module
from gossamer.ir.registry import PASSES
from gossamer.ir.verify import same_interface, verify
from gossamer.passes.base import Pass
from gossamer.passes.options import Raw, build, written

AfterEach: TypeAlias = Callable[[Pass, Module], None]

_TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,{}()=:"]+)|([,{}()=:]))')


def parse_pipeline(text: str) -> tuple[Pass, ...]:
    """The passes of a pipeline. RegistryError for an unknown pass, PassError for anything else, both with a hint."""
    reader = _Reader(text)
    found: list[Pass] = []
    while not reader.at_end():
        if found:
            reader.expect(",", "between two passes")
        found.append(reader.one_pass())
    return tuple(found)


def print_pipeline(passes: Sequence[Pass]) -> str:
    """The text of a pipeline."""
    return ",".join(written(item) for item in passes)


def run_pipeline(module: Module, passes: "Sequence[Pass] | str", after_each: AfterEach | None = None) -> Module:
    """Run the passes in order; `after_each(pass, module)` sees what each one made.

    What every pass leaves is verified, and must be called from outside as before. PassError (the pass, then what did
    not fit) when a pass refuses or breaks its contract.
    """
    for item in parse_pipeline(passes) if isinstance(passes, str) else passes:
        module = _checked_run(item, module)
        if after_each is not None:
            after_each(item, module)
    return module


def _checked_run(item: Pass, module: Module) -> Module:
    try:
        after = item.run(module)
        if after is not module:
            same_interface(module, verify(after))
    except IRError as error:
        raise PassError(f"{item.name}: {error}") from error
    return after


def standard(target: str, quantized: bool = False) -> tuple[Pass, ...]:
    """The default pipeline for a target: layers in integers, composites, clean up, fold, fuse, the target's schedules
    and layouts.

    With `quantized`, an int8 quantisation stands before the schedules; give it ranges with `Quantize.calibrated`.
    """
    last = f"{'quantize,' if quantized else ''}{'unsigned,' if target == 'cpu' else ''}tile{{target={target}}}"
    last += f",layout{{target={target}}}" if target == "cpu" else ""
    return parse_pipeline(f"fold-qdq,fold-constants{{dequantise=true}},recognise,simplify,fold-bn,dce,fuse,{last}")


def pass_class(name: str) -> type[Pass]:
    """The class of a pass by its name; RegistryError names the nearest one."""
    found = PASSES.load(name)
    if not (isinstance(found, type) and issubclass(found, Pass)):
        owner = PASSES.owner(name)
        raise PassError(f"pass '{name}' from {owner} is {found!r}, needed a subclass of gossamer.passes.base.Pass")
    return found


class _Reader:
    """Reads tokens from the text; every error quotes what was found there."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def at_end(self) -> bool:
        return not self._text[self._at :].strip()

    def one_pass(self) -> Pass:
        name = self._word("the name of a pass")
        return build(pass_class(name), self._options(name))

    def expect(self, mark: str, where: str) -> None:
        if not self._take(mark):
            raise self._error(f"'{mark}' {where}")

    def _options(self, owner: str) -> dict[str, Raw]:
        given: dict[str, Raw] = {}
        if not self._take("{") or self._take("}"):
            return given
        while True:
            name = self._word(f"an option of {owner}")
            self.expect("=", f"after option '{name}'")
            if given.setdefault(name, value := self._value()) is not value:
                raise PassError(f"{owner}: option '{name}' is given twice")
            if not self._take(","):
                break
        self.expect("}", f"at the end of the options of {owner}")
        return given

    def _value(self) -> Raw:
        return self._list() if self._take("(") else self._word("a value")

    def _list(self) -> Raw:
        items: list[Raw] = []
        while not self._take(")"):
            item = [self._word("an item or ')'")]
            while self._take(":"):
                item.append(self._word("a value after ':'"))
            items.append(tuple(item) if len(item) > 1 else item[0])
            if not self._take(","):
                self.expect(")", "at the end of a list")
                break
        return tuple(items)

    def _word(self, wanted: str) -> str:
        match = _TOKEN.match(self._text, self._at)
        if match is None or match[3]:
            raise self._error(wanted)
        self._at = match.end()
        return match[2] or re.sub(r"\\(.)", r"\1", match[1])

    def _take(self, mark: str) -> bool:
        match = _TOKEN.match(self._text, self._at)
        if match is None or match[3] != mark:
            return False
        self._at = match.end()
        return True

    def _error(self, wanted: str) -> PassError:
        rest = self._text[self._at :].strip()
        found = f"'{rest[:20]}'" if rest else "the end"
        return PassError(f"pipeline: expected {wanted}, found {found} in '{self._text}'")
