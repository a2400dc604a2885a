"""`nmt export`: a trained run for other programs to load."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from nmtcli.cli.streams import quiet_ends, warn
from nmtcli.errors import UsageError

FORMATS = ("savedmodel",)
SEARCH = "Search"


def export(
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="DIR", help="Folder of a run; newest here if not given."),
    ] = None,
    checkpoint: Annotated[
        str, typer.Option("--checkpoint", metavar="NAME", help="best, last or step-N.")
    ] = "best",
    format: Annotated[
        str, typer.Option("--format", metavar="NAME", help=f"One of: {', '.join(FORMATS)}.")
    ] = FORMATS[0],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="DIR", help="Default: export/FORMAT in the run."),
    ] = None,
    beam: Annotated[
        int | None,
        typer.Option(metavar="K", help="Width of the beam; 1 is greedy.", rich_help_panel=SEARCH),
    ] = None,
    length_penalty: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="Exponent of the length; 0 favours short.", rich_help_panel=SEARCH
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="YAML; its section search counts."),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="search.KEY=VALUE", help="Set any option of the search."),
    ] = None,
) -> None:
    """Export a trained run, to be served without this program.

    savedmodel: a TensorFlow SavedModel, text in and text out, for TensorFlow Serving; subwords and
    beam search are part of its graph, with the options given here or the run's own (but no
    sampling, coverage penalty or no-repeat). It does not split long texts: give it one sentence at
    a time. An older export is replaced once the new one is written and checked. The folder is
    printed on stdout.
    """
    with quiet_ends("nothing was written"):
        if format not in FORMATS:
            raise UsageError(f"format '{format}': there is {', '.join(FORMATS)}")
        from nmtcli.run_directory import find_run
        from nmtcli.search_options import (
            check_checkpoint_name,
            check_exportable,
            search_options,
        )

        found = find_run(run)
        check_checkpoint_name(checkpoint)
        # A graph gives the best translation alone, whatever the run's own nbest is.
        overrides = {"beam": beam, "length_penalty": length_penalty, "nbest": 1}
        search = search_options(found, config, assignments or (), overrides)
        check_exportable(search)
        from nmtcli.engines.savedmodel import export_savedmodel

        folder = found.export / format if output is None else Path(output)
        facts = export_savedmodel(found, checkpoint, search, folder, on_warning=warn)
        _report(folder, facts)


def _report(folder: Path, facts: dict) -> None:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    search = facts["search"]
    print(
        f"{facts['format']} of step {facts['step']}: beam {search['beam']}, length penalty"
        f" {search['length_penalty']:g}, {size / 1e6:.1f} MB, checked",
        file=sys.stderr,
    )
    print(folder)
