"""The JSON schema of the mapping language, for editors.

Written by `python -m adapters.groupware.schema > mappings/schema.json`.
"""

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from textwrap import dedent

from adapters.groupware.mapping import StoreMapping
from adapters.groupware.values import Shape


def schema() -> str:
    """The text of mappings/schema.json."""
    whole = StoreMapping.model_json_schema()
    parts = whole["$defs"] | {StoreMapping.__name__: whole}
    for shape in _shapes(Shape):
        properties = parts.get(shape.__name__, {}).get("properties", {})
        for parent in reversed(shape.__mro__[:-1]):
            if issubclass(parent, Shape):
                for field, text in _docstrings(parent):
                    if field in properties:
                        properties[field] = dict(sorted({**properties[field], "description": text}.items()))
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _shapes(shape: type[Shape]) -> Iterator[type[Shape]]:
    for each in shape.__subclasses__():
        yield each
        yield from _shapes(each)


def _docstrings(shape: type[Shape]) -> Iterator[tuple[str, str]]:
    """Field and text of what is written below the fields. (pydantic would read the source at every start.)"""
    (written,) = ast.parse(dedent(inspect.getsource(shape))).body
    assert isinstance(written, ast.ClassDef)
    for field, below in pairwise(written.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
            case _:
                pass


if __name__ == "__main__":
    sys.stdout.write(schema())
