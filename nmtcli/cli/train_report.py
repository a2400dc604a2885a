"""The output of `nmt train`: a line for each event, and the report of a dry run."""

import sys
from collections.abc import Iterator

from nmtcli.runs.monitored_metric import TITLES
from nmtcli.training import events


def print_event(event: events.Event) -> None:
    """Print the line of an event on stderr."""
    print(describe_event(event), file=sys.stderr, flush=True)


def describe_event(event: events.Event) -> str:
    """Describe an event in a line; some translations follow the line of a validation."""
    match event:
        case events.TrainingStarted():
            return f"{headline(event.description)} -> {event.run}"
        case events.WeightsInitialized():
            return event.text
        case events.Resumed():
            return f"going on from step {event.step}"
        case events.StepLogged():
            return (
                f"step {event.step}  epoch {event.epoch:.2f}  loss {event.loss:.3f}"
                f"  perplexity {event.perplexity:.2f}  rate {event.learning_rate:.2e}"
                f"  {event.tokens_per_second:,.0f} tokens/s  left {clock(event.seconds_left)}"
            )
        case events.Validated():
            return _validated(event)
        case events.CheckpointsAveraged():
            return _averaged(event)
    raise TypeError(f"Unknown event. Received: {event!r}")


def _validated(event: events.Validated) -> str:
    scores = event.result.scores()
    parts = [f"step {event.step}  validation"]
    parts += [
        _score(name, scores[name])
        for name in ("perplexity", "bleu", "chrf")
        if scores.get(name) is not None
    ]
    if event.is_best:
        parts.append("best so far")
    lines = ["  ".join(parts)]
    for source, reference, translation in event.samples:
        lines += [f"    source      {source}", f"    reference   {reference}"]
        lines += [f"    translation {translation}"]
    return "\n".join(lines)


def _averaged(event: events.CheckpointsAveraged) -> str:
    line = f"average of {', '.join(event.made_of)}"
    if event.result is None:
        return line
    line += f": validation {_score(event.metric, event.result.scores()[event.metric])}"
    if event.best_before is not None:
        line += f", best of the training {_score(event.metric, event.best_before)}"
    return line + ("; the average is best now" if event.is_best else "; best stays")


def headline(description) -> str:
    """Describe the training in a line; `description` is a `TrainingDescription`."""
    name = description.attention
    model = name if name == "transformer" else f"attention {name}"
    return (
        f"nmt {description.version} on {description.backend}, {description.device},"
        f" {description.precision}, {model}, {description.parameters:,} parameters,"
        f" {description.pairs:,} pairs"
    )


def dry_run_lines(found) -> Iterator[str]:
    """Format the report of a `DryRun` as lines."""
    yield headline(found.description)
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
    return f"{TITLES[name]} {value:.2f}"
