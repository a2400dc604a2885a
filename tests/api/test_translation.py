"""`nmtcli.load`: as the command line translates, with results that show themselves."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

import nmtcli
from helpers.tiny_run import make_tiny_run, tiny_corpus
from nmtcli.cli.main import run as nmt
from nmtcli.errors import UsageError

LINES = [source for source, _ in tiny_corpus(4, seed=5)] + ["", "가나 다라."]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def translator(runs):
    return nmtcli.load("runs/one")


def command(capsys, *arguments):
    """The lines that a command prints."""
    assert nmt(list(arguments)) == 0
    return capsys.readouterr().out.splitlines()


def refusal_of_command(capsys, *arguments):
    assert nmt(list(arguments)) == 2
    return capsys.readouterr().err.strip()


def test_results_are_those_of_the_command(translator, runs, capsys, tmp_path):
    (tmp_path / "in").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    options = ["--run", "runs/one", "-i", str(tmp_path / "in"), "--beam", "4", "--nbest", "3"]
    printed = map(json.loads, command(capsys, "translate", "--json", "--align", *options))
    results = translator.translate(LINES, beam=4, nbest=3)
    assert len(results) == len(LINES)
    for result, line in zip(results, printed):
        assert (result.text, result.score, result.tokens) == (
            line["translation"], line["score"], line["tokens"],
        )  # fmt: skip
        assert result.source_tokens == line["source_tokens"]
        assert [found.text for found in result.nbest] == [n["translation"] for n in line["nbest"]]
        assert [list(link) for link in result.alignment.links] == line["alignment"]
        if result.text:
            assert result.attention.shape == (len(result.tokens), len(result.source_tokens))
            np.testing.assert_allclose(result.attention, line["attention"], atol=1e-4)


def test_a_text_is_translated_line_by_line(translator):
    found = translator.translate(LINES[:2])
    assert translator(LINES[0]) == found[0].text
    assert translator("\n".join([LINES[0], "", LINES[1]])) == f"{found[0]}\n\n{found[1]}"


def test_lines_may_have_their_line_endings(translator):
    with_ends = [line + end for line, end in zip(LINES, ["\n", "\r\n", "", "\n", "\n", ""])]
    assert list(map(str, translator.translate(with_ends))) == list(
        map(str, translator.translate(LINES))
    )


def test_without_a_path_the_newest_run_translates(runs):
    newest = list(map(str, nmtcli.load("runs/two").translate(LINES)))
    assert list(map(str, nmtcli.load().translate(LINES))) == newest
    assert list(map(str, nmtcli.load("runs/one").translate(LINES))) != newest


def test_several_runs_are_an_ensemble(runs, capsys, tmp_path):
    (tmp_path / "in").write_text(LINES[0], encoding="utf-8")
    paths = ["--run", "runs/one", "--run", "runs/two", "--ensemble", "linear"]
    (line,) = command(capsys, "translate", "--json", "-i", str(tmp_path / "in"), *paths)
    ensemble = nmtcli.load(["runs/one", runs / "two"], ensemble="linear")
    (found,) = ensemble.translate(LINES[:1])
    assert (found.text, found.score) == (json.loads(line)["translation"], json.loads(line)["score"])


def test_prefixes_begin_the_translations(translator):
    found = translator.translate(LINES[:2], prefixes=["ka na", "ma"])
    assert [result.text[:2] for result in found] == ["ka", "ma"]
    with pytest.raises(UsageError, match="^line 2 has no prefix"):
        translator.translate(LINES[:2], prefixes=["ka"])


def test_an_option_of_one_call_does_not_stay(translator):
    before = translator.translate(LINES)
    drawn = translator.translate(LINES, sample=True, nbest=2, seed=3)
    assert len(drawn[0].nbest) == 2
    assert [str(found) for found in translator.translate(LINES)] == list(map(str, before))
    greedy = translator.with_options(beam=1)
    assert greedy.search.beam == 1 and greedy.engine is translator.engine


def test_options_have_the_same_effect_wherever_they_are_given(runs, tmp_path):
    (tmp_path / "search.yaml").write_text("search: {beam: 2, no_repeat_ngram: 1}", encoding="utf-8")
    usual = nmtcli.load("runs/one").translate(LINES, beam=2, no_repeat_ngram=1)
    for given in (
        {"beam": 2, "no_repeat_ngram": 1},
        {"settings": {"search.beam": 2, "search.no_repeat_ngram": 1}},
        {"config": tmp_path / "search.yaml"},
        {"config": tmp_path / "search.yaml", "settings": {"search.beam": 9}, "beam": 2},
    ):
        found = nmtcli.load("runs/one", **given).translate(LINES)
        assert [result.score for result in found] == [result.score for result in usual]


def test_a_run_reranks_as_in_the_command(runs, capsys, tmp_path):
    (tmp_path / "in").write_text("\n".join(LINES[:3]) + "\n", encoding="utf-8")
    options = ["--rerank", "runs/two", "--rerank-weight", "0.8", "--scores"]
    printed = command(
        capsys, "translate", "--run", "runs/one", "-i", str(tmp_path / "in"), *options
    )
    reranking = nmtcli.load("runs/one", rerank="runs/two")
    found = reranking.translate(LINES[:3], rerank_weight=0.8)
    assert [f"{result.score:.4f}\t{result.text}" for result in found] == printed
    assert found[0].nbest[0].rescore is not None


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ({"beam": 0}, ["--beam", "0"]),
        ({"beam": 2, "nbest": 3}, ["--beam", "2", "--nbest", "3"]),
        ({"temperature": 2.0}, ["--temperature", "2"]),
        ({"checkpoint": "worst"}, ["--checkpoint", "worst"]),
        ({"checkpoint": "step-99"}, ["--checkpoint", "step-99"]),
        ({"engine": "onnx"}, ["--engine", "onnx"]),
        ({"engine": "fast"}, ["--engine", "fast"]),
        ({"engine": "keras", "precision": "int8"}, ["--engine", "keras", "--precision", "int8"]),
        ({"null": "sometimes"}, ["--align", "--null", "sometimes"]),
        ({"shift": -1}, ["--align", "--shift", "-1"]),
        ({"settings": {"model.cell": "gru"}}, None),
        ({"run": "nowhere"}, ["--run", "nowhere"]),
        ({"run": ["runs/one", "nowhere"]}, ["--run", "runs/one", "--run", "nowhere"]),
    ],
)
def test_what_the_command_refuses_is_refused_in_the_same_words(runs, capsys, given, arguments):
    with pytest.raises(UsageError) as refused:
        nmtcli.load(**{"run": "runs/one", **given})
    if arguments is None:
        assert str(refused.value) == "model.cell: the run is trained; only search.* can be set now"
        return
    arguments = arguments if "--run" in arguments else ["--run", "runs/one", *arguments]
    assert refusal_of_command(capsys, "translate", "-i", "runs/one/run.json", *arguments) == (
        f"nmt: {refused.value}"
    )
    before_commands = str(refused.value).partition("nmt ")[0]
    assert "--" not in before_commands


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: t.translate(["가"], bem=3), "did you mean 'beam'"),
        (lambda t: t.translate(["가"], beam=2, nbest=3), "search.nbest is 3"),
        (lambda t: t.translate(["가"], ensemble="linear"), "give it to load"),
        (lambda t: t.translate(["가"], rerank_weight=0.3), "rerank"),
        (lambda t: t.translate("가"), "lines must be a list of lines, not one text"),
        (lambda t: t.translate([3]), "line 1 must be a text, not 3"),
        (lambda t: t.translate(["가", "나\n다"]), "line 2 has a line break"),
        (lambda t: t(["가"]), r"translate\(lines\)"),
        (lambda t: nmtcli.load("runs/one", bem=3), "unknown option 'bem'; did you mean 'beam'"),
        (lambda t: nmtcli.load("runs/one", settings={"beam": 3}), "write section.key"),
        (lambda t: nmtcli.load("runs/one", rerank_weight=0.3), "give rerank"),
    ],
)
def test_a_wrong_call_is_explained(translator, call, words):
    with pytest.raises(UsageError, match=words):
        call(translator)


def test_a_result_is_short_as_a_text(translator):
    (found,) = translator.translate(["가나 다라."], nbest=2)
    assert str(found) == found.text == found.nbest[0].text
    assert repr(found) == f"Translation({found.text!r}, score={found.score:.4g}, nbest=2)"
    assert repr(found.nbest[1]) == (
        f"Candidate({found.nbest[1].text!r}, score={found.nbest[1].score:.4g})"
    )
    links = " ".join(f"{i}-{j}" for i, j in found.alignment.links)
    assert repr(found.alignment) == f"WordAlignment('{links}')"


def test_a_result_in_a_notebook_is_a_heat_map_with_its_words_as_text(translator):
    (found,) = translator.translate(["가나 다라 <마바>."])
    html = found._repr_html_()
    assert html.startswith("<svg ") and html.endswith("</svg>")
    picture = ElementTree.fromstring(html)  # well-formed
    texts = ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]
    assert {"가나", "다라", "<마바>.", *found.text.split()} <= set(texts)
    fonts = [text.get("style") for text in picture.iter(f"{SVG}text") if text.text == "가나"]
    assert all("sans-serif" in font for font in fonts)  # where none of the others is installed
    styles = [style.text for style in picture.iter(f"{SVG}style")]
    assert styles and all(style.startswith("svg.nmt ") for style in styles)
    assert found.nbest[0]._repr_html_() == html


def test_a_result_without_attention_is_its_text(tmp_path):
    make_tiny_run(tmp_path / "plain", attention="none")
    translator = nmtcli.load(tmp_path / "plain")
    (found,) = translator.translate(["가나 다라."])
    assert found.attention is None and found.alignment is None
    assert found._repr_html_() == f"<p>{found.text}</p>"
    assert translator.translate([""])[0]._repr_html_() == "<p></p>"
    with pytest.raises(UsageError, match="without attention"):
        nmtcli.load(tmp_path / "plain", null="eos")


def test_load_model_returns_the_weights_of_the_checkpoint(runs):
    import keras

    from nmtcli.models.weights import arrays_of
    from nmtcli.runs import checkpoints

    model = nmtcli.load_model("runs/one")
    assert isinstance(model, keras.Model)
    saved = checkpoints.load(runs / "one" / "checkpoints", "best")[1]["model"]
    found = arrays_of(model)
    assert found.keys() == saved.keys()
    assert all((found[name] == saved[name]).all() for name in saved)
    with pytest.raises(UsageError, match="checkpoint"):
        nmtcli.load_model("runs/one", "worst")
