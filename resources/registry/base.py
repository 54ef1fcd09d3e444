"""What a model registry of any kind is: versions, and the files of each.

A registry of another kind is one module with a subclass of `ModelRegistry` and a `Files` of its
own, one entry in `resources.registry.REGISTRIES`, and one test class that passes
`tests.resources.registry.contract`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from dagster import ConfigurableResource
from pydantic import Field

from resources.storage import Files, open_path


@dataclass(frozen=True)
class Candidate:
    """A model version as one look at the registry saw it.

    ``folder`` is ``<name>/<version>``, or a folder further down that has a manifest: a fault.
    ``fingerprint`` changes when a file of the version does; it is never empty. The version is
    complete once its manifest, the last file to be written, is there.
    """

    folder: str
    fingerprint: str
    is_complete: bool


class ModelRegistry(ConfigurableResource, ABC):
    """The artifact registry that model versions land in."""

    schemes: ClassVar[tuple[str, ...]]
    """Schemes of the roots that are of this kind; ``file`` is also a root without one."""

    root: str = Field(description="Where the registry is: a local folder or a URL.")

    @abstractmethod
    def candidates(self) -> list[Candidate]:
        """Every version, in the order of the folders, without reading what is large.

        Raises
        ------
        Exception
            If the registry cannot be looked at. What is wrong with one version only is left to
            those who read its files.
        """

    @abstractmethod
    def files(self, folder: str) -> Files:
        """The files of a version, by their paths beside its manifest.

        Neither raises for a version that is not there, nor asks the registry for anything yet.
        """

    def locate(self, folder: str, path: str) -> tuple[Files, str]:
        """Where a path of a manifest leads: beside the manifest, or to a URL of its own."""
        return open_path(path, self.files(folder))
