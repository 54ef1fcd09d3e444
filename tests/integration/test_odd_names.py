"""Names that mean something to a URL, a shell or a pattern: a day is made wherever they stand."""

import hashlib

import pytest

from resources.storage import open_storage
from tests.conftest import YESTERDAY, Lender, job, onboard, rows, seed_of, sigmoid_of_log_income

# A root has any sign; in a path of a batch `?`, `*` and `[` are a pattern's.
ROOT = "größe 1+2=3 50% %20 #4 ?5 [6] & ~'"
PATH = "größe 1+2=3 50% %20 #4 & ~'"


@pytest.mark.parametrize("name", [f"{PATH}/{{date}}.parquet", f"{{date}} {PATH}/*{PATH}.parquet"])
def test_a_day_is_made_of_files_with_odd_names_under_odd_roots(any_lender, instance, name):
    lender = Lender(f"{any_lender.root}/{ROOT}", any_lender.scratch)
    registry, lake = open_storage(lender.registry.root), open_storage(lender.lake.root)
    model = sigmoid_of_log_income()
    lender.put(registry, f"pd_cards/1/sample {PATH}.parquet", rows(0, 2000))
    registry.write(f"pd_cards/1/{PATH}.onnx", model)
    registry.write(f"pd_cards/1/{PATH}.sql", b"SELECT * FROM batch")
    lender.publish_manifest(
        "pd_cards",
        "1",
        deployed_at=str(YESTERDAY),
        reference={"path": f"sample {PATH}.parquet"},
        batch={"path": name, "key": "loan_id", "marker": f"done {PATH}"},
        features={"columns": ["income", "region"], "sql": f"{PATH}.sql"},
        scoring={
            "flavour": "onnx",
            "artefact": f"{PATH}.onnx",
            "sha256": hashlib.sha256(model).hexdigest(),
        },
    )
    onboard(lender, instance)
    manifest = lender.store.landed("pd_cards.1").manifest
    path = name.format(date=YESTERDAY).replace("*", "part ")
    lender.put(lake, path, rows(seed_of(YESTERDAY)))
    assert not lender.lake.has_arrived(manifest, YESTERDAY)
    lake.write(f"{path.rpartition('/')[0]}/done {PATH}", b"")
    assert lender.lake.has_arrived(manifest, YESTERDAY)
    assert list(lender.lake.files_by_day(name, [YESTERDAY])) == [YESTERDAY]
    made = job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=f"{YESTERDAY}|pd_cards.1"
    )
    assert made.success
    assert lender.store.days("drift_report", "pd_cards.1").keys() == {YESTERDAY}
