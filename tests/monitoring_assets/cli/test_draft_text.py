"""The text of a draft: YAML that says what the files say, whatever their columns are called."""

import pandas as pd
import pytest

from resources.manifest import parse_manifest
from tests.monitoring_assets.cli.drafts import applications

AWKWARD = (
    "yes",
    "null",
    "1",
    "1e3",
    "2026-01-01",
    "a: b",
    "a #b",
    "# a",
    "{a}",
    "[a",
    "a, b",
    "- a",
    "*a",
    "it's",
    'a "quoted" one',
    " a ",
    "\\",
    "Einkommen über 1 €",
    "",
)


def parsed(newcomer):
    return parse_manifest(newcomer.text(), "model.yaml")


@pytest.mark.parametrize("name", [one for one in AWKWARD if one])
def test_names_are_read_as_they_are_in_the_file(newcomer, name):
    frame = applications().rename(columns={"income": name, "channel": f"{name}'"})
    newcomer.write("sample.parquet", frame.assign(**{f"{name}.": frame["applied_at"]}))
    done = newcomer.draft("--score", "pd", "--outcome", "bad")
    assert done.exit_code == 0, done.output
    assert parsed(newcomer).features.names == [name, "age", "ratio", f"{name}'"]


@pytest.mark.parametrize("name", [one for one in AWKWARD if one])
def test_options_are_read_as_they_were_given(newcomer, name):
    others = {"loan_id": f"{name}k", "pd": f"{name}s", "bad": f"{name}o"}
    newcomer.write("sample.parquet", applications().rename(columns=others))
    named = ["--key", f"{name}k", "--score", f"{name}s", "--outcome", f"{name}o"]
    done = newcomer.draft(*named)
    assert done.exit_code == 0, done.output
    manifest = parsed(newcomer)
    assert manifest.batch.key == f"{name}k"
    assert (manifest.reference.score, manifest.scoring.score) == (f"{name}s", f"{name}s")
    assert manifest.reference_outcomes == {None: f"{name}o"}


@pytest.mark.parametrize("version", ["1", "2026-09-01", "1.10", "0x10", "v2"])
def test_versions_stay_text(newcomer, version):
    assert newcomer.draft("--score", "pd", "--version", version).exit_code == 0
    assert newcomer.manifest(f"registry/loans/{version}")["version"] == version


def test_each_guess_says_why(newcomer):
    newcomer.draft("--score", "pd", "--outcome", "bad")
    fields = {}
    comment = ""
    for line in newcomer.text().splitlines():
        if line.strip().startswith("#"):
            comment += line.strip(" #") + " "
        else:
            if "Guess: " in comment and "Read each line" not in comment:
                fields[line.strip().partition(":")[0]] = comment.partition("Guess: ")[2]
            comment = ""
    assert set(fields) == {"owner", "deployed_at", "key", "features", "scoring", "range"}
    assert fields["key"] == "no two of the rows looked at have the same loan_id. "
    assert "probabilities" in fields["range"]


def test_what_is_no_characteristic_is_listed_with_the_reason(newcomer):
    newcomer.write(
        "sample.parquet",
        applications().assign(
            score=0.5, words=pd.Series([["a", "b"]] * 500), row=lambda frame: range(len(frame))
        ),
    )
    assert newcomer.draft("--score", "pd", "--outcome", "bad").exit_code == 0
    assert newcomer.columns == ["income", "age", "ratio", "channel"]
    for line in (
        "- applied_at: date",
        "- row: identifier",
        "- score: the name of the model's output",
        "- words: ",
    ):
        assert f"    # {line}" in newcomer.text()


def test_segments_are_suggested(newcomer):
    frame = applications().assign(
        town=[f"town {number % 30}" for number in range(500)], country="UK", age_band="old"
    )
    frame["age_band"] = pd.Categorical(["young", "old"] * 250)
    newcomer.write("sample.parquet", frame)
    newcomer.draft("--score", "pd", "--outcome", "bad")
    text = newcomer.text()
    assert "# - channel: " in text
    assert "# - age_band: old, young\n# segments: [channel, age_band]\n" in text
    # Without the sign before it the suggestion is the field.
    mended = text.replace("# segments: ", "segments: ")
    assert parse_manifest(mended, "model.yaml").segments == ["channel", "age_band"]


def test_the_suggested_outcome_can_be_taken(newcomer):
    newcomer.draft("--score", "pd", "--outcome", "bad")
    head, mark, tail = newcomer.text().partition("# outcome:\n")
    taken = "".join(line.removeprefix("# ") + "\n" for line in (mark + tail).splitlines())
    assert parse_manifest(head + taken, "model.yaml").outcome.maturity == [90]


@pytest.mark.parametrize("name", ["a\nb: c", "a\u2028b: c"])
def test_a_name_of_two_lines_is_refused_and_nothing_is_written(newcomer, name):
    newcomer.write("sample.parquet", applications().rename(columns={"income": name}))
    done = newcomer.draft("--score", "pd", "--outcome", "bad")
    assert done.exit_code == 2
    assert "nothing was written" in done.output
    assert "text in one line" in done.output
