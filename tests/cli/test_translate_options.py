"""Sampling, prefixes, penalties, ensembles and reranking, by the line and as a user meets them."""

import io
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.fake_engine import FakeSubwords, fake_engine
from helpers.text_files import FILES, SMALL, PlainReader, raw_lines
from nmtcli.cli.translate import _filter
from nmtcli.cli.translate_output import Format
from nmtcli.config import SearchConfig
from nmtcli.decoding.scoring import coverage
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.engines.ensemble import Ensemble
from nmtcli.errors import UsageError
from nmtcli.inference.loading import translates_back
from nmtcli.inference.reranker import Reranker
from nmtcli.inference.scorer import Scorer
from nmtcli.inference.translator import Translator
from nmtcli.runs.directory import RunDirectory
from nmtcli.text.lines import one_line

ENGINE, OTHER = fake_engine(), fake_engine(seed=8)
SUBWORDS = FakeSubwords()
SAMPLING = {"sample": True, "beam": 1, "temperature": 1.5, "top_k": 9, "top_p": 0.95, "seed": 5}
OPTIONS = [
    {"beam": 3, "length_penalty_kind": "gnmt", "coverage_penalty": 0.5},
    {"beam": 2, "no_repeat_ngram": 1},
    {"beam": 1, "no_repeat_ngram": 2, "coverage_penalty": 0.2},
    {**SAMPLING, "nbest": 3},
    {**SAMPLING, "no_repeat_ngram": 2, "length_penalty_kind": "gnmt"},
]


def translator(engine=ENGINE, rerank=False, **search):
    found = Translator(
        StepwiseSearch(engine), SUBWORDS, SUBWORDS, SearchConfig(**{**SMALL, **search})
    )
    return Reranker(found, Scorer(OTHER, SUBWORDS, SUBWORDS)) if rerank else found


def summary(translation):
    return [(c.text, c.score, c.log_prob, c.tokens) for c in translation.nbest]


@settings(max_examples=250, deadline=None)
@given(
    FILES,
    st.sampled_from(OPTIONS),
    st.sampled_from([ENGINE, Ensemble([ENGINE, OTHER], "linear")]),
    st.booleans(),
    st.integers(1, 300),
    st.integers(1, 9),
)
def test_n_lines_in_are_n_lines_out_with_every_option(
    data, search, engine, rerank, batch_tokens, window
):
    """The lines do not depend on the batch and the window."""
    output = io.BytesIO()
    sizes = {"batch_tokens": batch_tokens, "window": window}
    _filter(translator(engine, rerank, **search, **sizes), PlainReader(data), output, Format())
    lines = [raw.removesuffix(b"\r").decode("utf-8", errors="replace") for raw in raw_lines(data)]
    whole = translator(engine, rerank, **search).translate_lines(lines)
    assert output.getvalue().decode() == "".join(f"{t.text}\n" for t in whole)
    assert output.getvalue().count(b"\n") == len(lines)


LINES = ["abc", "", "de fg", "hello world, this is long. and more! so it is.", "hij", "abc"]


@pytest.mark.parametrize("rerank", [False, True])
@pytest.mark.parametrize("prefixed", [False, True])
@pytest.mark.parametrize("search", OPTIONS)
def test_a_line_does_not_depend_on_its_batch_and_window(search, prefixed, rerank):
    search = {**search, "max_length_factor": 1.0, "max_length_margin": 5}
    prefixes = ["ab", "c", "", "dd", "e", "ab"] if prefixed else None
    expected = [
        summary(t)
        for t in translator(rerank=rerank, **search).translate_lines(LINES, prefixes=prefixes)
    ]
    for window, batch_tokens in itertools.product((1, 2, 5), (1, 40, 4096)):
        sizes = {"window": window, "batch_tokens": batch_tokens}
        found = translator(rerank=rerank, **search, **sizes).translate_lines(
            LINES, prefixes=prefixes
        )
        assert [summary(t) for t in found] == expected
    if not search.get("sample"):
        assert expected[0] == expected[5]


def test_the_same_line_is_drawn_anew_at_another_place_and_the_same_at_the_same():
    found = list(translator(**SAMPLING).translate_lines(["abcd"] * 30))
    assert len({t.text for t in found}) > 10
    assert [summary(t) for t in translator(**SAMPLING).translate_lines(["abcd"] * 30)] == [
        summary(t) for t in found
    ]
    more = translator(**SAMPLING, nbest=4).translate_lines(["abcd"] * 30)
    assert [t.nbest[0].text for t in more] == [t.text for t in found]


def test_the_score_of_a_line_in_parts_is_that_of_the_whole():
    options = {"beam": 2, "length_penalty": 0.7, "coverage_penalty": 0.4}
    (found,) = translator(**options, length_penalty_kind="gnmt").translate_lines([LINES[3]])
    best = found.nbest[0]
    assert len(best.attentions) > 2
    lp = ((5 + len(best.tokens)) / 6) ** 0.7
    expected = best.log_prob / lp + 0.4 * sum(map(coverage, best.attentions))
    assert best.score == pytest.approx(expected)


# -- prefixes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("search", OPTIONS)
def test_a_prefix_begins_each_translation_and_is_in_all_that_is_told(search):
    search = {**search, "max_length_margin": 9}
    prefixes = ["abc", " c  d ", "", "j"]
    found = translator(**search).translate_lines(["xyz", "x", "q w", LINES[3]], prefixes=prefixes)
    for prefix, translation in zip(prefixes, found):
        for candidate in translation.nbest:
            ids = SUBWORDS.encode(prefix)
            assert candidate.tokens[: len(ids)] == SUBWORDS.tokens(ids)
            assert candidate.text.startswith(one_line(SUBWORDS.decode(ids)))
            rows = sum(len(attention) for attention in candidate.attentions)
            assert rows == len(candidate.tokens)


def test_a_prefix_belongs_to_the_first_part_of_a_line():
    lines = ["abc def. ghi jkl! mno pqr"]
    (whole,) = translator(beam=2).translate_lines(lines, prefixes=["bb"])
    parts = ["abc def. ", "ghi jkl! ", "mno pqr"]
    apart = list(translator(beam=2).translate_lines(parts, prefixes=["bb", "", ""]))
    assert whole.tokens == [token for part in apart for token in part.tokens]


def test_odd_prefixes_are_named(caplog):
    list(translator().translate_lines(["", "a"], ["x", " "]))
    assert caplog.messages == ["line 1 is empty, so its prefix is ignored"]
    with pytest.raises(UsageError, match="prefix 2 has 4 tokens, but the longest .* has 1; give"):
        list(translator().translate_lines(["abc", "a"], prefixes=["", "abcd"]))
    with pytest.raises(UsageError, match="line 2 has no prefix"):
        list(translator().translate_lines(["abc", "a"], prefixes=["a"]))
    with pytest.raises(UsageError, match="prefix 2 has no line"):
        list(translator().translate_lines(["abc"], prefixes=["a", "b"]))


def test_the_lines_before_a_wrong_one_are_given_out():
    found = translator(window=2).translate_lines(["a", "b", "c", "d", "e"], prefixes=["x"] * 4)
    assert len([next(found) for _ in range(4)]) == 4
    with pytest.raises(UsageError, match="line 5 has no prefix"):
        next(found)


# -- reranking -----------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_whole_beam_is_ordered_by_both_scores(weight, reverse):
    options = {"length_penalty": 0.8, "length_penalty_kind": "gnmt", "rerank_weight": weight}
    wide = translator(beam=6, nbest=6, **options)
    narrow = translator(beam=6, nbest=2, **options)
    scorer = Scorer(OTHER, SUBWORDS, SUBWORDS)
    found = list(Reranker(narrow, scorer, reverse).translate_lines(LINES))
    for line, own, translation in zip(LINES, wide.translate_lines(LINES), found):
        expected = []
        for candidate in own.nbest if line else []:
            pair = (candidate.text, line) if reverse else (line, candidate.text)
            other = next(scorer.score_lines([pair[0]], [pair[1]]))
            rescore = other.log_prob / ((5 + other.pieces) / 6) ** 0.8
            score = (1 - weight) * candidate.score + weight * rescore
            expected.append((score, candidate.score, rescore, candidate.text))
        expected.sort(key=lambda entry: -entry[0])
        for c, entry in zip(translation.nbest, expected[:2]):
            assert (c.score, c.model_score, c.rescore) == pytest.approx(entry[:3])
        if line:
            assert len(translation.nbest) == 2
            assert [c.text for c in translation.nbest] == [text for *_, text in expected[:2]]
        else:
            assert summary(translation) == [("", 0.0, 0.0, [])]


def test_a_run_that_translates_back_is_known_by_its_text_or_its_pieces(tmp_path):
    def run(name, text, pieces):
        found = RunDirectory(tmp_path / name)
        found.create({"data": {"sha256": {"text": {"train": text}}} if text else {}})
        if pieces:
            found.source_subwords.write_bytes(pieces[0])
            found.target_subwords.write_bytes(pieces[1])
        return found

    joint = run("joint", ["a", "b"], [b"x", b"x"])
    assert translates_back(joint, run("joint-back", ["b", "a"], [b"y", b"y"]))
    assert not translates_back(joint, run("joint-again", ["a", "b"], [b"x", b"x"]))
    assert not translates_back(joint, run("joint-other", ["b", "c"], [b"x", b"x"]))
    pieces = run("pieces", None, [b"x", b"y"])
    assert translates_back(pieces, run("pieces-back", ["b", "a"], [b"y", b"x"]))
    assert not translates_back(pieces, run("pieces-again", None, [b"x", b"y"]))
    assert not translates_back(run("bare", None, None), run("bare-back", None, None))


# -- the command ---------------------------------------------------------------------------------


def test_samples_are_reproducible_and_need_no_beam_of_one(nmt):
    lines = b"abc def\nhij\n" * 4
    command = ["translate", "--sample", "--temperature", "2", "--top-k", "9", "--top-p", "0.9"]
    first = nmt(*command, stdin=lines)
    assert first[0] == 0 and first[2] == "" and first[1].count(b"\n") == 8
    assert nmt(*command, "--window", "1", "--batch-tokens", "9", stdin=lines) == first
    assert nmt(*command, "--seed", "2", stdin=lines)[1] != first[1]
    listed = nmt(*command, "--nbest", "3", stdin=lines)[1].decode().split("\n")[:-1]
    assert [line.split(" ||| ")[1] for line in listed[::3]] == first[1].decode().split("\n")[:-1]


def test_prefixes_come_from_a_file_one_for_a_line(nmt):
    Path("lines").write_text("abc def\n\nhij\n")
    Path("prefixes").write_text("ab\n\ncd\n")
    expected = [SUBWORDS.decode(SUBWORDS.encode(text)) for text in ("ab", "", "cd")]
    for form in ([], ["--beam", "1"], ["--sample"]):
        status, output, errors = nmt(
            "translate", "-i", "lines", "--prefix", "prefixes", "--json", *form
        )
        assert (status, errors) == (0, "")
        for line, prefix in zip(output.split(b"\n"), expected):
            found = json.loads(line)
            assert "".join(found["tokens"]).startswith(prefix)
            assert len(found["attention"] or []) == len(found["tokens"])
    assert nmt("translate", "--prefix", "prefixes", "--json", *form, stdin=b"abc def\n\nhij\n") == (
        status,
        output,
        errors,
    )
    Path("few").write_text("ab\n")
    status, output, errors = nmt("translate", "-i", "lines", "--prefix", "few")
    assert (status, output) == (2, b"") and "lines has 3 lines, but few has 1; give" in errors
    assert nmt("translate", "--prefix", "-")[0] == 2
    Path("nothing").write_text("")
    assert nmt("translate", "-i", "nothing", "--prefix", "nothing") == (0, b"", "")


def test_json_shows_both_scores_of_a_reranked_line(nmt):
    options = ["--rerank", "runs/one", "--rerank-weight", "0.25", "--json", "--nbest", "2"]
    status, output, errors = nmt("translate", *options, stdin=b"abc\n\n")
    assert (status, errors) == (0, "")
    found = json.loads(output.split(b"\n")[0])
    assert len(found["nbest"]) == 2
    for entry in [found, *found["nbest"]]:
        mixture = 0.75 * entry["model_score"] + 0.25 * entry["rescore"]
        assert entry["score"] == pytest.approx(mixture)
    back = nmt("translate", "--rerank-reverse", "runs/one", "--json", stdin=b"abc\n")
    assert back[0] == 0 and json.loads(back[1])["rescore"] != found["rescore"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--sample", "--temperature", "0"], "search.temperature must be above 0, not 0; for"),
        (["--sample", "--temperature", "-1"], "search.temperature must be above 0"),
        (["--sample", "--temperature", "inf"], "search.temperature must be above 0, not inf"),
        (["--sample", "--top-p", "0"], "search.top_p must be above 0 and at most 1, not 0"),
        (["--sample", "--top-p", "1.1"], "search.top_p must be above 0 and at most 1, not 1.1"),
        (["--sample", "--top-p", "nan"], "search.top_p"),
        (["--sample", "--top-k", "-1"], "search.top_k must be at least 0"),
        (["--sample", "--seed", "-1"], "search.seed must be at least 0"),
        (["--sample", "--beam", "4"], "without a beam, but search.beam is 4"),
        (["--sample", "--set", "search.beam=3"], "without a beam, but search.beam is 3"),
        (["--sample", "--nbest", "101"], "search.nbest must be between 1 and 100"),
        (["--temperature", "0.5"], "search.temperature has an effect on sampling only"),
        (["--top-k", "5"], "search.top_k has an effect on sampling only"),
        (["--nbest", "9"], "search.nbest is 9"),
        (["--length-penalty-kind", "wu"], "must be one of average, gnmt, reward, not 'wu'"),
        (["--coverage-penalty", "-1"], "search.coverage_penalty must be at least 0"),
        (["--no-repeat-ngram", "-2"], "search.no_repeat_ngram must be at least 0"),
        (["--ensemble", "mean"], "search.ensemble must be one of log, linear"),
        (["--rerank-weight", "0.5"], "--rerank-weight needs a run that reranks: give --rerank"),
        (["--rerank", "x", "--rerank-reverse", "y"], "not both"),
        (["--rerank", "nowhere"], "nowhere: there is no such run"),
        (["--rerank", "runs/one", "--rerank-weight", "2"], "search.rerank_weight must be between"),
        (["--prefix", "nowhere"], "nowhere: there is no such file"),
        (["--checkpoint", "best", "--checkpoint", "x"], "checkpoint 'x': give best"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(nmt, arguments, part):
    status, output, errors = nmt("translate", *arguments, stdin=b"abc\n")
    assert (status, output) == (2, b"")
    assert part in errors and errors.count("\n") == 1


def test_coverage_needs_attention(nmt, monkeypatch):
    monkeypatch.setattr("helpers.command.ENGINE.has_attention", False, raising=False)
    status, output, errors = nmt("translate", "--coverage-penalty", "0.2", stdin=b"abc\n")
    assert (status, output) == (2, b"") and "needs attention, and this model has none" in errors
