"""Other projects beside ours that have packages `resources` and `sensors` too."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from textwrap import dedent

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
GERMAN = ROOT / "tests" / "data" / "german_credit.parquet"
SITE = sysconfig.get_path("purelib")
THEIRS = {
    "pyproject.toml": """
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"

        [project]
        name = "company-pipelines"
        version = "1.0"

        [tool.hatch.build.targets.wheel]
        packages = ["company", "resources", "sensors"]
    """,
    "resources/__init__.py": "WHOSE = 'company'\n",
    "sensors/__init__.py": "from resources import WHOSE\n",
    "company/__init__.py": "",
    "company/definitions.py": """
        import dagster as dg
        from resources import WHOSE
        from sensors import WHOSE as SAME

        assert WHOSE == SAME == "company"


        @dg.asset
        def features(): ...


        @dg.asset(deps=[features])
        def scores(): ...


        defs = dg.Definitions(assets=[features, scores])
    """,
}
WORKSPACE = """
load_from:
  - python_module: {module_name: company.definitions, location_name: company}
  - python_module: {module_name: monitoring_assets.definitions, location_name: model_monitoring}
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """Another project's folder."""
    folder = tmp_path_factory.mktemp("company")
    for name, text in THEIRS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(dedent(text))
    (folder / "workspace.yaml").write_text(WORKSPACE)
    return folder


@pytest.fixture(scope="module")
def wheels(company, tmp_path_factory):
    """Our wheel and the company's."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, company):
        pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, project)
    return sorted(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheels, tmp_path_factory):
    """The commands of an environment with both wheels; its libraries are this environment's."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    # The company's comes last: what lies at the same place is overwritten.
    for wheel in reversed(wheels):
        pip("--python", python, "install", "--no-deps", "--no-index", wheel)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(SITE)
    return folder / "bin"


def run(command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(*arguments):
    run([sys.executable, "-m", "pip", "--quiet", *arguments])


def validated(bin_folder, company, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    command = [bin_folder / "python", "-m", "dagster", "definitions", "validate"]
    run([*command, "-w", company / "workspace.yaml"], cwd=company)


def test_the_wheels_have_no_file_in_common(wheels):
    ours, theirs = (
        {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
        for wheel in sorted(wheels, key=lambda wheel: "credit" not in wheel.name)
    )
    assert not ours & theirs
    assert {name for name in ours if not name.endswith(".dist-info")} == {"monitoring_assets"}


def test_both_wheels_work_in_one_environment(environment, tmp_path):
    code = "import resources, sensors; print(resources.WHOSE, sensors.WHOSE)"
    assert run([environment / "python", "-c", code], cwd=tmp_path) == "company company\n"
    assert "onboard" in run([environment / "monitoring", "--help"], cwd=tmp_path)
    command = [environment / "monitoring", "drift", "--reference", GERMAN, "--current", GERMAN]
    assert "21 ok" in run(command, cwd=tmp_path)


@pytest.mark.timeout(300)
def test_one_workspace_loads_both_locations(environment, company, tmp_path, monkeypatch):
    validated(environment, company, tmp_path, monkeypatch)


def test_another_projects_folder_does_not_break_our_location(company, tmp_path, monkeypatch):
    """As installed for development, from a folder with packages of the same names."""
    validated(Path(sys.executable).parent, company, tmp_path, monkeypatch)


def test_the_wheel_has_the_settings_of_an_instance(environment, tmp_path, monkeypatch):
    run([environment / "monitoring", "init", "watch"], cwd=tmp_path)
    home = tmp_path / "watch"
    ours = ROOT / "monitoring_assets" / "home"
    for name, path in (("dagster.yaml", "dagster/dagster.yaml"), ("workspace.yaml",) * 2):
        assert (home / path).read_bytes() == (ours / name).read_bytes()
    monkeypatch.setenv("DAGSTER_HOME", str(home / "dagster"))
    command = [environment / "python", "-m", "dagster", "definitions", "validate"]
    run([*command, "-w", "workspace.yaml"], cwd=home)


def test_a_process_that_has_imported_another_package_is_told_so(company):
    code = "import resources, monitoring_assets"
    done = subprocess.run([sys.executable, "-c", code], cwd=company, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"another one from {company}/resources; import monitoring_assets first" in done.stderr


def test_an_instance_names_the_run_launcher_where_the_wheel_has_it(environment, tmp_path):
    code = "from monitoring_assets.run_launcher import ModelRunLauncher as one; print(one.__name__)"
    found = run([environment / "python", "-c", code], cwd=tmp_path)
    assert found == "ModelRunLauncher\n"


def test_code_versions_are_the_same_in_the_wheel(environment, tmp_path):
    code = (
        "from monitoring_assets.code_version import code_version\n"
        "print(code_version('monitoring_assets.assets.drift_report'))"
    )
    here = run([sys.executable, "-c", code], cwd=ROOT)
    assert run([environment / "python", "-c", code], cwd=tmp_path) == here
