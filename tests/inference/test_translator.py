"""The contract of text: N lines in, N lines out, whatever the lines and the batches."""

import io
import json
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.fake_engine import ALPHABET, FakeSubwords, fake_engine
from helpers.text_files import FILES, SMALL, TEXT, PlainReader, raw_lines
from nmtcli.cli.translate import _filter
from nmtcli.cli.translate_output import Format
from nmtcli.config import SearchConfig
from nmtcli.decoding.engine import Sentence
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.decoding.sentences import search_sentences
from nmtcli.errors import UsageError
from nmtcli.inference.translator import Translator
from nmtcli.text.lines import one_line
from nmtcli.text.special_tokens import EOS_ID

ENGINE = fake_engine()


def translator(engine=ENGINE, **search):
    return Translator(
        StepwiseSearch(engine), FakeSubwords(), FakeSubwords(), SearchConfig(**{**SMALL, **search})
    )


def filtered(data, form=None, **search):
    """The bytes that `nmt translate` prints for the bytes `data`."""
    output = io.BytesIO()
    form = form or Format()
    _filter(translator(**search), PlainReader(data), output, form)
    return output.getvalue()


HUGE = st.tuples(TEXT, st.integers(20, 60)).map(lambda pair: pair[0] * pair[1])


@settings(max_examples=700, deadline=None)
@given(FILES, st.integers(1, 3), st.integers(1, 300), st.integers(1, 9))
def test_n_lines_in_are_n_lines_out_in_order(data, beam, batch_tokens, window):
    """Each line of the output is what its line of the input gives alone."""
    output = filtered(data, beam=beam, batch_tokens=batch_tokens, window=window)
    expected = [
        next(translator(beam=beam).translate_lines([line])).text
        for line in (
            raw.removesuffix(b"\r").decode("utf-8", errors="replace") for raw in raw_lines(data)
        )
    ]
    assert output.decode() == "".join(f"{line}\n" for line in expected)
    assert output.count(b"\n") == len(raw_lines(data))
    assert b"\r" not in output


@settings(max_examples=300, deadline=None)
@given(FILES, st.integers(1, 400), st.integers(1, 9))
def test_json_is_one_object_a_line(data, batch_tokens, window):
    form = Format(json=True)
    output = filtered(data, form, beam=2, nbest=2, batch_tokens=batch_tokens, window=window)
    plain = filtered(data, beam=2).decode().split("\n")[:-1]
    objects = [json.loads(line) for line in output.split(b"\n")[:-1]]
    assert [entry["translation"] for entry in objects] == plain
    for entry in objects:
        if entry["attention"] is not None:
            shape = (len(entry["tokens"]), len(entry["source_tokens"]))
            assert np.array(entry["attention"]).shape == shape


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(HUGE, TEXT), max_size=3))
def test_huge_lines_are_one_line_each(lines):
    lines = [line.replace(b"\n", b" ") + b"\n" for line in lines]
    output = filtered(b"".join(lines), beam=2, batch_tokens=500)
    assert output == b"".join(filtered(line, beam=2) for line in lines)
    assert output.count(b"\n") == len(lines)


def test_the_fake_model_does_produce_what_would_break_a_line():
    three = translator(beam=3, nbest=3)
    found = search_sentences(three.engine, [Sentence([i]) for i in range(4, 20)], three.search)
    produced = "".join(
        FakeSubwords().decode(hypothesis.ids) for nbest in found for hypothesis in nbest
    )
    assert {"\n", "\r", "\u2028", "\u0085"} <= set(produced)


def test_empty_lines_stay_empty_and_ask_nothing_of_the_model():
    engine = fake_engine()
    empty = list(translator(engine).translate_lines(["", " ", "\t \u3000", "\v"]))
    assert [t.text for t in empty] == [""] * 4
    assert engine.shapes == []
    assert json.loads(empty[0].to_json()) == {
        "translation": "",
        "score": 0.0,
        "log_prob": 0.0,
        "tokens": [],
        "source_tokens": [],
        "attention": None,
        "nbest": [{"translation": "", "score": 0.0, "log_prob": 0.0, "tokens": []}],
    }


def test_an_over_long_line_is_translated_in_parts_and_warned_about(caplog):
    long = "abc def. ghi jkl! mno pqr"
    whole = list(translator(beam=2).translate_lines(["x", long]))[1]
    parts = list(translator(beam=2).translate_lines(["abc def. ", "ghi jkl! ", "mno pqr"]))
    assert caplog.messages == [
        "line 2 has 25 tokens, more than 9 (search.max_source_pieces); it is translated in 3"
        " segments"
    ]
    assert whole.text.split() == " ".join(part.text for part in parts).split()
    assert whole.log_prob == pytest.approx(sum(part.log_prob for part in parts))
    assert whole.source_tokens == [token for part in parts for token in part.source_tokens]
    assert whole.tokens == [token for part in parts for token in part.tokens]
    assert whole.attention is None and len(whole.nbest[0].attentions) == 3
    length = sum(len(part.tokens) for part in parts)
    assert whole.score == pytest.approx(whole.log_prob / length)


def test_each_sentence_is_translated_by_itself_where_that_is_asked_for(caplog):
    lines = ["Ab. Cde! Fg", "abc", "", "  ", "Ab. Cd. efghij klm."]
    by_sentence = translator(beam=2, by_sentence=True)
    found = list(by_sentence.translate_lines(lines))
    parts = list(translator(beam=2).translate_lines(["Ab. ", "Cde! ", "Fg", "abc", "Ab. "]))
    assert found[0].log_prob == pytest.approx(sum(part.log_prob for part in parts[:3]))
    assert found[0].text.split() == " ".join(part.text for part in parts[:3]).split()
    assert found[1].text == parts[3].text and found[2].text == found[3].text == ""
    assert len(caplog.messages) == 1
    assert "line 5 has 15 tokens, more than 9" in caplog.messages[0]
    assert len(found[4].nbest[0].attentions) == 4


@settings(max_examples=200, deadline=None)
@given(FILES, st.integers(1, 300), st.integers(1, 9))
def test_by_sentence_n_lines_in_are_n_lines_out_in_order(data, batch_tokens, window):
    output = filtered(data, by_sentence=True, batch_tokens=batch_tokens, window=window)
    alone = [filtered(line + b"\n", by_sentence=True) for line in raw_lines(data)]
    assert output == b"".join(alone) and output.count(b"\n") == len(alone)


def test_the_scores_and_the_attention_are_those_of_the_model():
    subwords, line = FakeSubwords(), "hello"
    found = next(translator(beam=3, nbest=3, length_penalty=0.5).translate_lines([line]))
    source = [*subwords.encode(line), EOS_ID]
    ids = [4 + ALPHABET.index(token) for token in found.tokens[:-1]]
    assert found.tokens[-1] == found.source_tokens[-1] == "</s>"
    log_prob = ENGINE.score(np.array([source]), np.array([[*ids, EOS_ID]])).sum()
    assert found.log_prob == pytest.approx(log_prob, abs=1e-5)
    assert found.score == pytest.approx(found.log_prob / len(found.tokens) ** 0.5)
    assert found.text == one_line("".join(found.tokens[:-1]))
    assert found.attention.shape == (len(found.tokens), len(source))
    np.testing.assert_allclose(found.attention.sum(axis=1), 1.0, atol=1e-5)
    assert len(found.nbest) == 3 and found.nbest[0].score >= found.nbest[1].score


def test_a_model_without_attention_gives_none():
    engine = fake_engine()
    engine.has_attention = False
    assert next(translator(engine).translate_lines(["abc"])).attention is None


def test_no_more_than_two_windows_are_read_ahead():
    read = []

    def lines():
        for number in range(10):
            read.append(number)
            yield f"line {number}"

    translations = translator(window=3).translate_lines(lines())
    next(translations)
    assert len(read) == 6
    next(translations), next(translations)
    assert len(read) == 6
    next(translations)
    assert len(read) == 9


def test_the_first_windows_are_smaller_so_that_the_first_lines_come_soon():
    read = []

    def lines():
        for number in range(500):
            read.append(number)
            yield "a"

    found = translator(window=300).translate_lines(lines())
    assert sorted({len(read) for _ in found}) == [64 + 256, 500]


def test_a_window_is_searched_while_the_one_before_is_given_out():
    engine, begun, second = fake_engine(), [], threading.Event()
    engine.parallel, start = 2, engine.start

    def noted(source_ids):
        begun.append(source_ids)
        if len(begun) == 2:
            second.set()
        return start(source_ids)

    engine.start = noted
    lines = ["a", "b", "cc", "dd", "eee", "fff"]
    several = translator(engine, window=2).translate_lines(lines)
    found = [next(several)]
    assert second.wait(timeout=10)
    found += several
    assert [t.text for t in found] == [t.text for t in translator().translate_lines(lines)]
    assert not _searching_threads()


def test_threads_end_when_the_rest_is_not_asked_for():
    engine = fake_engine()
    engine.parallel = 2
    several = translator(engine, window=2).translate_lines(["abc"] * 10)
    next(several)
    several.close()
    assert not _searching_threads()


def _searching_threads():
    return [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]


def test_nothing_more_is_read_where_the_input_pauses():
    read = []

    def lines():
        for number in range(7):
            read.append(number)
            yield f"line {number}"

    found = translator(window=3).translate_lines(lines(), pauses=lambda: read[-1] in (1, 4))
    assert [len(read) for _ in found] == [2, 2, 5, 5, 5, 7, 7]


def test_batches_keep_to_the_budget_of_positions():
    engine = fake_engine()
    lines = ["ab" * (1 + number % 4) for number in range(40)]
    list(translator(engine, beam=2, batch_tokens=64).translate_lines(lines))
    rows = [rows for rows, _ in engine.shapes]
    assert max(rows) <= 64 // 8
    assert max(rows) > 4


def test_more_translations_than_the_beam_are_refused():
    with pytest.raises(UsageError, match="search.nbest is 3.*search.beam is 2"):
        translator(beam=2, nbest=3)
