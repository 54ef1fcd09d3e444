"""The model registry: which kinds there are, and what is known of the versions in one."""

from urllib.parse import urlsplit

from resources.judgement.version import Verdict
from resources.registry.base import Candidate, ModelRegistry
from resources.registry.folders import FolderRegistry
from resources.registry.judgement import judge_versions, scan
from resources.registry.mlflow import MlflowRegistry

__all__ = [
    "REGISTRIES",
    "Candidate",
    "ModelRegistry",
    "Verdict",
    "judge_versions",
    "open_registry",
    "scan",
]

REGISTRIES: tuple[type[ModelRegistry], ...] = (
    FolderRegistry,
    MlflowRegistry,
)


def open_registry(root: str) -> ModelRegistry:
    """The registry at a root: a path, or a URL whose scheme says of which kind it is.

    Raises
    ------
    ValueError
        If no kind has the URL's scheme.
    """
    scheme = urlsplit(root).scheme if "://" in root else "file"
    kinds = {one: kind for kind in REGISTRIES for one in kind.schemes}
    if scheme not in kinds:
        allowed = ", ".join(f"{one}://" for one in kinds)
        raise ValueError(
            f"registry {root!r}: found scheme {scheme!r}; allowed: {allowed} or a path"
        )
    return kinds[scheme](root=root)
