"""Judging the model versions of a registry.

`scan` looks at a registry once and judges every version, reusing what it said before of one in
which nothing changed, so that 300 versions in folders cost one listing and no reads. Each judgement
is a process of its own with a limit of time: a version that hangs or crashes it is rejected, and
the others are not kept waiting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from resources.isolation import Ended, call_each
from resources.judgement.version import Verdict, judge_version, prepare
from resources.manifest import MANIFEST_NAME, FieldFault
from resources.registry.base import Candidate, ModelRegistry
from resources.storage import S3Storage

READERS = 16
# Time to hash some gigabytes; with the time for which a tick begins judgements less than a minute.
LIMIT_SECONDS = 25.0


def scan(
    registry: ModelRegistry, known: Mapping[str, Verdict], *, seconds: float
) -> tuple[dict[str, Verdict], list[str]]:
    """Judge every version of a registry.

    Parameters
    ----------
    known
        Earlier verdicts by folder; one whose fingerprint still holds is not made again.
    seconds
        Stop starting new judgements after this long: hashing large artefacts must not outlast
        a sensor's tick.

    Returns
    -------
    Verdicts by folder, and the folders left for the next scan.
    """
    done, changed = {}, []
    for candidate in registry.candidates():
        before = known.get(candidate.folder)
        if before is not None and before.fingerprint == candidate.fingerprint:
            done[candidate.folder] = before
        elif candidate.is_complete:
            changed.append(candidate)
        else:
            done[candidate.folder] = Verdict(candidate.folder, candidate.fingerprint)
    done |= {one.folder: one for one in judge_versions(registry, changed, seconds=seconds)}
    return done, [one.folder for one in changed if one.folder not in done]


def judge_versions(
    registry: ModelRegistry, candidates: Sequence[Candidate], *, seconds: float
) -> Iterator[Verdict]:
    """Judge complete versions, each in a process of its own, as `scan` does.

    What takes too long or crashes is a fault of its version, and is not judged again before a file
    of the version changes.
    """
    if not candidates:
        return
    versions = [(registry.files(one.folder), one.folder, one.fingerprint) for one in candidates]
    for number, verdict in call_each(
        judge_version,
        versions,
        prepare=(prepare, (isinstance(versions[0][0], S3Storage),)),
        limit=LIMIT_SECONDS,
        seconds=seconds,
        at_once=READERS,
    ):
        candidate = candidates[number]
        if isinstance(verdict, Ended):
            file = registry.files(candidate.folder).url(MANIFEST_NAME)
            allowed = "a version that can be judged; upload its manifest again to have it tried"
            fault = FieldFault(file, "", f"its judgement {verdict.why}", allowed)
            verdict = Verdict(candidate.folder, candidate.fingerprint, faults=(fault,))
        yield verdict
