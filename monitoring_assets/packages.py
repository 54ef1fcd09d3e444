"""The packages of the project beside this one, whatever else an environment calls by their names.

Other projects use the names ``resources`` and ``sensors`` too. In the repository the packages lie
beside ``monitoring_assets``; in the wheel they lie inside it, where no other distribution writes.
Either way a process of ours takes them from there, not from the import path.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

BESIDE = ("airflow_bridge", "resources", "sensors")
HERE = Path(__file__).parent
IN_WHEEL = HERE / "beside"


def folder(package: str) -> Path:
    """Where the modules of a package of ours are."""
    if package == HERE.name:
        return HERE
    return (IN_WHEEL if IN_WHEEL.is_dir() else HERE.parent) / package


def take_beside() -> None:
    """Let the names in ``BESIDE`` mean the project's packages in this process.

    Raises
    ------
    ImportError
        If the process has imported another project's package by one of the names.
    """
    for name in BESIDE:
        ours = folder(name)
        if (loaded := sys.modules.get(name)) is None:
            _load(name, ours)
        elif str(ours) not in (paths := [*getattr(loaded, "__path__", [loaded.__file__])]):
            raise ImportError(
                f"monitoring_assets has a package {name!r}, but this process has imported another "
                f"one from {', '.join(map(str, paths))}; import monitoring_assets first, or give "
                "each its own process, as a location of its own in workspace.yaml does",
                name=name,
            )


def _load(name: str, ours: Path) -> None:
    spec = spec_from_file_location(
        name, ours / "__init__.py", submodule_search_locations=[str(ours)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
