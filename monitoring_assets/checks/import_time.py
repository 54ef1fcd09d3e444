"""Keeping what Great Expectations imports, and these checks never use, from being loaded."""

from __future__ import annotations

import importlib.util
import sys


def defer_import(package: str, module: str) -> None:
    """Load ``package.module`` only when something of it is used, with the standard library's means.

    Parameters
    ----------
    package
        A package; it is imported.
    module
        Its submodule.
    """
    name = f"{package}.{module}"
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    deferred = importlib.util.module_from_spec(spec)
    sys.modules[name] = deferred
    spec.loader.exec_module(deferred)
    setattr(sys.modules[package], module, deferred)
