"""Learning curves: what is drawn of which measurements, and what `nmt inspect --plot` says."""

import json
import re

import pytest

from nmtcli.cli.main import run as nmt
from nmtcli.plots.bleu_by_length import save_figure
from nmtcli.plots.learning_curves import Curve, curves_of, figure_of_curves
from nmtcli.runs.directory import RunDirectory


def metrics(steps=40, bleu=True):
    lines = []
    for step in range(10, steps + 1, 10):
        counts = {"step": step, "seconds": 6.0 * step, "tokens": 1000 * step}
        lines.append(
            {"kind": "train", **counts, "perplexity": 400 / step, "learning_rate": 1e-5 * step}
        )
        if step % 20 == 0:
            scores = {"bleu": step / 2, "chrf": 40.0, "signature": "nrefs:1|x"} if bleu else {}
            lines.append({"kind": "validation", **counts, "perplexity": 500 / step, **scores})
    return lines


def make_run(folder, lines):
    run = RunDirectory(folder)
    run.create({})
    run.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return run


@pytest.mark.parametrize(
    ("by", "x"), [("steps", [20, 40]), ("minutes", [2, 4]), ("tokens", [0.02, 0.04])]
)
def test_curves_stand_over_updates_minutes_or_pieces(by, x):
    curves = curves_of("run", metrics(), by)
    assert curves.bleu == Curve(x, [10.0, 20.0])
    assert curves.valid_perplexity.y == [25.0, 12.5]
    assert curves.train_perplexity.y == [40.0, 20.0, pytest.approx(400 / 30), 10.0]
    assert len(curves.learning_rate.x) == 4


def test_what_is_no_number_is_left_out():
    odd = [
        {"kind": "validation", "step": 1, "perplexity": None},
        {"kind": "validation", "step": 2, "perplexity": float("nan")},
        {"kind": "validation", "step": True, "perplexity": 3.0},
        {"kind": "validation", "perplexity": 3.0},
        {"kind": "else", "step": 3, "perplexity": 3.0},
    ]
    assert curves_of("run", odd).is_empty
    assert curves_of("run", metrics(), "tokens").bleu.x and curves_of("run", []).is_empty


def test_only_what_was_measured_has_a_part():
    def labels(lines):
        figure = figure_of_curves([curves_of("run", lines)])
        return [axes.get_ylabel().partition("\n")[0] for axes in figure.axes]

    assert labels(metrics()) == ["perplexity", "BLEU", "learning rate"]
    assert labels(metrics(bleu=False)) == ["perplexity", "learning rate"]


def test_lines_hold_the_measurements_of_every_run():
    figure = figure_of_curves([curves_of("a", metrics()), curves_of("b", metrics(60))])
    scores = figure.axes[1].get_lines()
    assert [list(line.get_ydata()) for line in scores] == [
        [40.0, 40.0],
        [10.0, 20.0],
        [40.0, 40.0, 40.0],
        [10.0, 20.0, 30.0],
    ]
    assert scores[1].get_color() != scores[3].get_color()
    assert figure.axes[0].get_yscale() == "log" and figure.axes[1].get_ylim()[0] == 0


def test_names_stay_as_they_are_korean_and_dollars_too(tmp_path, caplog):
    runs = [curves_of(name, metrics()) for name in ("실험 하나", "$x^2$", "_hidden")]
    figure = figure_of_curves(runs, caption="nrefs:1|$")
    save_figure(figure, tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    for name in ("실험 하나", "$x^2$", "_hidden", "nrefs:1|$"):
        assert name in text
    assert not caplog.messages


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_inspect_draws_all_runs_on_one_picture(ending, tmp_path, capsys):
    runs = [make_run(tmp_path / name, metrics()) for name in ("하나", "둘")]
    picture = tmp_path / f"curves.{ending}"
    paths = [str(run.path) for run in runs]
    assert nmt(["inspect", *paths, "--plot", str(picture), "--by", "minutes"]) == 0
    assert capsys.readouterr() == ("", "")
    if ending == "svg":
        text = picture.read_text(encoding="utf-8")
        assert "하나" in text and "둘" in text and "minutes of training" in text
        assert text.count("nrefs:1|x") == 1
    else:
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_runs_of_the_same_name_are_told_apart_by_their_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("a/run", "b/run"):
        make_run(tmp_path / folder, metrics())
    assert nmt(["inspect", "a/run", "b/run", "--plot", "x.svg"]) == 0
    text = (tmp_path / "x.svg").read_text(encoding="utf-8")
    assert re.search(r">a/run<", text) and re.search(r">b/run<", text)


def test_a_run_without_metrics_is_said_in_one_line_and_the_others_are_drawn(tmp_path, capsys):
    full, empty = make_run(tmp_path / "full", metrics()), make_run(tmp_path / "empty", [])
    picture = tmp_path / "x.svg"
    assert nmt(["inspect", str(full.path), str(empty.path), "--plot", str(picture)]) == 0
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "empty/metrics.jsonl: " in error and "not drawn" in error
    assert nmt(["inspect", str(empty.path), "--plot", str(tmp_path / "y.svg")]) == 2
    assert "nothing to draw" in capsys.readouterr().err
    assert picture.exists() and not (tmp_path / "y.svg").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--plot", "x.pdf"], "--plot x.pdf: the name must end in .png or .svg"),
        (["--plot", "nowhere/x.svg"], "no folder nowhere"),
        (["--plot", "x.svg", "--by", "hours"], "--by must be one of steps, minutes, tokens"),
        (["--json", "--card"], "--json and --card"),
        (["--card"], "MODEL_CARD.md: no such file; nmt train writes it"),
    ],
)
def test_wrong_use_is_refused_in_one_line(given, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "run", metrics())
    assert nmt(["inspect", "run", *given]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and message in error
