"""The text of a draft: a manifest whose comments say what is a guess, and why."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import yaml

from monitoring_assets.cli.draft import Draft

WIDTH = 100

HEAD = """\
A first manifest, drafted from {sample}. Read each line that says "Guess" and put it right before
the version is onboarded: from then on only owner, outcome, segments, thresholds, checks, schedule,
pod and alerts may change, with a higher `revision`. `monitoring registry schema` has all fields."""

OUTCOME = """\

# Where it is written, later, what became of a day's applicants. Default: none, performance is
# estimated only.
# outcome:
#   path: outcomes/{date}.parquet
#   # Column that is 1 or true for a bad, 0 or false for a good, and null where it is not known yet.
#   column: bad
#   # Days after the batch at which an outcome counts.
#   maturity: [90]
"""


def manifest_text(draft: Draft, name: str, version: str) -> str:
    """The text of ``model.yaml`` for the files beside it, ``reference.parquet`` and ``model.onnx``.

    Parameters
    ----------
    draft
        What the files say.
    name, version
        The model version.
    """
    files = draft.files
    key_why = f" Guess: {draft.key.why}." if draft.key.why else ""
    lines = [
        *_comment(HEAD.format(sample=files.sample_name)),
        "",
        f"name: {_scalar(name)}",
        f"version: {_quoted(version)}",
        "",
        *_comment(f"Who answers for the model. Guess: {draft.owner.why}."),
        f"owner: {_scalar(draft.owner.value)}",
        "",
        *_comment(f"First day that is monitored. Guess: {draft.deployed_at.why}."),
        f"deployed_at: {draft.deployed_at.value}",
        "",
        *_comment(
            "The sample that the model was approved on: every day is compared with it. It has "
            f"{draft.rows:,} rows."
        ),
        "reference:",
        "  path: reference.parquet",
        *_sample_columns(draft),
        "",
        *_comment("Where a day's rows arrive, below MONITORING_LAKE; {date} is the day."),
        "batch:",
        f"  path: {_scalar(files.batch)}",
        *_comment(f"Column that identifies a row.{key_why}", "  "),
        f"  key: {_scalar(draft.key.value)}",
        "",
        *_features(draft),
        "",
        *_scoring(draft),
        *_segments(draft),
    ]
    return "\n".join(lines) + "\n" + OUTCOME


def _sample_columns(draft: Draft) -> Iterable[str]:
    files = draft.files
    if files.score is not None:
        yield from _comment("Column of the sample that already holds the score.", "  ")
        yield f"  score: {_scalar(files.score)}"
    if files.outcome is not None:
        says = "Column of the sample that says what became of each row, 1 or true for a bad."
        yield from _comment(says, "  ")
        column = files.outcome.replace("{", "{{").replace("}", "}}")
        yield f"  outcome: {_scalar(column)}"


def _features(draft: Draft) -> Iterable[str]:
    yield from _comment(
        "The model's characteristics, with the types that they have in the sample. Guess: "
        f"{draft.columns_why}."
    )
    yield "features:"
    yield "  columns:"
    for name, kind in draft.columns.items():
        of_kind = "" if kind == "null" else f", type: {_scalar(kind)}"
        yield f"    - {{name: {_scalar(name)}{of_kind}}}"
    if draft.left_out:
        yield from _comment("Left out:", "    ")
        for name, why in draft.left_out.items():
            yield from _comment(f"- {_scalar(name)}: {why}", "    ")


def _scoring(draft: Draft) -> Iterable[str]:
    files, scores = draft.files, draft.scores
    if draft.model_sha256 is None:
        assert files.score is not None
        yield from _comment(
            "Production has already written the scores. Guess: each day's batch holds them, in "
            "the column that the sample has; name another path if they lie elsewhere."
        )
        yield "scoring:"
        yield "  flavour: scored"
        yield f"  path: {_scalar(files.batch)}"
        yield f"  score: {_scalar(files.score)}"
    else:
        yield from _comment(
            "How rows become scores. Guess: the score is the last column of the graph's last "
            "output; `output` and `output_column` name another."
        )
        yield "scoring:"
        yield "  flavour: onnx"
        yield "  artefact: model.onnx"
        yield f"  sha256: {draft.model_sha256}"
    for warning in draft.warnings:
        yield from _comment(f"Careful: {warning}", "  ")
    yield from _comment(f"Lowest and highest score allowed. Guess: {scores.why}.", "  ")
    yield f"  range: [{scores.lowest}, {scores.highest}]"


def _segments(draft: Draft) -> Iterable[str]:
    if not draft.segments:
        return
    yield ""
    yield from _comment(
        "Columns whose values may be watched apart, as they are text of few values:"
    )
    for name, values in draft.segments.items():
        yield from _comment(f"- {_scalar(name)}: {', '.join(values)}")
    yield f"# segments: [{', '.join(map(_scalar, draft.segments))}]"


def _comment(text: str, indent: str = "") -> list[str]:
    """Lines of a comment; a line break of any kind in a name would end it."""
    start = f"{indent}# "
    return textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _scalar(text: str) -> str:
    """A text as YAML, in quotes only if it needs them anywhere."""
    try:
        is_plain = yaml.safe_load(f"[{text}]") == [text] and yaml.safe_load(f"a: {text}") == {
            "a": text
        }
    except yaml.YAMLError:
        is_plain = False
    return text if is_plain else _quoted(text)


def _quoted(text: str) -> str:
    quoted: str = yaml.safe_dump(text, default_style='"', width=10**9, allow_unicode=True)
    return quoted.rstrip("\n")
