"""Flavour ``image``: the model is a container of its own, run as a pod through Dagster Pipes.

The contract is that of flavour ``command``. Input and output lie in a folder of the store that is
made for the one day and taken away after it: the container needs to reach nothing
else of ours.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from resources import layout
from resources.fields import Seconds, Text, image_command_part
from resources.kubernetes.pod_config import MEMORY_TAG
from resources.scorers.base import (
    FileScoring,
    ScoringError,
    ScoringJob,
    read_scores,
    reported_metadata,
    write_aligned,
)

if TYPE_CHECKING:
    from dagster import MetadataValue


class ImageScoring(FileScoring):
    """The model is a container image, which reads Parquet and writes Parquet."""

    starts_pods: ClassVar[bool] = True

    flavour: Literal["image"]
    image: str = Field(
        max_length=500,
        pattern=r"^[a-z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$",
        description="Image by its digest: a tag may be given to another image later.",
        examples=[f"registry.lender.example/pd_cards@sha256:{'0' * 64}"],
    )
    command: list[Annotated[Text, AfterValidator(image_command_part)]] = Field(
        min_length=1,
        max_length=1000,
        description="{input} and {output} become paths, or URLs where the store is on S3: "
        "['score', '{input}', '{output}'].",
    )
    timeout_seconds: Seconds = Field(
        3600, description="Seconds after which the container is ended."
    )

    def run(self, job: ScoringJob) -> dict[str, MetadataValue]:
        """Run the container, with the end of its own log in the error if it fails.

        Raises
        ------
        LostPodError
            If its pod is lost on the way: out of memory, evicted, deleted.
        """
        if os.environ.keys().isdisjoint({"KUBERNETES_SERVICE_HOST", "KUBECONFIG"}):
            raise ScoringError(
                "scoring.flavour: found 'image', which runs in Kubernetes only; "
                "run the day in a pod, or set KUBECONFIG"
            )
        from resources.scorers.scoring_pod import ScoringPods, scoring_pod_spec

        features, context, storage = job.features, job.context, job.storage
        assert context is not None
        paths = {
            name: layout.exchange(job.key, job.day, context.run_id, name)
            for name in ("input", "output")
        }
        urls = {name: storage.url(path) for name, path in paths.items()}
        source = f"the {{output}} of {self.image}"
        try:
            with storage.writing(paths["input"]) as local:
                shutil.copyfile(features.path, local)
            pods = ScoringPods(self)
            done = pods.run(
                context=context,
                image=self.image,
                command=[part.format(**urls) for part in self.command],
                base_pod_meta=pods.owner(),
                base_pod_spec=scoring_pod_spec(self, job.pod, context.run.tags.get(MEMORY_TAG)),
                extras={
                    **urls,
                    "key": features.key,
                    "characteristics": list(features.characteristics),
                },
            )
            try:
                with storage.fetched(paths["output"]) as written:
                    scored = read_scores(
                        features.key_field,
                        self.score,
                        str(written),
                        None,
                        source,
                        reasons=self.reasons,
                    )
            except FileNotFoundError:
                raise ScoringError(f"{self.image} succeeded but wrote no {{output}} file") from None
        finally:
            for path in paths.values():
                storage.delete(path)
        write_aligned(features, scored, job.output, source)
        return reported_metadata(done.get_results(implicit_materializations=False))
