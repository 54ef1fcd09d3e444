"""Flavour ``command``: real programs."""

import hashlib
import os
import sys
import time
from pathlib import Path

import pytest

from resources.asset_keys import asset_key
from resources.scorers.base import ScoringError
from resources.scorers.command import CommandScoring
from resources.storage import open_storage
from tests.conftest import YESTERDAY, onboard, rows
from tests.resources.scorers.bench import FEATURES, failure, run_day
from tests.resources.scorers.contract import ScorerContract

COMMAND = {"flavour": "command", "command": [sys.executable, "{artefact}", "{input}", "{output}"]}
READ = "import sys\nimport pyarrow as pa, pyarrow.parquet as pq\nt = pq.read_table(sys.argv[1])\n"
WRITE = "pq.write_table(t, sys.argv[2])\n"


def program(body):
    return (READ + body + WRITE).encode()


SCORED = "t = pa.table({'loan_id': t['loan_id'], 'score': t['age']})\n"


def test_a_program_is_told_where_to_read_and_write(score_anywhere):
    assert score_anywhere(COMMAND, program(SCORED)) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_program_that_knows_of_pipes_is_told_more_and_logs(score, capfd):
    source = b"""
import pyarrow as pa, pyarrow.parquet as pq
from dagster_pipes import open_dagster_pipes
with open_dagster_pipes() as pipes:
    told = pipes.extras
    t = pq.read_table(told["input"], columns=[told["key"], *told["characteristics"]])
    pipes.log.info(f"scoring {len(t)} rows of {told['characteristics']}")
    pq.write_table(pa.table({told["key"]: t[told["key"]], "score": t["age"]}), told["output"])
"""
    assert score(COMMAND, source) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert "scoring 5 rows of ['income', 'age']" in capfd.readouterr().err


def test_a_program_may_write_in_another_order_and_more_columns(score):
    body = "t = pa.table({'loan_id': t['loan_id'], 'pd': t['age'], 'grade': t['age']})\n"
    body += "t = t.take([4, 2, 0, 1, 3])\n"
    assert score(COMMAND | {"score": "pd"}, program(body)) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_score_that_is_missing_stays_missing(score):
    assert score(COMMAND, program(SCORED.replace("age", "income")))[2] is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (SCORED + "t = t.slice(1)\n", "4 rows scored; the features have 5"),
        (SCORED + "t = pa.concat_tables([t, t])\n", "10 rows scored; the features have 5"),
        (SCORED + "t = t.take([0, 1, 2, 3, 3])\n", "1 rows without a score"),
        (SCORED.replace("t['loan_id']", "pa.array(list('abcdx'))"), "1 rows without a score"),
        (SCORED.replace("t['loan_id']", "pa.array([1, 2, 3, 4, 5])"), "5 rows without a score"),
        (SCORED.replace("t['loan_id']", "pa.array([[1]] * 5)"), r"keys of type list<"),
        (SCORED.replace("'score'", "'pd'"), r"no column \['score'\], or not just"),
        (SCORED.replace("t['age']", "pa.array(['high'] * 5)"), "score is string, not a number"),
        ("sys.exit()\n", r"succeeded but wrote no \{output\} file"),
        (
            "open(sys.argv[2], 'w').write('done')\nsys.exit()\n",
            r"the \{output\} of .*: not a readable Parquet",
        ),
    ],
    ids=[
        "too few rows",
        "too many rows",
        "a key twice",
        "an unknown key",
        "keys of another type",
        "keys that are no values",
        "no score",
        "a score that is text",
        "no output",
        "an output that is not Parquet",
    ],
)
def test_a_program_that_does_not_give_one_score_for_each_row_is_refused(score, body, said):
    with pytest.raises(ScoringError, match=said):
        score(COMMAND, program(body))


def test_keys_scored_twice_are_refused(score):
    features = FEATURES.assign(loan_id=list("abcda"))
    body = SCORED + "t = t.take([4, 3, 2, 1, 0])\n"
    with pytest.raises(ScoringError, match="some keys are scored twice"):
        score(COMMAND, program(body), features)


def test_scores_of_other_keys_are_refused_where_a_key_of_the_rows_repeats(score):
    features = FEATURES.assign(loan_id=list("abcda"))
    body = SCORED.replace("t['loan_id']", "pa.array(list('dcbax'))")
    with pytest.raises(ScoringError, match=r"1 scores of keys .* do not have, such as \['x'\]"):
        score(COMMAND, program(body), features)


def test_a_program_that_fails_shows_the_end_of_its_own_stderr(score):
    body = "for n in range(100): print('line', n, file=sys.stderr)\nraise KeyError('grade')\n"
    with pytest.raises(ScoringError) as raised:
        score(COMMAND, program(body))
    said = str(raised.value)
    assert "ended with code 1; its stderr:" in said
    assert said.rstrip().endswith("KeyError: 'grade'")
    assert "line 99" in said
    assert "line 1\n" not in said


def test_a_program_that_fails_in_silence_is_said_to(score):
    with pytest.raises(ScoringError, match=r"ended with code 3; its stderr:\n\(nothing on stderr"):
        score(COMMAND, b"import sys; sys.exit(3)")


def test_a_program_that_cannot_be_started_is_named(score):
    with pytest.raises(ScoringError, match="'no-such-program' cannot be started"):
        score(COMMAND | {"command": ["no-such-program", "{input}"]})


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc")
def test_a_program_that_takes_too_much_memory_with_its_children_is_ended(score, monkeypatch):
    monkeypatch.setenv("MONITORING_MAX_MEMORY", "300Mi")
    source = b"""
import subprocess, sys
subprocess.run([sys.executable, "-c", "a = bytearray(b'x') * 2**30; import time; time.sleep(60)"])
"""
    with pytest.raises(ScoringError, match="took more than 300 MiB of memory and was ended"):
        score(COMMAND, source)


def test_the_deployment_says_how_long_a_program_may_take(score, monkeypatch):
    monkeypatch.setenv("MONITORING_MAX_SECONDS", "1")
    with pytest.raises(ScoringError, match=r"longer than 1 s and was ended; allowed: limits\."):
        score(COMMAND, b"import time; time.sleep(60)")


def test_a_program_that_takes_too_long_ends_with_its_children(score, tmp_path):
    pids = tmp_path / "pids"
    source = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""
    said = r"python[0-9.]* took longer than 2 s and was ended; allowed: scoring\.timeout_seconds"
    with pytest.raises(ScoringError, match=said):
        score(COMMAND | {"timeout_seconds": 2}, source.encode())
    end = time.monotonic() + 30
    while any(map(is_running, pids.read_text().split())):
        assert time.monotonic() < end, "the program or its child is still there"
        time.sleep(0.05)


def is_running(pid):
    """Whether a process runs: one that has ended is there until its parent has waited for it."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def run_day_of(source, lender, instance):
    """Land a version whose model is a program, and run yesterday."""
    lender.publish(
        reference={"path": "reference.parquet", "score": "score"},
        scoring=COMMAND | {"artefact": "score.py", "sha256": hashlib.sha256(source).hexdigest()},
    )
    open_storage(lender.registry.root).write("pd_cards/1/score.py", source)
    lender.deliver(YESTERDAY, rows(1))
    onboard(lender, instance)
    return run_day(lender, instance)


def test_what_a_program_reports_is_metadata_of_the_scores(lender, instance):
    source = program(
        "from dagster_pipes import open_dagster_pipes\n"
        "with open_dagster_pipes() as pipes:\n"
        "    pipes.report_asset_materialization(metadata={'trees': 12})\n"
        "t = t.append_column('age', pa.array([0.5] * len(t)))\n" + SCORED
    )
    assert run_day_of(source, lender, instance).success
    (record,) = instance.fetch_materializations(asset_key("scores"), limit=1).records
    assert record.asset_materialization.metadata["model/trees"].value == 12


def test_the_failed_run_of_a_program_shows_its_stderr(lender, instance):
    source = program("if len(t) < 1000: raise ValueError('no model for the south')\n" + SCORED)
    source = source.replace(b"t['age']", b"pa.array([0.5] * len(t))")
    result = run_day_of(source, lender, instance)
    assert "ValueError: no model for the south" in failure(result)
    assert not lender.store.has("scores", "pd_cards.1", YESTERDAY)


class TestContract(ScorerContract):
    scorer = CommandScoring
    tells_its_environment = True

    def land(self, lender, features):
        told = "import os\nopen(sys.argv[2] + '.environment', 'w').write(str(dict(os.environ)))\n"
        return COMMAND, program(told + SCORED)

    def land_short(self, lender, features):
        return COMMAND, program(SCORED + "t = t.slice(1)\n")
