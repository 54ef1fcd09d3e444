"""``monitoring evidence``: what is stored of a period, as a pack that others can check."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from monitoring_assets.cli.options import range_options, stored_range
from monitoring_assets.cli.progress import progress


class _MakeGroup(click.Group):
    """A group that makes a model's pack unless another command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``make`` before a model's key."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_MakeGroup,
    epilog="""\b
Examples:
  monitoring evidence pd_cards.3 --from 2026-01-01 --to 2026-03-31 --out packs/2026-Q1
  monitoring evidence verify packs/2026-Q1
""",
)
def evidence() -> None:
    """Write the evidence of a period (`monitoring evidence MODEL`), or verify a pack."""


@evidence.command(
    epilog="""\b
Examples:
  monitoring evidence pd_cards.3 --from 2026-01-01 --to 2026-03-31 --out packs/2026-Q1
  monitoring evidence pd_cards.3 --from 2026-04-01 --out packs/2026-Q2 --after packs/2026-Q1
"""
)
@click.argument("model")
@range_options
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of the pack; it must not hold anything yet.",
)
@click.option(
    "--after",
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR_OR_FILE",
    help="The former pack, or its manifest.json.  [default: the model's newest beside DIR]",
)
def make(
    model: str,
    first: dt.datetime | None,
    last: dt.datetime | None,
    out: Path,
    after: Path | None,
) -> None:
    """Write what is stored of MODEL (name.version) from one day to another as a pack.

    A page to print, a workbook, Parquet tables, the manifests, and manifest.json with the hash of
    every file and of the pack before it. Made again, all but manifest.json is the same.

    Reads the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage or input.
    """
    from monitoring_assets.evidence.content import collect
    from monitoring_assets.evidence.pack import PAGE, write_pack
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    since, until = stored_range(store, model, first, last)
    with progress() as step:
        content = collect(store, model, since, until, step)
        step("writing the pack", 0, 1)
        seal = write_pack(content, out, dt.datetime.now(dt.UTC), after)
        step("writing the pack", 1, 1)
    former = seal["former"]
    follows = (
        f"follows {former['first']} to {former['last']}" if former else "follows no other pack"
    )
    click.echo(f"{model}, {since} to {until}: {len(seal['files'])} files, {follows}")
    click.echo(f"sha256 {seal['sha256']}")
    click.echo((out / PAGE).absolute().as_uri())


@evidence.command(
    epilog="""\b
Examples:
  monitoring evidence verify packs/2026-Q2
  monitoring evidence verify packs/2026-Q2 --after archive/2026-Q1/manifest.json
"""
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--after",
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR_OR_FILE",
    help="The former pack, or its manifest.json.  [default: the one beside FOLDER, if it is there]",
)
def verify(folder: Path, after: Path | None) -> None:
    """Check that nothing in the pack FOLDER was altered, left out or added.

    Needs no store and no registry. Compare the printed sha256 with the one that was noted when the
    pack was made: who can alter a pack can seal it again.

    Exit code: 0, or 2 if something differs.
    """
    from monitoring_assets.evidence.seal import former_beside, read_seal
    from monitoring_assets.evidence.seal import verify as differences_of

    differences = differences_of(folder, after)
    for one in differences:
        click.echo(f"{one.what}: {one.file}{f' ({one.why})' if one.why else ''}")
    if differences:
        raise SystemExit(2)
    seal = read_seal(folder)
    click.echo(f"{seal['model']}, {seal['first']} to {seal['last']}, made at {seal['made']['at']}")
    click.echo(f"{len(seal['files'])} files are as they were sealed")
    if former := seal["former"]:
        checked = after or former_beside(folder, former)
        how = "as it was" if checked else "not beside this one, so not compared: --after"
        click.echo(f"follows {former['first']} to {former['last']}, which is {how}")
    click.echo(f"sha256 {seal['sha256']}")
