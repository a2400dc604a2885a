"""BLEU against minutes of the comparison with Joey NMT: reading both records, table and picture."""

import json
import platform
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from peer_training import Place

from nmtcli.plots.bleu_by_length import save_figure

PEER, OURS = "joey-", "nmt-"
COLOURS = {"transformer": "#0072B2", "rnn": "#D55E00"}
DASHES = ["--", ":", "-.", (0, (8, 2, 1, 2, 1, 2))]
WIDTH = 0.06  # what logs round to; a larger difference of two BLEU is one


@dataclass(frozen=True)
class Trained:
    """One system's training.

    Attributes:
        name: of its settings: side-architecture or side-architecture-more.
        minutes, bleu: of its validations, in order; time in which it made updates.
        updates: made up to the last of them.
        tokens_per_second: real target pieces, in that time.
        parameters: trained numbers, or None.
        signature: of BLEU.
    """

    name: str
    minutes: list[float]
    bleu: list[float]
    updates: int
    tokens_per_second: float | None
    parameters: int | None
    signature: str

    @property
    def architecture(self) -> str:
        return architecture_of(self.name)

    def at(self, minutes: float) -> float:
        """BLEU after so many minutes: on the line between validations, which begins at 0, 0."""
        times, scores = [0.0, *self.minutes], [0.0, *self.bleu]
        n = bisect_right(times, minutes)
        if n == len(times):
            return scores[-1]
        share = (minutes - times[n - 1]) / (times[n] - times[n - 1])
        return scores[n - 1] + share * (scores[n] - scores[n - 1])


def architecture_of(name: str) -> str:
    return name.split("-")[1]


def joey_is_done(run: Path) -> bool:
    lines = _lines(Path(f"{run}.jsonl"))
    return bool(lines) and lines[-1].get("kind") == "done"


def nmt_is_done(run: Path) -> bool:
    return (run / "peer-done").exists()


def training_seconds(run: Path) -> float:
    """Time in which nmt made updates: its own clock less the validations, so far."""
    lines = _lines(run / "metrics.jsonl")
    return lines[-1]["seconds"] - validating_seconds(lines)[-1] if lines else 0.0


def validating_seconds(lines: list[dict]) -> list[float]:
    """Of each line of nmt's record, what all validations so far took.

    nmt's clock runs on while it validates. A validation took what passed since the line of
    training that was written just before it, at the same update.
    """
    found, total = [], 0.0
    for before, line in zip([None, *lines], lines):
        if line["kind"] == "validation":
            if before is None or before["step"] != line["step"]:
                raise ValueError(f"step {line['step']}: no line of training before the validation")
            total += line["seconds"] - before["seconds"]
        found.append(total)
    return found


def read_nmt(run: Path, place: Place) -> Trained:
    lines = _lines(run / "metrics.jsonl")
    points = [
        ((line["seconds"] - validating) / 60, line)
        for line, validating in zip(lines, validating_seconds(lines))
        if line["kind"] == "validation"
    ]
    points = [(minutes, line) for minutes, line in points if minutes <= place.minutes + 0.5]
    written = [run / "samples" / f"step-{line['step']}.txt" for _, line in points]
    trained = [line for line in lines if line["kind"] == "train"]
    rates = [line["tokens_per_second"] for line in trained[1:]] or [None]  # the first one compiles
    facts = json.loads((run / "run.json").read_text())
    return _trained(
        run, place, points, written, sorted(rates)[len(rates) // 2], facts["parameters"]
    )


def read_joey(run: Path, place: Place) -> Trained:
    lines = _lines(Path(f"{run}.jsonl"))
    points = [(line["seconds"] / 60, line) for line in lines if line["kind"] == "validation"]
    written = [run / f"{line['step']}.hyps" for _, line in points]
    last = points[-1][1]
    rate = last["tokens"] / last["seconds"]
    parameters = lines[-1].get("parameters")
    return _trained(run, place, points, written, rate, parameters)


def _trained(run, place, points, written, rate, parameters) -> Trained:
    scores = []
    for (_, line), path in zip(points, written):
        score, signature = score_of(path, place)
        if abs(score - line["bleu"]) > WIDTH:
            raise SystemExit(
                f"{path}: BLEU {score:.2f}, but the training logged {line['bleu']:.2f}"
            )
        scores.append(score)
    minutes = [minutes for minutes, _ in points]
    return Trained(run.name, minutes, scores, points[-1][1]["step"], rate, parameters, signature)


def score_of(path: Path, place: Place) -> tuple[float, str]:
    """sacrebleu's BLEU of written translations of the validation text, and its signature."""
    from sacrebleu.metrics import BLEU

    reference = place.text / f"valid.{place.target}"
    texts = [file.read_text(encoding="utf-8").split("\n")[:-1] for file in (path, reference)]
    metric = BLEU(tokenize="none", force=True)
    score = metric.corpus_score(texts[0], [texts[1]]).score
    return score, str(metric.get_signature())


def report(out: Path, place: Place, docs: Path, jobs: int = 1) -> None:
    """Print table and verdict of what is done, and draw it to `docs`/peer-joeynmt.svg."""
    found = [
        read_joey(path.with_suffix(""), place)
        for path in sorted(out.glob(f"{PEER}*.jsonl"))
        if joey_is_done(path.with_suffix(""))
    ]
    found += [
        read_nmt(run, place)
        for run in sorted(out.glob(f"{OURS}*"))
        if run.is_dir() and nmt_is_done(run)
    ]
    if not found:
        print("nothing is trained yet")
        return
    found.sort(key=lambda one: (one.architecture != "transformer", not one.name.startswith(OURS)))
    print(table(found, place))
    for architecture in dict.fromkeys(one.architecture for one in found):
        print(verdict(found, architecture, place.minutes))
    each = len(place.processors) // jobs
    print(f"\n`{found[0].signature}`, processors: {each}, {_processor()}, float32")
    docs.mkdir(parents=True, exist_ok=True)
    save_figure(figure(found, place), docs / "peer-joeynmt.svg")


def table(found: list[Trained], place: Place) -> str:
    """Markdown: BLEU of each system at each tenth of the time, and what it did in it."""
    rows = [["minutes", *(one.name for one in found)]]
    rows.append(["---"] * len(rows[0]))
    for tenth in range(1, 11):
        minutes = place.minutes * tenth / 10
        rows.append([f"{minutes:g}", *(f"{one.at(minutes):.1f}" for one in found)])
    rows.append(["updates", *(f"{one.updates:,}" for one in found)])
    rows.append(["tokens/s", *(_number(one.tokens_per_second) for one in found)])
    rows.append(["parameters", *(_number(one.parameters) for one in found)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def verdict(found: list[Trained], architecture: str, minutes: float) -> str:
    """Whether the first of ours is above all of Joey NMT's at each validation of any of them after
    the first tenth of the time, and where it is least so."""
    rivals = [one for one in found if one.architecture == architecture]
    ours = [one for one in rivals if one.name.startswith(OURS)][:1]
    peers = [one for one in rivals if one.name.startswith(PEER)]
    if not ours or not peers:
        return f"{architecture}: not yet on both sides"
    times = {time for one in rivals for time in one.minutes if minutes / 10 < time < minutes}
    margins = []
    for time in sorted(times | {minutes}):
        best = max(one.at(time) for one in peers)
        margins.append((ours[0].at(time) - best, time, best))
    above = sum(margin > 0 for margin, _, _ in margins)
    least, when, best = min(margins)
    return (
        f"{architecture}: nmt is above Joey NMT at {above} of {len(margins)} times after the first"
        f" tenth; least at {when:.1f} minutes, {best + least:.1f} against {best:.1f}"
    )


def figure(found: list[Trained], place: Place):
    """Lines of BLEU; a colour for each architecture, dashes for Joey NMT."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(8, 4.6), layout="constrained")
    axes = drawing.subplots()
    axes.axvspan(0, place.minutes / 10, color="0.93", linewidth=0)
    dashes = {one.architecture: iter(DASHES * len(found)) for one in found}
    for one in found:
        is_ours = one.name.startswith(OURS)
        axes.plot(
            [0, *one.minutes],
            [0, *one.bleu],
            color=COLOURS.get(one.architecture, "#009E73"),
            linestyle="-" if is_ours else next(dashes[one.architecture]),
            marker="o" if is_ours else "s",
            markersize=3,
            markerfacecolor=None if is_ours else "white",
            linewidth=1.8,
            label=one.name,
        )
    axes.set_xlim(0, place.minutes * 1.01)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("minutes of training (grey: the first tenth)")
    axes.set_ylabel("BLEU on the validation text")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="best", handlelength=4)
    return drawing


def _lines(path: Path) -> list[dict]:
    from nmtcli.runs.metrics_log import read_metrics

    return read_metrics(path)


def _number(value) -> str:
    return f"{value:,.0f}" if value is not None else "-"


def _processor() -> str:
    """The processor's name, where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
