"""`nmtcli.score`, `align`, `bleu`, `chrf` and `ter`: the numbers of the commands."""

import json

import pytest

import nmtcli
from helpers.tiny_run import tiny_corpus
from nmtcli.cli.main import run as nmt
from nmtcli.errors import UsageError

SOURCES, TARGETS = map(list, zip(*tiny_corpus(5, seed=8)))


@pytest.fixture
def files(tmp_path):
    for name, lines in (("s", SOURCES), ("t", TARGETS)):
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [str(tmp_path / "s"), str(tmp_path / "t")]


def printed(capsys, *arguments):
    assert nmt(list(arguments)) == 0
    return capsys.readouterr()


def test_scores_are_those_of_the_command(runs, files, capsys):
    scores = nmtcli.score(SOURCES, TARGETS, ["runs/one", "runs/two"], ensemble="linear")
    shown = printed(
        capsys, "score", *files, "--run", "runs/one", "--run", "runs/two", "--ensemble", "linear"
    )
    assert [f"{line.log_prob:.4f}" for line in scores.lines] == shown.out.splitlines()
    assert str(scores.summary) == shown.err.strip()
    assert repr(scores) == f"CorpusScore({scores.summary})"


def test_alignments_are_those_of_the_command(runs, files, capsys):
    found = nmtcli.align(SOURCES, TARGETS, "runs/one", normalize="source", null="eos")
    options = ["--run", "runs/one", "--normalize", "source", "--null", "eos"]
    assert list(map(str, found)) == printed(capsys, "align", *files, *options).out.splitlines()


def test_both_directions_are_combined_as_by_the_command(runs, files, capsys):
    found = nmtcli.align(
        SOURCES, TARGETS, "runs/one", reverse_run="runs/two", symmetrize="union", agree=True
    )
    options = ["--reverse-run", "runs/two", "--symmetrize", "union", "--agree", "--json"]
    shown = printed(capsys, "align", *files, "--run", "runs/one", *options).out.splitlines()
    links = [json.loads(line)["alignment"] for line in shown]
    assert [[list(link) for link in one.links] for one in found] == links


def test_metrics_are_those_of_the_command(files, capsys):
    hypotheses = [*TARGETS[:-1], "ka na da"]
    files[0] = files[0] + "h"
    with open(files[0], "w", encoding="utf-8") as file:
        file.write("\n".join(hypotheses) + "\n")
    found = [
        nmtcli.bleu(TARGETS, hypotheses, tokenize="char"),
        nmtcli.chrf([TARGETS], hypotheses, word_order=2),
        nmtcli.ter(TARGETS, hypotheses),
    ]
    options = ["-m", "bleu,chrf,ter", "--tokenize", "char", "--chrf-word-order", "2"]
    shown = json.loads(printed(capsys, "bleu", files[1], files[0], *options, "--json").out)
    expected = shown["scores"] if isinstance(shown, dict) else shown
    assert [(one.signature, round(one.value, 1)) for one in found] == [
        (score["signature"], round(score["score"], 1)) for score in expected
    ]
    assert str(found[0]).startswith(f"BLEU|{found[0].signature} = ")
    two = nmtcli.bleu([TARGETS, hypotheses], hypotheses)
    assert two.value == pytest.approx(100) and "nrefs:2" in two.signature


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nmtcli.score(SOURCES, TARGETS[:2]), "5 sources but 2 translations"),
        (lambda: nmtcli.score(SOURCES, TARGETS, ensemble="mean"), "search.ensemble must be one of"),
        (lambda: nmtcli.score("가", ["ka"]), "sources must be a list of lines"),
        (lambda: nmtcli.align(SOURCES, TARGETS[:2]), "5 sources but 2 targets"),
        (lambda: nmtcli.align(SOURCES, TARGETS, agree=True), "agree .* give reverse_run"),
        (lambda: nmtcli.align(SOURCES, TARGETS, symmetrize="union"), "symmetrize .* reverse_run"),
        (lambda: nmtcli.align(SOURCES, TARGETS, reverse_run="runs/one"), "give run too"),
        (
            lambda: nmtcli.align(SOURCES, TARGETS, "runs/one", reverse_run="x", symmetrize="or"),
            "symmetrize must be one of intersection",
        ),
        (lambda: nmtcli.align(SOURCES, TARGETS, layer=2), "a recurrent model has one attention"),
        (lambda: nmtcli.bleu("ka", ["ka"]), "references must be a list of lines"),
        (lambda: nmtcli.bleu(["ka"], "ka"), "hypotheses must be a list of lines"),
        (lambda: nmtcli.bleu([], []), "there is nothing to score"),
        (lambda: nmtcli.bleu(["ka"], ["ka"], tokenise="char"), "did you mean 'tokenize'"),
        (lambda: nmtcli.bleu(["ka"], ["ka"], tokenize="mecab"), "tokenize must be one of 13a"),
        (lambda: nmtcli.chrf(["ka", "na"], ["ka"]), "reference 1 has 2 lines"),
    ],
)
def test_a_wrong_call_is_explained(runs, call, words):
    with pytest.raises(UsageError, match=words):
        call()
