"""Flavour ``image``: the model is a container of its own, run as a pod through Dagster Pipes.

The contract is that of flavour ``command``. Input and output lie in a folder of the store that is
made for the one day and taken away after it: the container needs to reach nothing
else of ours.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from dagster import AssetExecutionContext, MetadataValue

from resources.kubernetes.pod_config import MEMORY_TAG
from resources.manifest import ImageScoring, Pod
from resources.scorers.base import (
    FeatureFile,
    ScoringError,
    read_scores,
    reported_metadata,
    write_aligned,
)
from resources.storage import Storage


def score_image(
    features: FeatureFile,
    scoring: ImageScoring,
    pod: Pod,
    storage: Storage,
    paths: Mapping[str, str],
    output: Path,
    context: AssetExecutionContext,
) -> dict[str, MetadataValue]:
    """Run the model's container over a file of features.

    Parameters
    ----------
    features
        What to score.
    scoring
        The manifest's section.
    pod
        What the model asks of Kubernetes.
    storage, paths
        Where ``input`` and ``output`` are exchanged: S3, or a folder that both pods mount.
    output
        Parquet file to write: the key and ``score``.
    context
        The asset's context, for Pipes.

    Returns
    -------
    What the container reported of itself.

    Raises
    ------
    ScoringError
        If there is no Kubernetes here, the container cannot be started, fails (with the end of its
        own log), takes too long or writes anything but one score for each key.
    LostPodError
        If its pod is lost on the way: out of memory, evicted, deleted.
    """
    if os.environ.keys().isdisjoint({"KUBERNETES_SERVICE_HOST", "KUBECONFIG"}):
        raise ScoringError(
            "scoring.flavour: found 'image', which runs in Kubernetes only; "
            "run the day in a pod, or set KUBECONFIG"
        )
    from resources.scorers.scoring_pod import ScoringPods, scoring_pod_spec

    urls = {name: storage.url(path) for name, path in paths.items()}
    source = f"the {{output}} of {scoring.image}"
    try:
        with storage.writing(paths["input"]) as local:
            shutil.copyfile(features.path, local)
        pods = ScoringPods(scoring)
        done = pods.run(
            context=context,
            image=scoring.image,
            command=[part.format(**urls) for part in scoring.command],
            base_pod_meta=pods.owner(),
            base_pod_spec=scoring_pod_spec(scoring, pod, context.run.tags.get(MEMORY_TAG)),
            extras={
                **urls,
                "key": features.key,
                "characteristics": list(features.characteristics),
            },
        )
        try:
            with storage.fetched(paths["output"]) as written:
                scored = read_scores(features, scoring.score, str(written), None, source)
        except FileNotFoundError:
            raise ScoringError(f"{scoring.image} succeeded but wrote no {{output}} file") from None
    finally:
        for path in paths.values():
            storage.delete(path)
    write_aligned(features, scored, output, source)
    return reported_metadata(done.get_results(implicit_materializations=False))
