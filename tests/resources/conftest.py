"""A second S3, of other authors than moto: what both do is S3's way, and no server's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Lender, lender_on_s3

S3RVER = Path(__file__).parents[2] / ".s3rver/node_modules/.bin/s3rver"
# The only key that it knows, and that key's secret.
KEY = "S3RVER"


@pytest.fixture(scope="session")
def s3rver_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of s3rver, on loopback."""
    if not S3RVER.exists():
        pytest.skip("s3rver is not installed: run `make s3rver`, which needs Node.js and npm")
    folder = tmp_path_factory.mktemp("s3rver")
    with subprocess.Popen(
        [S3RVER, "--silent", "--directory", folder, "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        said = next(line for line in server.stdout if "listening on" in line)
        yield f"http://{said.split()[-1]}"
        server.terminate()


@pytest.fixture
def s3rver_lender(
    s3rver_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lender]:
    """A lender in a bucket of s3rver, which reads no checksum behind a body, as Arrow sends."""
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    with lender_on_s3(s3rver_endpoint, tmp_path, KEY) as one:
        yield one


@pytest.fixture(
    params=["lender", "s3_lender", pytest.param("s3rver_lender", marks=pytest.mark.slow)]
)
def any_lender(request: pytest.FixtureRequest) -> Lender:
    """A lender in local folders, then one on each S3."""
    lender: Lender = request.getfixturevalue(request.param)
    return lender
