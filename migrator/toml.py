"""A TOML file read into its pydantic model; what is wrong is told with file, line and the nearest known key."""

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from migrator.errors import Param, Reason, UsageError

Where = tuple[str | int, ...]
"""The keys that lead to a value, as pydantic's `loc` gives them: names for tables, numbers for arrays."""

Model = TypeVar("Model", bound=BaseModel)


class Toml:
    """A parsed TOML file that still knows on which line each key stands."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises UsageError where it cannot be read or is no TOML."""
        self.path = path
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise UsageError(Reason("toml.unreadable", file=str(path), answer=error.strerror)) from error
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise UsageError(Reason("toml.not-utf-8", file=str(path), line=line)) from error
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(_not_toml(path, text, str(error))) from error
        self._text = text

    @cached_property
    def _lines(self) -> dict[Where, int]:
        return _lines(self._text)

    def line(self, where: Where) -> int:
        """The line of the innermost key on the way to `where` that the file spells out; 1 where it spells none."""
        return next((self._lines[where[:end]] for end in range(len(where), 0, -1) if where[:end] in self._lines), 1)

    def at(self, where: Where) -> dict[str, Param]:
        """The parameters of every Reason about a value of this file: file, line and key."""
        return {"file": str(self.path), "line": self.line(where), "key": _spelled(where)}

    def read(
        self,
        model: type[Model],
        value: Mapping[str, Any] | None = None,
        *,
        at: Where = (),
        also: Iterable[str] = (),
        **context: Any,
    ) -> Model:
        """Validate the file, or the part `value` of it that stands `at` those keys; no unknown key passes.

        `also` are keys that somebody else reads beside the model's own; `context` is what the model's validators find
        in `info.context`. Raises UsageError about the first mistake.
        """
        given = self.data if value is None else value
        try:
            return model.model_validate(given, extra="forbid", context=context)
        except ValidationError as error:
            mistakes = error.errors(include_url=False, include_input=False, include_context=True)
        first = min(mistakes, key=self._rank(mistakes, at))
        where = self._written((*at, *first["loc"]))
        if first["type"] == "missing":
            where = (*where, first["loc"][-1])
        known = [*_known(model, first["loc"][:-1]), *(also if len(first["loc"]) == 1 else ())]
        raise UsageError(self._mistake(first["type"], where, first["msg"], first.get("ctx", {}), known)) from None

    def _rank(self, mistakes: list[ErrorDetails], at: Where) -> Callable[[ErrorDetails], tuple[int, int, int]]:
        """Which mistake to tell first: one misspelt key is unknown here and missing there, so unknown before missing;
        of a union, the branch that fits best; then the earlier line."""
        kinds = {"extra_forbidden": 0, "missing": 2}
        beside = Counter(each["loc"][:-1] for each in mistakes)
        return lambda each: (
            kinds.get(each["type"], 1),
            beside[each["loc"][:-1]],
            self.line(self._written((*at, *each["loc"]))),
        )

    def _written(self, where: Where) -> Where:
        """Pydantic's `loc` without what the file does not spell out: the names of a union's branches, missing keys."""
        inner: Any = self.data
        steps: Where = ()
        for step in where:
            try:
                inner = inner[step]
            except (KeyError, IndexError, TypeError):
                continue
            steps = (*steps, step)
        return steps

    def _mistake(self, kind: str, where: Where, message: str, context: Mapping[str, Any], known: list[str]) -> Reason:
        """Pydantic's finding as a Reason, without the value: it could be a secret in the wrong line."""
        here = self.at(where)
        if kind == "extra_forbidden":
            return unknown_key(here, str(where[-1]), known)
        if kind == "missing":
            return Reason("toml.key-missing", **{**here, "key": str(where[-1]), "table": _spelled(where[:-1]) or "-"})
        if kind == "union_tag_not_found":
            return Reason(
                "toml.key-missing", **{**here, "key": str(context["discriminator"]).strip("'"), "table": here["key"]}
            )
        if kind in ("literal_error", "enum", "union_tag_invalid"):
            expected = context.get("expected", context.get("expected_tags"))
            allowed = ", ".join(re.findall(r"'([^']*)'", str(expected)))
            return Reason("toml.not-one-of", **here, allowed=allowed)
        if kind == "model_type" and context.get("class_name") == "Secret":
            return Reason("toml.secret-by-value", **here)
        if wanted := WANTED.get(kind.removesuffix("_parsing").removesuffix("_type")):
            return Reason(wanted, **here)
        return Reason("toml.wrong-value", **here, answer=message.removeprefix("Value error, "))


WANTED = {
    "string": "toml.want-string",
    "path": "toml.want-string",
    "int": "toml.want-integer",
    "int_from_float": "toml.want-integer",
    "float": "toml.want-number",
    "bool": "toml.want-boolean",
    "list": "toml.want-array",
    "tuple": "toml.want-array",
    "set": "toml.want-array",
    "frozen_set": "toml.want-array",
    "dict": "toml.want-table",
    "mapping": "toml.want-table",
    "model": "toml.want-table",
    "model_attributes": "toml.want-table",
}
"""Pydantic's error types without `_type` and `_parsing`, and what TOML calls the thing that should stand there."""


def unknown_key(here: Mapping[str, Param], key: str, known: Iterable[str]) -> Reason:
    """That nobody reads this key; names the one that was probably meant, or else all that are read there."""
    known = sorted(known)
    if near := difflib.get_close_matches(key, known, n=1):
        return Reason("toml.unknown-key", **here, nearest=near[0])
    return Reason("toml.unknown-key-of", **here, known=", ".join(known) or "-")


def _not_toml(path: Path, text: str, message: str) -> Reason:
    at = re.search(r"\(at line (\d+), column \d+\)", message)
    line = int(at[1]) if at else text.count("\n") + 1
    return Reason("toml.not-toml", file=str(path), line=line, answer=re.sub(r" \(at .*", "", message))


def _spelled(where: Where) -> str:
    """The dotted key as a person would write it: `targets.rehearsal.port`, `waves."第一陣"`, `rules[2]`."""
    words = ""
    for step in where:
        if isinstance(step, int):
            words += f"[{step + 1}]"
        else:
            words += "." * bool(words) + (step if re.fullmatch(r"[A-Za-z0-9_-]+", step) else f'"{step}"')
    return words


# -- lines -----------------------------------------------------------------------------------------------------------

_STRING = r'"""(?:[^\\]|\\.)*?"{3,5}' + r"|'''.*?'{3,5}" + r'|"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'"
_KEY = re.compile(rf"\s*(?:#[^\n]*\s*)*(\[\[?)?((?:\s*(?:[\w-]+|{_STRING})\s*\.?)+)", re.DOTALL)
_VALUE = re.compile(rf"{_STRING}|#[^\n]*|[\[\]{{}}\n]|[^\"'#\[\]{{}}\n]+", re.DOTALL)


def _lines(text: str) -> dict[Where, int]:
    """Where valid TOML writes each key outside inline values: a scan of our own, because tomllib forgets lines."""
    lines: dict[Where, int] = {}
    table: Where = ()
    arrays: dict[Where, int] = {}
    at = 0
    while found := _KEY.match(text, at):
        line = text.count("\n", 0, found.end() - len(found[2].lstrip())) + 1
        where: Where = (*table, *_names(found[2]))
        if found[1] is not None:
            where = table = _table(_names(found[2]), arrays, entry=found[1] == "[[")
        for end in range(1, len(where)):
            lines.setdefault(where[:end], line)
        lines[where] = line
        at = _end_of_statement(text, found.end())
    return lines


def _names(dotted: str) -> tuple[str, ...]:
    """The names of a dotted key, unquoted, by TOML's own rules."""
    inner: Any = tomllib.loads(f"{dotted.strip()} = 0")
    names = []
    while isinstance(inner, dict):
        ((name, inner),) = inner.items()
        names.append(name)
    return tuple(names)


def _table(names: tuple[str, ...], arrays: dict[Where, int], *, entry: bool) -> Where:
    """The table a header opens; after each array of tables on the way comes the number of the entry that is meant."""
    where: Where = ()
    for position, name in enumerate(names):
        where = (*where, name)
        if entry and position == len(names) - 1:
            arrays[where] = arrays.get(where, -1) + 1
        if where in arrays:
            where = (*where, arrays[where])
    return where


def _end_of_statement(text: str, at: int) -> int:
    depth = 0
    while token := _VALUE.match(text, at):
        at = token.end()
        if token[0] in ("[", "{"):
            depth += 1
        elif token[0] in ("]", "}"):
            depth -= 1
        elif token[0] == "\n" and depth <= 0:
            break
    return at


# -- known keys ------------------------------------------------------------------------------------------------------


def _known(model: type[BaseModel], where: Where) -> list[str]:
    """The keys that the models standing at `where` inside `model` read."""
    here: list[Any] = [model]
    for step in where:
        inner = [part for annotation in here for part in _step(annotation, step)]
        # A step that leads nowhere is pydantic's name for a union's branch.
        here = inner or [part for part in here if _is_called(part, step)] or here
    return [key for part in here if _is_model(part) for key in _fields(part)]


def _step(annotation: Any, step: str | int) -> Iterator[Any]:
    if _is_model(annotation):
        if field := _fields(annotation).get(str(step)):
            yield from _parts(field.annotation)
    elif get_origin(annotation) is dict or isinstance(step, int):
        inner = [part for part in get_args(annotation) if part is not Ellipsis]
        yield from _parts(inner[-1])


def _is_called(part: Any, name: str | int) -> bool:
    """Whether a union's branch is the one that this name tells from the others."""
    return _is_model(part) and any(
        get_origin(field.annotation) is Literal and name in get_args(field.annotation)
        for field in _fields(part).values()
    )


def _parts(annotation: Any) -> Iterator[Any]:
    """The annotation itself, or the branches of a union."""
    if _is_model(annotation) or get_origin(annotation) in (dict, list, tuple, frozenset, set):
        yield annotation
    else:
        for part in get_args(annotation):
            yield from _parts(part)


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
