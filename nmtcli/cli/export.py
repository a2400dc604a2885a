"""`nmt export`: a trained run that needs no framework, or for other programs to load."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from nmtcli.cli.streams import quiet_ends
from nmtcli.errors import UsageError

FORMATS = ("onnx", "ctranslate2", "savedmodel")
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
    """Export a trained run, so that it runs without the framework it was trained with.

    onnx: for ONNX Runtime, in float32 and int8; nmt translate, score and align use it by
    themselves on a machine without a GPU, start sooner and translate faster. Both are compared with
    the run on its validation text first: float32 must translate as it does; int8, and the shortlist
    of nmt translate --shortlist, are left out if they lose more than 0.2 BLEU.

    ctranslate2: a Transformer for CTranslate2, the fastest on a CPU; nmt translate uses it with
    --engine ctranslate2, in float32 or --precision int8.

    savedmodel: a TensorFlow SavedModel, text in and text out, for TensorFlow Serving; subwords and
    beam search are part of its graph, with the options given here or the run's own (but no
    sampling, coverage penalty or no-repeat). It does not split long texts: give it one sentence at
    a time.

    An older export is replaced once the new one is written and checked. The folder is printed on
    stdout.
    """
    with quiet_ends("nothing was written"):
        if format not in FORMATS:
            raise UsageError(f"format '{format}': there is {', '.join(FORMATS)}")
        from nmtcli.inference.search_options import (
            check_checkpoint_name,
            check_exportable,
            search_options,
        )
        from nmtcli.runs.directory import find_run

        found = find_run(run)
        check_checkpoint_name(checkpoint)
        # An export is checked on, or gives, the best translation alone.
        overrides = {"beam": beam, "length_penalty": length_penalty, "nbest": 1}
        search = search_options(found, config, assignments or (), overrides)
        folder = found.export / format if output is None else Path(output)
        if format != "savedmodel":
            export_checked(found, format, checkpoint, search, folder)
        else:
            check_exportable(search)
            from nmtcli.exports.savedmodel import export_savedmodel

            _report(folder, export_savedmodel(found, checkpoint, search, folder))
        print(folder)


def export_checked(run, format: str, checkpoint: str, search, folder: Path) -> None:
    """Export for one of our engines; tell how it was checked, in the model card too.

    Args:
        run: a `RunDirectory`.
        format: `onnx` or `ctranslate2`.
        checkpoint, search, folder: as of `nmtcli.exports.onnx.export_onnx`.

    Raises:
        UsageError, NmtError: as it does.
    """
    from nmtcli.runs.exports import describe_checks
    from nmtcli.runs.model_card import write_card

    if format == "onnx":
        from nmtcli.exports.onnx import export_onnx as write
    else:
        from nmtcli.exports.ctranslate2 import export_ctranslate2 as write
    facts = write(run, checkpoint, search, folder)
    if folder == run.export / format:  # the card tells of these; another's run may be read-only
        write_card(run)
    print(f"{format} of step {facts['step']}: {describe_checks(facts)}", file=sys.stderr)


def _size(folder: Path) -> str:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{size / 1e6:.1f} MB"


def _report(folder: Path, facts: dict) -> None:
    search = facts["search"]
    print(
        f"{facts['format']} of step {facts['step']}: beam {search['beam']}, length penalty"
        f" {search['length_penalty']:g}, {_size(folder)}, checked",
        file=sys.stderr,
    )
