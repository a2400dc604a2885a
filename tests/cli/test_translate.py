"""`nmt translate`, `nmt score` and `nmt inspect` as a user meets them."""

import json
from pathlib import Path

import pytest
import yaml

from helpers.command import translated
from helpers.fake_engine import make_run


def test_it_filters_stdin_to_stdout_with_the_newest_run_here(nmt):
    status, output, errors = nmt("translate", stdin=b"abc\n\nde fg")
    expected = translated("abc", "", "de fg", beam=3)
    assert (status, errors) == (0, "")
    assert output.decode() == "".join(f"{t.text}\n" for t in expected)


def test_options_come_before_the_set_values_the_file_and_the_run(nmt, tmp_path):
    Path("options.yaml").write_text("search: {beam: 2, length_penalty: 0.0}\n")
    for arguments, search in (
        (["--beam", "1"], {"beam": 1}),
        (["--set", "search.beam=4"], {"beam": 4}),
        (["--config", "options.yaml"], {"beam": 2, "length_penalty": 0.0}),
        (["--config", "options.yaml", "--set", "search.beam=4"], {"beam": 4, "length_penalty": 0}),
        (["--set", "search.beam=4", "--beam", "6", "--length-penalty", "2"], {"beam": 6}),
    ):
        _, output, errors = nmt("translate", "--scores", *arguments, stdin=b"abc def ghi\n")
        if "--length-penalty" in arguments:
            search["length_penalty"] = 2.0
        best = translated("abc def ghi", **search)[0]
        assert output.decode() == f"{best.score:.4f}\t{best.text}\n", errors


def test_each_sentence_is_translated_by_itself_with_an_option_or_as_the_run_says(nmt, tmp_path):
    make_run(tmp_path / "runs" / "two", beam=3, by_sentence=True)
    line, parts = "Abc. Def ghi.", ["Abc. ", "Def ghi."]
    expected = " ".join(t.text for t in translated(*parts, beam=3)).split()
    for options in (["--run", "runs/one", "--by-sentence"], ["--run", "runs/two"]):
        status, output, errors = nmt("translate", *options, stdin=line.encode())
        assert (status, errors) == (0, "") and output.decode().split() == expected
    whole = nmt(
        "translate", "--run", "runs/two", "--set", "search.by_sentence=false", stdin=b"Ab. C"
    )
    assert whole[1].decode() == translated("Ab. C", beam=3)[0].text + "\n"


def test_files_are_read_and_written_and_the_input_is_never_overwritten(nmt):
    Path("in.txt").write_bytes(b"abc\r\nd\n")
    assert nmt("translate", "--input", "in.txt", "--output", "out.txt") == (0, b"", "")
    assert Path("out.txt").read_text().count("\n") == 2
    status, _, errors = nmt("translate", "-i", "in.txt", "-o", "./in.txt")
    assert status == 2 and "is the input too" in errors
    assert Path("in.txt").read_bytes() == b"abc\r\nd\n"


def test_the_n_best_are_numbered_lines(nmt):
    status, output, _ = nmt("translate", "--nbest", "2", stdin=b"abc\n\n")
    best = translated("abc", beam=3, nbest=2)[0].nbest
    lines = [f"0 ||| {c.text} ||| {c.score:.4f}" for c in best] + ["1 |||  ||| 0.0000"]
    assert status == 0
    assert output.decode().split("\n") == [*lines, ""]


def test_json_has_all_that_is_known(nmt):
    _, output, _ = nmt("translate", "--json", "--nbest", "3", stdin="abc\nå\u2028\n".encode())
    objects = [json.loads(line) for line in output.split(b"\n")[:-1]]
    assert len(objects) == 2
    assert list(objects[0]) == [
        "translation",
        "score",
        "log_prob",
        "tokens",
        "source_tokens",
        "attention",
        "nbest",
    ]
    assert len(objects[0]["nbest"]) == 3
    assert len(objects[0]["attention"]) == len(objects[0]["tokens"])


def test_what_is_odd_in_the_input_is_named_by_its_line(nmt):
    status, output, errors = nmt("translate", stdin=b"abc\nd\xffe\n" + b"ab. " * 20 + b"\n")
    assert status == 0 and output.count(b"\n") == 3
    assert "nmt: warning: line 2: not valid UTF-8; the invalid bytes became U+FFFD\n" in errors
    assert "nmt: warning: line 3 has 79 tokens, more than 30" in errors and "4 segments\n" in errors


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--run", "nowhere"], "nowhere: there is no such run"),
        (["--input", "missing.txt"], "missing.txt: there is no such file"),
        (["--input", "."], ".: is a directory; give a text file"),
        (["--output", "no/where.txt"], "no/where.txt: no such folder"),
        (["--beam", "2", "--nbest", "5"], "search.nbest is 5"),
        (["--beam", "0"], "search.beam must be between 1 and 100, not 0"),
        (["--beam", "many"], "--beam"),
        (["--checkpoint", "../x"], "give best, last or step-N"),
        (["--set", "model.cell=lstm"], "only search.* can be set"),
        (["--set", "search.baem=2"], "did you mean 'beam'?"),
        (["--config", "none.yaml"], "none.yaml: no such configuration file"),
        (["--window", "0"], "search.window must be at least 1"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(nmt, arguments, part):
    status, output, errors = nmt("translate", *arguments, stdin=b"abc\n")
    assert (status, output) == (2, b"")
    assert part in errors and errors.count("\n") == 1


def test_without_a_run_one_line_says_what_is_missing(nmt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "runs" / "one")
    status, _, errors = nmt("translate", stdin=b"abc\n")
    assert status == 2
    assert "there is no run" in errors and "give the folder of one" in errors


def test_scores_go_to_stdout_and_the_summary_to_stderr(nmt):
    Path("source").write_text("abc\nde\n\n")
    Path("target").write_text("xy\n\nq\n")
    status, output, errors = nmt("score", "source", "target")
    assert status == 0
    assert [len(line.partition(b".")[2]) for line in output.split()] == [4, 4, 4]
    assert errors.startswith("3 lines, 6 pieces, 5 words; perplexity ")
    assert nmt("score", "-", "target", stdin=b"abc\nde\n\n") == (0, output, errors)
    assert nmt("score", "source", "target", "--summary-only") == (0, errors.encode(), "")
    _, objects, summary = nmt("score", "source", "target", "--json")
    log_probs = [json.loads(line)["log_prob"] for line in objects.split(b"\n")[:-1]]
    assert log_probs == pytest.approx([float(line) for line in output.split()], abs=1e-4)
    assert json.loads(summary)["log_prob"] == pytest.approx(sum(log_probs))


def test_scoring_files_of_different_lengths_names_both_counts(nmt):
    Path("source").write_text("abc\nde\nf")
    Path("target").write_text("xy\n")
    status, output, errors = nmt("score", "source", "target")
    assert (status, output) == (2, b"")
    assert errors.startswith("nmt: source has 3 lines, but target has 1; give ")
    assert nmt("score", "-", "-")[0] == 2
    errors = nmt("score", "source", "missing")[2]
    assert errors == "nmt: missing: there is no such file; give an existing text file\n"
    Path("empty").write_text("")
    assert nmt("score", "empty", "empty") == (0, b"", "0 lines\n")


def test_inspect_shows_a_run_and_its_checkpoints(nmt, tmp_path):
    run = tmp_path / "runs" / "one"
    for step in (9, 10):
        folder = run / "checkpoints" / f"step-{step}"
        folder.mkdir()
        (folder / "model.weights").write_bytes(b"x" * step)
        (folder / "state.json").write_text(json.dumps({"step": step, "epoch": 1}))
        manifest = {"files": {"model.weights": {"sha256": "", "bytes": 9}}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    (run / "checkpoints" / "best").symlink_to("step-9")
    (run / "checkpoints" / "last").symlink_to("step-10")
    (run / "metrics.jsonl").write_text(
        '{"kind": "train", "step": 5, "epoch": 1, "loss": 4.5}\n'
        '{"kind": "validation", "step": 9, "epoch": 1, "perplexity": 20.5, "bleu": 12.25}\n'
        '{"kind": "validation", "step": 10, "epoch": 1, "perplexity": 19, "bleu": 11}\n{"kin'
    )
    status, output, errors = nmt("inspect", "runs/one")
    text = output.decode()
    assert (status, errors) == (0, "")
    assert "rnn, attention bahdanau, cell gru" in text
    assert "step 9, BLEU 12.25, perplexity 20.50" in text
    assert "step-9, epoch 1, 0.0 MB, complete (best)" in text
    assert "step-10, epoch 1, 0.0 MB, DAMAGED: model.weights has 10 bytes, not 9 (last)" in text
    assert "parameters" in text and "1234" in text
    about = json.loads(nmt("inspect", "--json")[1])
    assert about["best_validation"]["step"] == 9 and about["last_step"] == 10
    assert [c["name"] for c in about["checkpoints"]] == ["step-9", "step-10"]


def test_inspect_names_all_training_texts_and_says_where_there_is_no_validation(nmt, tmp_path):
    path = tmp_path / "runs" / "one" / "config.yaml"
    values = yaml.safe_load(path.read_text())
    values["data"] |= {"train_source": ["a.ko", "b.ko"], "train_target": ["a.en", "b.en"]}
    values["data"] |= {"valid_source": None, "valid_target": None}
    path.write_text(yaml.safe_dump(values))
    lines = [" ".join(line.split()) for line in nmt("inspect")[1].decode().splitlines()]
    assert "train text a.ko, b.ko -> a.en, b.en" in lines and "valid text none" in lines


def test_inspect_of_a_training_too_short_for_metrics_goes_by_its_checkpoint(nmt, tmp_path):
    folder = tmp_path / "runs" / "one" / "checkpoints" / "step-5"
    folder.mkdir()
    (folder / "state.json").write_text(json.dumps({"step": 5, "epoch": 2}))
    assert "step 5, epoch 2" in nmt("inspect")[1].decode()


def test_inspect_is_lenient_about_missing_files(nmt, tmp_path):
    (tmp_path / "runs" / "one" / "config.yaml").unlink()
    (tmp_path / "runs" / "one" / "checkpoints").rmdir()
    status, output, errors = nmt("inspect")
    assert (status, errors) == (0, "")
    assert "missing or damaged" in output.decode()
    assert nmt("inspect", "nowhere")[0] == 2
