"""`nmtcli.preprocess` and `nmtcli.train`: as the commands do, with callbacks instead of lines."""

import json

import pytest

import nmtcli
from helpers.preprocess_case import here  # noqa: F401
from helpers.training_case import MODEL
from nmtcli.cli.main import run as nmt
from nmtcli.data.prepared import PreparedData
from nmtcli.errors import UsageError
from nmtcli.training import events

QUICK = {"max_steps": 4, "max_epochs": 0, "save_every": 2, "log_every": 1, "batch_tokens": 200}


def test_preprocess_writes_what_the_command_writes(here, capsys):  # noqa: F811
    stages = []
    report = nmtcli.preprocess(
        ("s", here / "t"),
        ("vs", "vt"),
        here / "api",
        vocabulary_size=60,
        joint=False,
        settings={"data.max_words": 50},
        keep_rejected=True,
        on_progress=lambda stage, done, total: stages.append(stage),
    )
    arguments = ["--train", "s", str(here / "t"), "--valid", "vs", "vt", "--out", "command"]
    more = ["--vocab-size", "60", "--separate", "--set", "data.max_words=50", "--keep-rejected"]
    capsys.readouterr()
    assert nmt(["preprocess", *arguments, *more]) == 0
    facts = [PreparedData(here / name).facts for name in ("api", "command")]
    assert facts[0].pop("command") == [] != facts[1].pop("command")
    assert facts[0] == facts[1]
    assert report.counts["train"].read == 100 and not report.already
    assert list(dict.fromkeys(stages)) == ["count", "learn", "encode", "shortlist"]
    again = nmtcli.preprocess(
        [("s", here / "t")], ("vs", "vt"), "api", vocabulary_size=60, joint=False,
        settings={"data.max_words": 50}, keep_rejected=True,
    )  # fmt: skip
    assert again.already


def test_several_training_texts_have_weights(here):  # noqa: F811
    report = nmtcli.preprocess([("s", "t"), ("vs", "vt")], vocabulary_size=60, weights=(1, 0.5))
    assert [corpus["weight"] for corpus in report.corpora] == [1.0, 0.5]


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ({"train": ()}, []),
        ({"train": ("s", "nothing")}, ["--train", "s", "nothing"]),
        ({"vocabulary_size": -1}, ["--train", "s", "t", "--vocab-size", "-1"]),
        ({"vocabulary_size": 9999}, ["--train", "s", "t", "--vocab-size", "9999"]),
        ({"type": "letters"}, ["--train", "s", "t", "--subwords", "letters"]),
        ({"settings": {"data.max_word": 1}}, ["--train", "s", "t", "--set", "data.max_word=1"]),
    ],
)
def test_preprocess_refuses_what_the_command_refuses(here, capsys, given, arguments):  # noqa: F811
    with pytest.raises(UsageError) as refused:
        nmtcli.preprocess(**{"train": ("s", "t"), **given})
    assert nmt(["preprocess", *arguments]) == 2
    printed = capsys.readouterr().err.splitlines()[-1].removeprefix("nmt: ")
    assert printed.removeprefix("data.max_word=1: ") == str(refused.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nmtcli.preprocess("s", "t"), "train must be the files of sources and targets"),
        (lambda: nmtcli.preprocess(("s", "t"), "vs"), "valid must be the files"),
        (lambda: nmtcli.preprocess(("s", "t"), joined=True), "did you mean 'joint'"),
        (lambda: nmtcli.train("nowhere"), "nowhere: no such folder"),
        (lambda: nmtcli.train(attention="bahdanaw"), "model.attention must be one of none, bah"),
        (lambda: nmtcli.train(preset="foo"), "foo"),
        (lambda: nmtcli.train(beem=3), "unknown option 'beem'"),
        (
            lambda: nmtcli.train(attention="transformer", architecture="rnn"),
            "an architecture of its own: leave out architecture rnn",
        ),
    ],
)
def test_a_wrong_call_is_explained(here, call, words):  # noqa: F811
    with pytest.raises(UsageError, match=words):
        call()


def test_a_training_tells_its_events_and_can_be_loaded(prepared, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = []
    options = {**MODEL, **QUICK, "attention": "luong-dot", "every": 2, "precision": "float32"}
    trained = nmtcli.train(prepared, "run", on_event=told.append, **options)
    assert [type(event) for event in told[:2]] == [events.TrainingStarted, events.StepLogged]
    assert [event.step for event in told if isinstance(event, events.StepLogged)] == [1, 2, 3, 4]
    assert [event.step for event in told if isinstance(event, events.Validated)] == [2, 4]
    assert trained.step == 4 and trained.best_step in (2, 4) and trained.finished
    shown = capfd.readouterr()
    assert shown.out == shown.err == ""
    facts = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert facts["command"] == []
    assert "To repeat it" not in (tmp_path / "run" / "MODEL_CARD.md").read_text(encoding="utf-8")

    with pytest.raises(UsageError, match="its own options; model.cell.*--init-from"):
        nmtcli.train(prepared, trained.path, **options, cell="lstm")
    assert isinstance(nmtcli.load(trained.path)("나는 책을 봐요"), str)
