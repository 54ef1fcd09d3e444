"""Code versions: a hash of what decides an asset's result, so that a rule that changed is seen.

Hashed is the byte code of the asset's module and of every module of ours that it imports, directly
or not. Python keeps byte code beside the source, so reading it takes milliseconds. Comments,
docstrings, layout and the folder of the installation are not in it. Another minor version of
Python makes other byte code, so it makes another code version.
"""

import hashlib
import inspect
import sys
from collections.abc import Iterator
from dis import opmap
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

from monitoring_assets.packages import BESIDE, folder

PACKAGES = ("monitoring_assets", *BESIDE)
# An asset is another one's input: it has a version of its own.
ASSETS = "monitoring_assets.assets."
# What the body of a module or class stores about its source alone.
ABOUT_SOURCE = ("__doc__", "__firstlineno__", "__static_attributes__")
LOAD_CONST, STORE_NAME = opmap["LOAD_CONST"], opmap["STORE_NAME"]


@cache
def code_version(module: str) -> str:
    """The version of a module, twelve hexadecimal digits.

    Parameters
    ----------
    module
        Its name: ``__name__`` in the module itself.
    """
    found, left = dict[str, str](), [module]
    while left:
        name = left.pop()
        if name not in found:
            found[name], imports = _read(name)
            left += [one for one in imports if not one.startswith(ASSETS)]
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(found.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:12]


@cache
def _read(module: str) -> tuple[str, frozenset[str]]:
    """The digest of a module's byte code, and the modules of ours that it imports."""
    files = _files()
    code = SourceFileLoader(module, str(files[module])).get_code(module)
    assert code is not None, f"{module} is not Python source"
    codes = list(_codes(code))
    names = {name for one in codes for name in one.co_names}
    imported = names & files.keys()
    # `from package import module`
    imported |= {f"{package}.{name}" for package in imported for name in names} & files.keys()
    digest = hashlib.sha256(repr([_content(one) for one in codes]).encode()).hexdigest()
    return digest, frozenset(imported)


@cache
def _files() -> dict[str, Path]:
    """Every module of ours, by name."""
    return {
        ".".join(file.relative_to(root.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): file
        for root in map(folder, PACKAGES)
        for file in root.rglob("*.py")
    }


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those of its functions and classes."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _content(code: CodeType) -> tuple[object, ...]:
    """What a code object does, as values whose text is the same in every process."""
    constants = list(code.co_consts)
    for at in _about_source(code):
        constants[at] = None
    return (
        code.co_name,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_code,
        code.co_exceptiontable,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        [_constant(one) for one in constants],
    )


def _about_source(code: CodeType) -> Iterator[int]:
    """Positions of the constants that say something of the source alone."""
    if code.co_flags & inspect.CO_OPTIMIZED:  # a function's body
        if _has_docstring(code):
            yield 0
        return
    steps = code.co_code
    for at in range(2, len(steps), 2):
        is_about = steps[at] == STORE_NAME and code.co_names[steps[at + 1]] in ABOUT_SOURCE
        if is_about and steps[at - 2] == LOAD_CONST:
            yield steps[at - 1]


def _has_docstring(code: CodeType) -> bool:
    if sys.version_info >= (3, 13):
        return bool(code.co_flags & inspect.CO_HAS_DOCSTRING)
    # A function's first constant is its docstring or None; a comprehension's is any.
    return isinstance(next(iter(code.co_consts), None), str) and code.co_name[0] != "<"


def _constant(value: object) -> object:
    if isinstance(value, CodeType):  # hashed on its own
        return None
    if isinstance(value, frozenset):  # without the order, which is another in every process
        return sorted(map(repr, value))
    return [_constant(one) for one in value] if isinstance(value, tuple) else value
