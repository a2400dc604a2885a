"""`nmt`: the entry point, the only place that turns errors into a line and an exit status."""

import contextlib
import gc
import importlib
import logging
import os
import signal
import sys
from typing import Annotated

gc.set_threshold(100_000, 20, 20)  # imports leave little garbage, and collecting it takes time
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "true")  # Typer needs none, and they cost time
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy multiplies nothing large here

import typer  # noqa: E402

from nmtcli import __version__  # noqa: E402
from nmtcli.cli.streams import (  # noqa: E402
    WARNINGS,
    flush_output,
    hold_descriptors,
    prepare_output,
)
from nmtcli.errors import NmtError  # noqa: E402

INTERRUPTED = 128 + signal.SIGINT
ClickError = typer.BadParameter.__mro__[2]  # the base class of all usage errors

COMMANDS = {  # each is a function in a module of its name; the value is its panel of the help
    **dict.fromkeys(("preprocess", "train", "average"), "Train"),
    **dict.fromkeys(("translate", "export"), "Translate"),
    **dict.fromkeys(("align", "score", "bleu", "inspect"), "Measure"),
}


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"nmt {__version__}")
        raise typer.Exit()


def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version."),
    ] = False,
) -> None:
    """Options that stand before the command's name."""


def application(arguments: list[str]) -> typer.Typer:
    """Make the command line; import only the named command, or all commands if none is named."""
    app = typer.Typer(
        name="nmt",
        help="Neural machine translation: from parallel text to a translator you can pipe through.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(options)
    first = next((word for word in arguments if not word.startswith("-")), None)
    for name in [first] if first in COMMANDS else COMMANDS:
        module = importlib.import_module(f"nmtcli.cli.{name}")
        function, kind = getattr(module, name), getattr(module, "COMMAND_CLASS", None)
        text = function.__doc__ or ""  # python -OO has none
        # Lines of a docstring are as long as lines of code; the terminal's may be shorter.
        help = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
        app.command(name, cls=kind, help=help, rich_help_panel=COMMANDS[name])(function)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit the process with its status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    hold_descriptors()
    status = run(arguments)
    try:
        sys.stdout.flush()
    except (OSError, NmtError):  # `run` has reported it, if it was worth a line
        _silence_stdout()
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run the command line; turn errors into one line on stderr; return the exit status."""
    debug = "--debug" in arguments
    logging.getLogger("nmtcli").addHandler(WARNINGS)
    prepare_output()
    try:
        status = application(arguments)(arguments, prog_name="nmt", standalone_mode=False)
        status = status if isinstance(status, int) else 0
        if status == INTERRUPTED:  # Typer turns Ctrl-C into this
            return _fail("interrupted", INTERRUPTED, debug)
        flush_output()
        return status
    except (BrokenPipeError, SystemExit):  # Typer exits if the reader of a pipe is gone
        _silence_stdout()
        return 0
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED, debug)
    except typer.Exit as stop:
        return stop.exit_code
    except ClickError as error:
        return _fail(_usage_line(error), error.exit_code, debug)
    except NmtError as error:
        return _fail(str(error), error.exit_status, debug)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}", 1, debug)
    except MemoryError:
        return _fail("out of memory: use smaller batches, or a smaller model", 1, debug)
    except Exception as error:  # our bug: print one line, and how to see the rest
        line = f"internal error: {type(error).__name__}: {error}".splitlines()[0]
        return _fail(f"{line} (nmt --debug ... shows where)", 1, debug)


def _usage_line(error) -> str:
    message = error.format_message() or "give a command"
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "nmt"
    return f"{' '.join(message.split())} (see {path} --help)"


def _fail(message: str, status: int, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    with contextlib.suppress(BrokenPipeError):
        print(f"nmt: {' '.join(message.splitlines())}", file=sys.stderr)
    return status


def _silence_stdout() -> None:
    """Keep Python's flush at exit from failing if the reader of a pipe is gone."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
