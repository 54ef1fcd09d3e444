#!/usr/bin/env python3
"""Fill in an environment: Helm values, manifests and IAM policies, ready to be applied.

``k8s/render.py prod IMAGE_SHA256=4f... --out build/prod`` reads ``environments/prod.env``, writes
what lies beside this file with every ``${NAME}`` replaced. Needs Python alone.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Not string.Template's: a `$(NAME)` is Kubernetes' own.
PLACEHOLDER = re.compile(r"\$\{([A-Z0-9_]+)\}")
SHAPES = {
    "ACCOUNT_ID": r"\d{12}",
    "OIDC_PROVIDER": r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/id/[A-Z0-9]+",
    "IMAGE_SHA256": r"[0-9a-f]{64}",
    "POSTGRES_CIDR": r"\d+\.\d+\.\d+\.\d+/\d+",
    "VPC_CIDR": r"\d+\.\d+\.\d+\.\d+/\d+",
}


class FactError(ValueError):
    """A fact that is missing, or is not what it says it is."""


def read_environment(file: Path, overrides: Mapping[str, str]) -> dict[str, str]:
    """Facts of an environment by name.

    Raises
    ------
    FactError
        If one is empty or misshapen, or an override has no such name. Names the file.
    """
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    facts = dict(line.split("=", 1) for line in lines)
    if unknown := overrides.keys() - facts.keys():
        raise FactError(f"{file}: no fact is named {', '.join(sorted(unknown))}")
    facts |= overrides
    for name, value in facts.items():
        if not value:
            raise FactError(f"{file}: {name} is empty; write yours there")
        shape = SHAPES.get(name, r"[^\s${}]+")
        if not re.fullmatch(shape, value):
            raise FactError(f"{file}: {name}: found {value!r}; allowed: {shape}")
    return facts


def fill(file: Path, facts: Mapping[str, str]) -> str:
    """The text of a file with its placeholders replaced.

    Raises
    ------
    FactError
        If a placeholder is no fact of the environment. Names the file.
    """
    text = file.read_text()
    if unknown := set(PLACEHOLDER.findall(text)) - facts.keys():
        raise FactError(f"{file}: the environment has no {', '.join(sorted(unknown))}")
    return PLACEHOLDER.sub(lambda match: facts[match[1]], text)


def render(environment: str, overrides: Mapping[str, str], out: Path) -> list[Path]:
    """Write an environment's files below ``out``; their paths, in order."""
    facts = read_environment(HERE / "environments" / f"{environment}.env", overrides)
    sources = [
        HERE / "values.yaml",
        HERE / f"values-{environment}.yaml",
        HERE / "migrate.yaml",
        *sorted(HERE.glob("manifests/*.yaml")),
        *sorted(HERE.glob("iam/*.json")),
    ]
    texts = {out / file.relative_to(HERE): fill(file, facts) for file in sources}
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(texts)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("environment", choices=["dev", "staging", "prod"])
    parser.add_argument("facts", nargs="*", metavar="NAME=VALUE", help="instead of the file's")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_intermixed_args()  # facts may come after --out too
    try:
        overrides = dict(fact.split("=", 1) for fact in arguments.facts)
    except ValueError:
        parser.error("facts are NAME=VALUE")
    try:
        for path in render(arguments.environment, overrides, arguments.out):
            print(path)
    except (OSError, FactError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
