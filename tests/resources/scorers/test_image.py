"""Flavour ``image``, as far as it needs no cluster; `tests/integration/kubernetes` runs one."""

import pytest

from resources.scorers.base import ScoringError
from resources.scorers.image import ImageScoring
from tests.resources.scorers.contract import SectionContract

IMAGE = {
    "flavour": "image",
    "image": f"lender.example/pd_cards@sha256:{'0' * 64}",
    "command": ["score", "{input}", "{output}"],
}


def test_a_container_is_not_run_where_there_is_no_kubernetes(score, monkeypatch):
    for name in ("KUBERNETES_SERVICE_HOST", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ScoringError, match=r"scoring.flavour: found 'image'.* set KUBECONFIG"):
        score(IMAGE)


class TestContract(SectionContract):
    scorer = ImageScoring

    def land(self, lender, features):
        return IMAGE, b""
