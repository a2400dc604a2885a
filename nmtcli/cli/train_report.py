"""What `nmt train` says: a line for each event, and the report of a dry run."""

import sys
from collections.abc import Iterator
from pathlib import Path

SCORES = {"bleu": "BLEU", "chrf": "chrF", "perplexity": "perplexity"}


class Printer:
    """Tells on stderr how the training goes, a line for each event."""

    def __init__(self, run: Path):
        self.run = run

    def __call__(self, event) -> None:
        text = getattr(self, f"_{event.kind}")(event.values)
        print(text, file=sys.stderr, flush=True)

    def _start(self, v) -> str:
        return f"{headline(v)} -> {self.run}"

    def _resumed(self, v) -> str:
        return f"going on from step {v['step']}"

    def _warning(self, v) -> str:
        return f"nmt: warning: {v['text']}"

    def _initial(self, v) -> str:
        return v["text"]

    def _average(self, v) -> str:
        line = f"average of {', '.join(v['made_of'])}"
        if "name" not in v:
            return line
        line += f": validation {_score(v['name'], v[v['name']])}"
        if v["before"] is not None:
            value = -v["before"][0] if v["name"] == "perplexity" else v["before"][0]
            line += f", best of the training {_score(v['name'], value)}"
        return line + ("; the average is best now" if v["best"] else "; best stays")

    def _train(self, v) -> str:
        return (
            f"step {v['step']}  epoch {v['epoch']:.2f}  loss {v['loss']:.3f}"
            f"  perplexity {v['perplexity']:.2f}  rate {v['learning_rate']:.2e}"
            f"  {v['tokens_per_second']:,.0f} tokens/s  left {clock(v['left'])}"
        )

    def _validation(self, v) -> str:
        parts = [f"step {v['step']}  validation"]
        parts += [
            _score(name, v[name])
            for name in ("perplexity", "bleu", "chrf")
            if v.get(name) is not None
        ]
        if v["best"]:
            parts.append("best so far")
        lines = ["  ".join(parts)]
        for source, reference, translation in v["samples"]:
            lines += [f"    source      {source}", f"    reference   {reference}"]
            lines += [f"    translation {translation}"]
        return "\n".join(lines)


def headline(v: dict) -> str:
    """Of `describe_training`."""
    name = v["attention"]
    model = name if name == "transformer" else f"attention {name}"
    return (
        f"nmt {v['version']} on {v['backend']}, {v['device']}, {v['precision']}, {model},"
        f" {v['parameters']:,} parameters, {v['pairs']:,} pairs"
    )


def dry_run_lines(found) -> Iterator[str]:
    """What a `DryRun` found."""
    yield headline(found.header)
    parts = ", ".join(f"{part} {count:,}" for part, count in found.parameters.items())
    yield f"parameters       {parts}"
    rows, source, target = found.shape
    yield f"largest batch    {rows} sentences, {source} source and {target} target positions"
    yield (
        f"its update       {found.seconds:.2f} s"
        f" ({found.first_seconds:.1f} s the first time, with compiling)"
    )
    memory = "not known" if found.memory is None else f"{found.memory / 2**20:,.0f} MiB"
    if found.device_memory is not None:
        memory += f", {found.device_memory / 2**20:,.0f} MiB of the GPU"
    yield f"peak memory      {memory}"
    if found.advice:
        yield f"memory           {found.advice}"
    yield f"updates          {found.updates:,} in an epoch{_in_all(found.total)}"
    if found.left is None:
        yield "time             no limit is set: the training ends when validations get no better"
    else:
        yield f"time             about {clock(found.left)} for all, validations not counted"
    yield "nothing was written"


def _in_all(total: int | None) -> str:
    return "" if total is None else f", {total:,} in all at most"


def clock(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _score(name: str, value: float) -> str:
    return f"{SCORES[name]} {value:.2f}"
