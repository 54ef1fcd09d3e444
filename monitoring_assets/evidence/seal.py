"""The seal of a pack: the hashes of its files, and the pack before it.

Checking needs nothing but the folder: no store, no registry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.errors import InputError
from resources.storage import sha256_of_file

SEAL = "manifest.json"
FORMAT = 1
PERIOD = ("model", "first", "last")


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not what the seal says.

    Parameters
    ----------
    what
        ``altered``, ``missing``, ``added`` or ``chain broken``.
    file
        In the pack, or the seal of the former pack.
    """

    what: str
    file: str
    why: str = ""


def write_seal(folder: Path, about: Mapping[str, Any], former: Mapping[str, Any] | None) -> None:
    """Seal a folder whose files are all written.

    Parameters
    ----------
    about
        What else is sealed: model, first and last day, and what it was made by.
    former
        The seal of the pack before it.
    """
    chain = {name: former[name] for name in (*PERIOD, "sha256")} if former else None
    files = {
        name: {"sha256": sha256_of_file(path), "bytes": path.stat().st_size}
        for name, path in _files(folder)
    }
    seal = {"format": FORMAT, **about, "former": chain, "files": files}
    (folder / SEAL).write_bytes(_text(seal | {"sha256": _hash(seal)}))


def read_seal(file: Path) -> dict[str, Any]:
    """The seal of a pack; ``file`` is the seal or its folder.

    Raises
    ------
    InputError
        If there is none, or it is not as it was written.
    """
    file = file / SEAL if file.is_dir() else file
    seal = _parsed(_read(file))
    if seal is None:
        raise InputError(f"{file} is not a seal as it was written")
    return seal


def find_former(folder: Path, model: str, last: str) -> dict[str, Any] | None:
    """The seal of the newest pack of a model beside a folder that ends before a day.

    Packs that end later are no part of it: an old pack made again has the same chain.
    """
    found = [seal for seal in _beside(folder) if seal["model"] == model and seal["last"] < last]
    return max(found, key=lambda one: (one["last"], one["made"]["at"]), default=None)


def former_beside(folder: Path, chain: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The seals beside a folder that are of the model and period of the pack before it."""
    return [seal for seal in _beside(folder) if all(seal[name] == chain[name] for name in PERIOD)]


def verify(folder: Path, former: Path | None = None) -> list[Difference]:
    """What in a pack differs from its seal; empty if nothing does.

    Parameters
    ----------
    former
        The pack before it or its seal. Without it one that lies beside is used, if there is one.

    Raises
    ------
    InputError
        If the folder has no seal.
    """
    seal = _parsed(_read(folder / SEAL))
    if seal is None:
        return [Difference("altered", SEAL, "it is not what its own hash says")]
    return [*_differing_files(folder, seal["files"]), *_broken_chain(folder, seal, former)]


def _differing_files(folder: Path, sealed: Mapping[str, Any]) -> Iterator[Difference]:
    there = dict(_files(folder))
    for name, one in sealed.items():
        if name not in there:
            yield Difference("missing", name)
        elif not there[name].is_file() or there[name].is_symlink():
            yield Difference("altered", name, "a link or no file")
        elif sha256_of_file(there[name]) != one["sha256"]:
            size = there[name].stat().st_size
            yield Difference("altered", name, f"{size:,} bytes, {one['bytes']:,} were sealed")
    for name in sorted(there.keys() - sealed.keys()):
        yield Difference("added", name)


def _broken_chain(
    folder: Path, seal: Mapping[str, Any], former: Path | None
) -> Iterator[Difference]:
    chain = seal["former"]
    if former is not None:
        if chain is None:
            yield Difference("chain broken", str(former), "the pack follows no other")
            return
        try:
            before = [read_seal(former)]
        except InputError as error:
            yield Difference("chain broken", str(former), str(error))
            return
    elif chain is None:
        return
    else:
        before = former_beside(folder, chain)
    if before and not any(one["sha256"] == chain["sha256"] for one in before):
        period = f"{before[0]['first']} to {before[0]['last']}"
        yield Difference(
            "chain broken",
            str(former or SEAL),
            f"the pack of {before[0]['model']}, {period}, is not the one that this pack follows",
        )


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file but the seal, by its name in the pack; a link is a file, wherever it leads."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name != SEAL and (path.is_symlink() or not path.is_dir()):
            yield name, path


def _beside(folder: Path) -> Iterator[dict[str, Any]]:
    """The seals of the other packs in the folder that a pack is in."""
    for file in sorted(folder.absolute().parent.glob(f"*/{SEAL}")):
        if file.parent != folder.absolute() and (seal := _parsed(file.read_bytes())) is not None:
            yield seal


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file.parent} is no evidence pack: {error}") from error


def _parsed(content: bytes) -> dict[str, Any] | None:
    """A seal that is byte for byte as it was written; else None."""
    try:
        seal = json.loads(content)
        bare = {name: value for name, value in seal.items() if name != "sha256"}
        sound = bare["format"] == FORMAT and seal["sha256"] == _hash(bare) and _is_whole(seal)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    # One that a parser reads in two ways, as with a name twice, is not ours.
    return seal if sound and content == _text(seal) else None


def _is_whole(seal: Mapping[str, Any]) -> bool:
    """Whether all is there that is read of a seal; a `KeyError` or `TypeError` says no as well."""
    chain = seal["former"]
    parts = [*seal["files"].values(), *([chain] if chain else [])]
    texts = [
        seal["made"]["at"],
        *(seal[name] for name in PERIOD),
        *(one["sha256"] for one in parts),
    ]
    return all(isinstance(text, str) for text in texts) and all(
        isinstance(one["bytes"], int) for one in seal["files"].values()
    )


def _hash(seal: Mapping[str, Any]) -> str:
    return hashlib.sha256(_text(seal)).hexdigest()


def _text(seal: Mapping[str, Any]) -> bytes:
    return (json.dumps(seal, indent=2) + "\n").encode()
