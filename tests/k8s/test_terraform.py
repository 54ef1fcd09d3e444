"""``k8s/terraform``: it reads what is rendered, and all of it."""

from __future__ import annotations

import re

from click.testing import CliRunner

from monitoring_assets.cli.main import main
from tests.k8s.conftest import K8S

TEXT = (K8S / "terraform" / "main.tf").read_text()


def words(pattern: str) -> list[str]:
    found = re.search(pattern, TEXT)
    assert found
    return re.findall(r'"([^"]+)"', found[1])


def test_every_role_of_the_deployment_is_made(rendered) -> None:
    roles = words(r"roles\s+= toset\(\[(.*?)\]\)")
    files = {file.name for file in (rendered / "iam").iterdir()}
    assert files == {f"{role}{end}" for role in roles for end in (".json", ".trust.json")}
    for end in (".json", ".trust.json"):
        assert f'file("${{var.rendered}}/iam/${{each.key}}{end}")' in TEXT


def test_every_file_of_datadog_is_read(tmp_path) -> None:
    done = CliRunner().invoke(main, ["dashboards", "render", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    patterns = re.findall(r'fileset\(var\.datadog, "([^"]+)"\)', TEXT)
    read = {file for pattern in patterns for file in tmp_path.glob(pattern)}
    assert read == {file for file in tmp_path.rglob("*") if file.is_file()}
    assert len(read) > 6


def test_no_word_of_the_policies_is_in_it_twice() -> None:
    assert "s3:" not in TEXT
    assert "sts:" not in TEXT
