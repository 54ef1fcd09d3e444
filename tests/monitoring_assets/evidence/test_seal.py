"""A seal names each file that was altered, left out or added, and a chain that is broken."""

import json
import shutil

import pytest

from monitoring_assets.evidence.seal import SEAL, find_former, read_seal, verify, write_seal
from resources.errors import InputError


def pack(folder, last="2026-03-31", former=None, model="pd_cards.1"):
    (folder / "tables").mkdir(parents=True)
    (folder / "evidence.html").write_text(f"to {last}")
    (folder / "tables" / "drift.parquet").write_bytes(b"PAR1")
    about = {"model": model, "first": "2026-01-01", "last": last, "made": {"at": "now"}}
    write_seal(folder, about, former)
    return read_seal(folder)


def found(folder, former=None):
    return [(one.what, one.file) for one in verify(folder, former)]


def test_a_pack_as_it_was_written_has_no_difference(tmp_path):
    pack(tmp_path / "q1")
    assert found(tmp_path / "q1") == []


def test_each_file_that_differs_is_named(tmp_path):
    q1 = tmp_path / "q1"
    pack(q1)
    (q1 / "evidence.html").write_text("all was well")
    (q1 / "tables" / "drift.parquet").unlink()
    (q1 / ".hidden").write_text("")
    (q1 / "tables" / "more").symlink_to(tmp_path)
    assert found(q1) == [
        ("altered", "evidence.html"),
        ("missing", "tables/drift.parquet"),
        ("added", ".hidden"),
        ("added", "tables/more"),
    ]


def test_a_link_in_place_of_a_file_is_altered(tmp_path):
    q1 = tmp_path / "q1"
    pack(q1)
    shutil.move(q1 / "evidence.html", tmp_path / "elsewhere.html")
    (q1 / "evidence.html").symlink_to(tmp_path / "elsewhere.html")
    assert found(q1) == [("altered", "evidence.html")]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("2026-03-31", "2026-03-30"),
        lambda text: text.replace('"format": 1', '"format": 1,\n  "format": 1'),
        lambda text: text + "\n",
        lambda text: "[]",
        lambda text: '{"format": 1}',
        lambda text: "no JSON",
    ],
)
def test_a_seal_that_was_altered_is_named(tmp_path, change):
    q1 = tmp_path / "q1"
    pack(q1)
    (q1 / SEAL).write_text(change((q1 / SEAL).read_text()))
    assert found(q1) == [("altered", SEAL)]


def test_a_folder_without_a_seal_is_no_pack(tmp_path):
    with pytest.raises(InputError, match="is no evidence pack"):
        verify(tmp_path)


def test_a_pack_follows_the_one_before_it(tmp_path):
    q1 = pack(tmp_path / "q1")
    q2 = pack(tmp_path / "q2", "2026-06-30", q1)
    assert q2["former"]["sha256"] == q1["sha256"]
    assert found(tmp_path / "q2") == []
    assert found(tmp_path / "q2", tmp_path / "q1" / SEAL) == []
    shutil.move(tmp_path / "q2", tmp_path / "alone" / "q2")
    assert found(tmp_path / "alone" / "q2") == []


def test_a_pack_is_not_the_one_before_itself(tmp_path):
    """Made again for the same period, beside no other: there is nothing to compare with."""
    pack(tmp_path / "again" / "q1", former=pack(tmp_path / "q1"))
    assert found(tmp_path / "again" / "q1") == []


def test_a_former_pack_that_was_made_again_breaks_the_chain(tmp_path):
    pack(tmp_path / "q2", "2026-06-30", pack(tmp_path / "q1"))
    shutil.rmtree(tmp_path / "q1" / "tables")
    seal = json.loads((tmp_path / "q1" / SEAL).read_text())
    write_seal(
        tmp_path / "q1", {name: seal[name] for name in ("model", "first", "last", "made")}, None
    )
    assert found(tmp_path / "q1") == []  # sealed again: by itself it is sound
    assert found(tmp_path / "q2") == [("chain broken", SEAL)]
    assert found(tmp_path / "q2", tmp_path / "q1")[0][0] == "chain broken"


def test_a_pack_that_was_left_out_breaks_the_chain(tmp_path):
    q1 = pack(tmp_path / "q1")
    pack(tmp_path / "q3", "2026-09-30", pack(tmp_path / "q2", "2026-06-30", q1))
    assert found(tmp_path / "q3", tmp_path / "q1")[0][0] == "chain broken"
    assert found(tmp_path / "q1", tmp_path / "q3")[0][0] == "chain broken"


def test_the_newest_pack_of_the_model_that_ended_before_is_the_former(tmp_path):
    pack(tmp_path / "q1")
    pack(tmp_path / "q3", "2026-09-30")
    pack(tmp_path / "other", "2026-04-30", model="pd_auto.1")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / SEAL).write_text("{}")
    former = find_former(tmp_path / "q2", "pd_cards.1", "2026-06-30")
    assert former["last"] == "2026-03-31"
    assert find_former(tmp_path / "q1", "pd_cards.1", "2026-03-31") is None
