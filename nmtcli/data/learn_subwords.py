"""Learn a model of pieces from text, if need be in a process of its own.

SentencePiece may compute for minutes without looking at signals; a child can be killed when the
user presses Ctrl-C. The memory of learning also goes back to the system before the next step.

    python -m nmtcli.data.learn_subwords '{"options": {...}, "name": "train.ko"}' < text > model
"""

import dataclasses
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from nmtcli.config import SubwordConfig
from nmtcli.errors import NmtError, UsageError
from nmtcli.text.lines import read_lines
from nmtcli.text.subwords import BOS_ID, EOS_ID, PAD_ID, UNK_ID, normalise

# Exit status of the child when its last line on stderr is a message for the user; the second one
# when the line before holds how many pieces the characters need.
REFUSED, TOO_FEW = 2, 3

# How learning divides its sums decides their last bits, so the number is the same on all machines.
LEARNING_THREADS = 2
LONGEST_LINE_BYTES = 1_000_000_000  # SentencePiece would leave out lines over 4192 bytes
SMALLEST_SIZE = 16  # of a vocabulary that is not chosen here


class TooFewPieces(UsageError):
    """The characters of the text alone need more pieces.

    Args:
        message: for the user.
        required: so many.
    """

    def __init__(self, message: str, required: int):
        super().__init__(message)
        self.required = required


def learn(
    lines: Iterable[str],
    options: SubwordConfig,
    name: str = "training text",
    symbols: Sequence[str] = (),
    at_most: bool = False,
) -> bytes:
    """Learn a model of pieces from lines of text; the same lines give the same bytes.

    `vocabulary_size` is exact for unigram and bpe. For char and word it is a ceiling, since a
    text has as many characters and words as it has.

    Args:
        lines: text, one sentence each.
        options: kind, size, character coverage and byte fallback.
        name: what to call the text in messages, for example `train.ko`.
        symbols: words that are a piece of their own, wherever a word starts with them.
        at_most: the size is a ceiling for all kinds.

    Returns:
        the SentencePiece model, serialised.

    Raises:
        UsageError: the text is too little (the largest possible size is named) or has more
            characters than there are pieces (`TooFewPieces`, the smallest is named).
    """
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(normalise(line) for line in lines),
            model_writer=model,
            **_settings(options, at_most, symbols),
        )
    except RuntimeError as error:
        message = f"{name}: {_explain(str(error), options)}"
        if found := _REQUIRED.search(str(error)):
            raise TooFewPieces(message, int(found[1])) from None
        raise UsageError(message) from None
    return model.getvalue()


_REQUIRED = re.compile(r"smaller than required_chars\. \d+ vs (\d+)")


def _settings(options: SubwordConfig, at_most: bool, symbols: Sequence[str]) -> dict:
    """The options in SentencePiece's words, and what is fixed for all models."""
    return {
        "model_type": options.type,
        "vocab_size": options.vocabulary_size,
        # With the mark of a space before it a tag makes one piece, not two.
        "user_defined_symbols": [f"\u2581{symbol}" for symbol in symbols],
        "hard_vocab_limit": options.type in ("unigram", "bpe") and not at_most,
        "character_coverage": options.character_coverage,
        "byte_fallback": options.byte_fallback,
        "pad_id": PAD_ID,
        "unk_id": UNK_ID,
        "bos_id": BOS_ID,
        "eos_id": EOS_ID,
        "normalization_rule_name": "identity",
        "max_sentence_length": LONGEST_LINE_BYTES,
        "num_threads": LEARNING_THREADS,
        "minloglevel": 2,
    }


def _explain(message: str, options: SubwordConfig) -> str:
    """What SentencePiece's complaint means for the options of the command."""
    wanted = options.vocabulary_size
    if found := re.search(r"size too high \(\d+\).*<= (\d+)", message):
        largest = int(found[1])
        if largest < SMALLEST_SIZE:
            return "too little text to learn pieces from; give more text, or use --subwords char"
        return f"too little text for {wanted} pieces; use --vocab-size {largest} or smaller"
    if found := _REQUIRED.search(message):
        remedy = f"use --vocab-size {found[1]} or larger"
        if options.byte_fallback:
            return f"{wanted} pieces cannot hold every character and byte; {remedy}"
        coverage = "--set subwords.character_coverage=0.9995"
        return f"{wanted} pieces cannot hold every character; {remedy}, or {coverage}"
    if "(vocab_size) >= (0)" in message:
        return f"{wanted} pieces cannot hold all 256 bytes; use --vocab-size 300 or larger"
    if "sentences_.empty()" in message or "all_chars_count" in message:
        return "no text to learn pieces from; give a file with one sentence a line"
    return f"learning pieces failed ({' '.join(message.split())})"


def learn_in_child(
    lines: Iterable[str],
    options: SubwordConfig,
    name: str,
    symbols: Sequence[str] = (),
    at_most: bool = False,
) -> bytes:
    """The same as `learn`, in a child process that dies with an interruption.

    Raises:
        UsageError: as `learn`.
        NmtError: the child was killed, most often for want of memory.
    """
    task = {"options": dataclasses.asdict(options), "name": name}
    task = json.dumps(task | {"symbols": list(symbols), "at_most": at_most})
    child = subprocess.Popen(
        [sys.executable, "-m", "nmtcli.data.learn_subwords", task],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": _search_path()},
    )
    try:
        try:
            for line in lines:
                child.stdin.write(line.replace("\n", " ").encode("utf-8") + b"\r\n")
        except BrokenPipeError:
            pass  # the child has stopped; why is told below
        model, complaint = child.communicate()
    finally:
        child.kill()
        child.wait()
    if child.returncode == 0:
        return model
    said = complaint.decode("utf-8", errors="replace").strip().splitlines()
    last = (said or ["no message"])[-1]
    if child.returncode == TOO_FEW:
        raise TooFewPieces(last, int(said[-2]))
    if child.returncode == REFUSED:
        raise UsageError(last)
    raise NmtError(
        f"{name}: learning subwords stopped with status {child.returncode} ({last}); if memory ran"
        " out, learn from less text with --set subwords.sample_pairs=N"
    )


def _search_path() -> str:
    """PYTHONPATH with which the child finds the package that this process uses."""
    package_parent = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, [package_parent, os.environ.get("PYTHONPATH")]))


def _main() -> int:
    task = json.loads(sys.argv[1])
    lines = read_lines(sys.stdin.buffer, on_invalid=lambda number: None)
    try:
        options = SubwordConfig(**task["options"])
        model = learn(lines, options, task["name"], task["symbols"], task["at_most"])
    except TooFewPieces as error:
        print(error.required, str(error).replace("\n", " "), sep="\n", file=sys.stderr)
        return TOO_FEW
    except UsageError as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        return REFUSED
    sys.stdout.buffer.write(model)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(_main())
