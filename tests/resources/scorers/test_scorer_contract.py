"""Every registered flavour passes the contract of `tests.resources.scorers.contract`."""

from importlib import import_module

import pytest

from resources.scorers import SCORERS
from tests.resources.scorers.contract import ScorerContract, SectionContract

RUNS_ELSEWHERE = {"image": "in a pod: tests/integration/kubernetes/test_pods.py"}


@pytest.mark.parametrize("flavour", SCORERS)
def test_its_tests_inherit_the_contract(flavour):
    module = import_module(f"tests.resources.scorers.test_{flavour}")
    contract = SectionContract if flavour in RUNS_ELSEWHERE else ScorerContract
    assert issubclass(module.TestContract, contract)
    assert module.TestContract.scorer is SCORERS[flavour]
