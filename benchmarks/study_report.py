"""Tables and figures of the attention study, from what its runs left behind."""

import json
import statistics
from pathlib import Path

from study_corpora import CORPORA, Corpus, Files, nmt
from study_measure import translations_of

STUDIES = {  # corpus -> heading of its page
    "sample": "Every mechanism on the embedded corpus",
    "hansards": "Every mechanism on the Hansards",
}
FIGURE_2 = ("none", "bahdanau")
LADDER = ("none", "luong-location", "luong-local-m", "luong-general", "bahdanau")


def report(out: Path, mechanisms: list[str], docs: Path) -> None:
    """Write `docs`/CORPUS.md with its figures for each corpus that was studied."""
    docs.mkdir(parents=True, exist_ok=True)
    for name, heading in STUDIES.items():
        corpus, folder = CORPORA[name], out / name
        found = _read(folder, mechanisms)
        if not found:
            continue
        files = corpus.prepare(corpus.data, folder)
        lengths = {seed: _lengths(corpus, files, folder, found, seed) for seed in _seeds(found)}
        text = f"# {heading}\n\n" + _table(corpus, found, lengths, _speeds(out))
        if files.gold is not None:
            text += "\n" + _alignment_table(found, out)
        (docs / f"{name}.md").write_text(text, encoding="utf-8")
        _figures(name, corpus, files, folder, found, docs)
        print(text)


def _read(folder: Path, mechanisms: list[str]) -> dict[str, dict[int, dict]]:
    """What was measured: mechanism -> seed -> numbers."""
    found: dict[str, dict[int, dict]] = {name: {} for name in mechanisms}
    for path in sorted(folder.glob("*/study.json")):
        numbers = json.loads(path.read_text())
        if numbers["name"] in found:
            found[numbers["name"]][numbers["seed"]] = numbers
    return {name: by_seed for name, by_seed in found.items() if by_seed}


def _seeds(found) -> list[int]:
    return sorted({seed for by_seed in found.values() for seed in by_seed})


def _speeds(out: Path) -> dict[str, float]:
    path = out / "speed.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _lengths(corpus: Corpus, files: Files, folder: Path, found, seed: int) -> dict[str, dict]:
    """BLEU by source length of each mechanism, by `nmt bleu`."""
    names = [name for name in found if seed in found[name]]
    source, reference = files.tests[corpus.test]
    outputs = [translations_of(folder, corpus.test, seed) / name for name in names]
    report = json.loads(
        nmt(
            "bleu", reference, *outputs, "--by-length", corpus.edges, "--source", source,
            "--tokenize", corpus.tokenize, "--force", "--json",
        )
    )  # fmt: skip
    return dict(zip(names, report["systems"]))


def _table(corpus: Corpus, found, lengths, speeds) -> str:
    """One row for each mechanism; of several seeds the mean, and BLEU's standard deviation."""
    first = next(iter(next(iter(lengths.values())).values()))
    buckets = [bucket["label"] for bucket in first["by_length"]]
    headings = ["mechanism", "parameters", "perplexity", "BLEU", *buckets]
    headings += ["tokens/s"] if speeds else []
    rows = []
    for name, by_seed in found.items():
        systems = [lengths[seed][name] for seed in by_seed]
        rows.append(
            [
                f"`{name}`",
                f"{next(iter(by_seed.values()))['parameters'] / 1e6:.2f} M",
                _mean([one["tests"][corpus.test]["perplexity"] for one in by_seed.values()], 2),
                _bleu(systems),
                *(
                    _mean([system["by_length"][n]["score"] for system in systems], 1)
                    for n in range(len(buckets))
                ),
                *([f"{speeds[name]:,.0f}" if name in speeds else ""] if speeds else []),
            ]
        )
    counts = [str(bucket["count"]) for bucket in first["by_length"]]
    total = str(sum(map(int, counts)))
    rows.append(["sentences", "", "", total, *counts, *([""] if speeds else [])])
    return _markdown(headings, rows) + f"\n`{first['scores'][0]['signature']}`\n"


def _bleu(systems: list[dict]) -> str:
    """Of one seed with its bootstrap interval, of several with their standard deviation."""
    scores = [system["all"]["score"] for system in systems]
    if len(scores) > 1:
        return f"{statistics.mean(scores):.1f} (sd {statistics.stdev(scores):.1f})"
    interval = systems[0]["all"]["interval"]
    return f"{scores[0]:.1f} ± {interval['half_width']:.1f}"


def _alignment_table(found, out: Path) -> str:
    """AER of each mechanism, and of what attention is compared with."""
    rows = []
    for name, by_seed in found.items():
        one = next(iter(by_seed.values())).get("alignment")
        if one is not None:
            rule = "`" + " ".join(f"--{key} {value}" for key, value in one["rule"].items()) + "`"
            rows.append([f"`{name}`", *_numbers(one), f"{one['aer_plain']:.3f}", rule])
    for path in sorted((out / "aligners").glob("*.json")):
        for name, row in json.loads(path.read_text()).items():
            rows.append([name, *_numbers(row), "", ""])
    headings = ["aligner", "precision", "recall", "AER", "AER, plain rule", "rule"]
    return _markdown(headings, rows)


def _numbers(row: dict) -> list[str]:
    return [f"{row[key]:.3f}" for key in ("precision", "recall", "aer")]


def _figures(name: str, corpus: Corpus, files: Files, folder: Path, found, docs: Path) -> None:
    seed = _seeds(found)[0]
    source, reference = files.tests[corpus.test]
    for figure, chosen in (("figure-2", FIGURE_2), ("ladder", LADDER)):
        outputs = [translations_of(folder, corpus.test, seed) / one for one in chosen]
        if all(output.exists() for output in outputs):
            nmt(
                "bleu", reference, *outputs, "--by-length", corpus.edges, "--source", source,
                "--tokenize", corpus.tokenize, "--force",
                "--plot", docs / f"{name}-{figure}.svg",
            )  # fmt: skip


def _mean(values: list[float], width: int) -> str:
    return f"{statistics.mean(values):.{width}f}" if None not in values else "-"


def _markdown(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
