"""Learn a subword model from text, in this process or in a child process.

SentencePiece may compute for minutes without handling signals, but a child can be killed when the
user presses Ctrl-C. A child also returns its memory to the system before the next step.

    python -m nmtcli.data.learn_subwords '{"options": {...}, "name": "train.ko"}' < text > model
"""

import dataclasses
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence

from nmtcli.config import SubwordConfig
from nmtcli.data.child_process import error_lines, start_child
from nmtcli.errors import NmtError, UsageError
from nmtcli.text.lines import read_lines
from nmtcli.text.normalization import NFC, normalise
from nmtcli.text.subwords import BOS_ID, EOS_ID, PAD_ID, UNK_ID

# Exit statuses of the child. The last line on stderr is then a message for the user; with the
# second status, the line before it is the number of tokens that the characters need.
REFUSED, TOO_FEW = 2, 3

# The number of threads decides the last bits of sums, so it is the same on all machines.
LEARNING_THREADS = 2
LONGEST_LINE_BYTES = 1_000_000_000  # by default, SentencePiece skips lines over 4192 bytes
SMALLEST_SIZE = 16  # the smallest vocabulary that a user can set


class VocabularyTooSmall(UsageError):
    """The vocabulary is too small for the characters of the text.

    Args:
        message: the message for the user.
        required: the smallest possible size, in tokens.
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
    """Learn a subword model from lines of text; the same lines give the same bytes.

    `vocabulary_size` is exact for unigram and bpe. For char and word it is an upper limit, since
    the text may have fewer characters or words.

    Args:
        lines: the text, one sentence a line; what is not yet in NFC is put into it.
        options: the type, size, character coverage and byte fallback of the model.
        name: the name of the text in messages, for example `train.ko`.
        symbols: words, such as tags, that get a token of their own.
        at_most: whether the size is an upper limit for unigram and bpe too.

    Returns:
        the serialised SentencePiece model.

    Raises:
        UsageError: there is too little text for the vocabulary; the message has the largest
            possible size. Or the text has too many characters for it (`VocabularyTooSmall`); the
            message has the smallest possible size.
    """
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(normalise(line, NFC) for line in lines),
            model_writer=model,
            model_type=options.type,
            vocab_size=options.vocabulary_size,
            # Without the mark of a space, a tag would become two tokens.
            user_defined_symbols=[f"\u2581{symbol}" for symbol in symbols],
            hard_vocab_limit=options.type in ("unigram", "bpe") and not at_most,
            character_coverage=options.character_coverage,
            byte_fallback=options.byte_fallback,
            pad_id=PAD_ID,
            unk_id=UNK_ID,
            bos_id=BOS_ID,
            eos_id=EOS_ID,
            normalization_rule_name="identity",
            max_sentence_length=LONGEST_LINE_BYTES,
            num_threads=LEARNING_THREADS,
            minloglevel=2,
        )
    except RuntimeError as error:
        message = f"{name}: {_explain(str(error), options)}"
        if required := _REQUIRED.search(str(error)):
            raise VocabularyTooSmall(message, int(required[1])) from None
        raise UsageError(message) from None
    return model.getvalue()


_REQUIRED = re.compile(r"smaller than required_chars\. \d+ vs (\d+)")


def _explain(message: str, options: SubwordConfig) -> str:
    """Return a message for the user that explains SentencePiece's error message."""
    size = f"a vocabulary of {options.vocabulary_size} tokens"
    if match := re.search(r"size too high \(\d+\).*<= (\d+)", message):
        largest = int(match[1])
        if largest < SMALLEST_SIZE:
            return (
                "there is too little text to learn subwords; give more text, or use --subwords char"
            )
        return f"there is too little text for {size}; use --vocab-size {largest} or smaller"
    if match := _REQUIRED.search(message):
        remedy = f"use --vocab-size {match[1]} or larger"
        if options.byte_fallback:
            return f"{size} cannot hold every character and byte; {remedy}"
        coverage = "--set subwords.character_coverage=0.9995"
        return f"{size} cannot hold every character; {remedy}, or {coverage}"
    if "(vocab_size) >= (0)" in message:
        return f"{size} cannot hold all 256 bytes; use --vocab-size 300 or larger"
    if "sentences_.empty()" in message or "all_chars_count" in message:
        return "there is no text to learn subwords from; give a file with one sentence a line"
    return f"SentencePiece failed to learn subwords ({' '.join(message.split())})"


def learn_in_child(
    lines: Iterable[str],
    options: SubwordConfig,
    name: str,
    symbols: Sequence[str] = (),
    at_most: bool = False,
) -> bytes:
    """Learn a subword model as `learn` does, in a child process that an interruption kills.

    Raises:
        UsageError: the text does not suit the vocabulary, see `learn`.
        NmtError: the child was killed, most often because memory ran out.
    """
    task = {"options": dataclasses.asdict(options), "name": name}
    task = json.dumps(task | {"symbols": list(symbols), "at_most": at_most})
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    child = start_child("nmtcli.data.learn_subwords", task, **pipes)
    try:
        try:
            for line in lines:
                child.stdin.write(line.replace("\n", " ").encode("utf-8") + b"\r\n")
        except BrokenPipeError:
            pass  # the child has stopped; its message is read below
        model, stderr = child.communicate()
    finally:
        child.kill()
        child.wait()
    if child.returncode == 0:
        return model
    messages = error_lines(stderr)
    if child.returncode == TOO_FEW:
        raise VocabularyTooSmall(messages[-1], int(messages[-2]))
    if child.returncode == REFUSED:
        raise UsageError(messages[-1])
    raise NmtError(
        f"{name}: learning subwords stopped with status {child.returncode} ({messages[-1]}); if"
        " memory ran out, use less text with a lower subwords.sample_characters"
    )


def _main() -> int:
    task = json.loads(sys.argv[1])
    lines = read_lines(sys.stdin.buffer, on_invalid=lambda number: None)
    try:
        options = SubwordConfig(**task["options"])
        model = learn(lines, options, task["name"], task["symbols"], task["at_most"])
    except VocabularyTooSmall as error:
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
