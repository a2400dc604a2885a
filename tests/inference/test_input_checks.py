"""One warning for each kind of trouble in an input, with numbers."""

import pytest

from helpers.fake_engine import FakeSubwords, fake_engine
from helpers.log import warnings_logged
from helpers.subword_cases import _learn
from nmtcli.config import SearchConfig
from nmtcli.decoding.search import StepwiseSearch
from nmtcli.errors import UsageError
from nmtcli.inference.aligner import Aligner
from nmtcli.inference.input_checks import InputChecks
from nmtcli.inference.scorer import Scorer
from nmtcli.inference.translator import Translator
from nmtcli.text.subwords import Subwords
from nmtcli.text.tags import NO_TAGS, SourceTags, source_tags

TAGS = source_tags(["<2de>", "<2en>"])


def warned(lines, subwords=None, tags=NO_TAGS):
    """The warnings about these lines."""
    subwords = subwords or FakeSubwords()
    checks = InputChecks(subwords, tags=tags)
    for line in map(tags.of_line, lines):
        checks.add(line, [line.text], [subwords.encode(line.text)])
    with warnings_logged() as messages:
        checks.warn()
    return messages


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char"])
def test_characters_without_a_token_are_named_with_the_number_of_lines(kind):
    model = Subwords(_learn(kind))
    lines = ["abc", "ab 😀 c", "", "Я ab 😀", "\u0301a"]
    (message,) = warned(lines, model)
    assert message.startswith("3 of 5 lines (the first: 2): characters that")
    assert message.endswith(": 😀 Я U+0301")


def test_of_many_characters_some_are_named():
    (message,) = warned(["".join(map(chr, range(0x1F600, 0x1F610)))], Subwords(_learn()))
    assert message.startswith("1 of 1 line: ") and message.endswith(" and 6 more")


def test_an_input_of_any_length_takes_little_memory():
    words = [f"{n}😀" for n in range(1200)]
    (message,) = warned(words, Subwords(_learn("word")))
    assert message.startswith("1200 of 1200 lines") and message.endswith(" and 990 or more")


def test_of_whole_words_the_words_are_named():
    (message,) = warned(["가나 nowhere"], Subwords(_learn("word")))
    assert "words that the run's subwords do not have" in message and "nowhere" in message


def test_bytes_have_a_token_for_every_character():
    assert warned(["😀 Я"], Subwords(_learn(size=400, byte_fallback=True))) == []


def test_an_unknown_tag_and_a_missing_one_are_warned_of():
    lines = ["<2de> a", "<2fr> a", "b", "", "<2en>b", "<2es> a", "c"]
    other, missing = warned(lines, tags=TAGS)
    assert other.startswith("2 of 7 lines (the first: 2): <2fr> <2es> at the beginning is no tag")
    assert "its tags are <2de> <2en>" in other
    assert missing.startswith("2 of 7 lines (the first: 3): no tag")


@pytest.mark.parametrize("tags", [[], ["", "<BT>"], ["<2en>"], ["<2en>", "<2en>"]])
def test_no_tag_is_missed_where_some_text_had_none_or_the_run_adds_it(tags):
    assert warned(["a", "b"], tags=source_tags(tags)) == []


def test_a_single_tag_of_all_text_is_added_and_the_own_tag_of_a_line_is_kept():
    tags = source_tags(["<2en>", "<2en>"])
    assert tags.of_line("a") == ("<2en>", "a", False)
    assert tags.of_line("<2en> a") == tags.of_line(" <2en>a") == ("<2en>", "a", True)
    assert source_tags(["<2en>"], given="").of_line("a") == ("", "a", False)
    assert source_tags(["", "<BT>"]).of_line("a") == ("", "a", False)
    assert source_tags(["", "<BT>"], given="<BT>").of_line("a") == ("<BT>", "a", False)
    assert source_tags(["<2de>", "<2en>"], given="<2de>").of_line("<2en> a")[0] == "<2en>"


@pytest.mark.parametrize(
    ("tags", "message"), [(["<2en>"], "its tags are <2en>"), ([], "it has none")]
)
def test_a_tag_that_the_run_does_not_have_is_refused(tags, message):
    with pytest.raises(UsageError, match=message):
        source_tags(tags, given="<2fr>")


class Recorded(FakeSubwords):
    """Subwords that remember what they encode."""

    def __init__(self):
        self.texts = []

    def encode(self, text):
        self.texts.append(text)
        return super().encode(text)


def test_every_segment_has_the_tag_of_its_line_and_an_empty_line_has_none():
    subwords, search = Recorded(), SearchConfig(by_sentence=True)
    tags = source_tags(["<2de>", "<2en>"], given="<2en>")
    translator = Translator(
        StepwiseSearch(fake_engine()), subwords, FakeSubwords(), search, tags=tags
    )
    lines = ["One is. Two are.", "", "<2de> Three are. Four are.", "<2de>", "\u200b"]
    found = list(translator.translate_lines(lines))
    assert subwords.texts == [
        *("<2en> One is. ", "<2en> Two are.", "", "<2de> Three are. ", "<2de> Four are.", "", ""),
    ]
    assert [bool(one.text) for one in found] == [True, False, True, False, False]


def test_a_tag_that_is_added_changes_scores_as_one_that_is_written():
    def scores(tags, sources):
        scorer = Scorer(fake_engine(), FakeSubwords(), FakeSubwords(), tags=tags)
        return [line.log_prob for line in scorer.score_lines(sources, ["ab", "c"])]

    added = scores(source_tags(["<2en>"]), ["one", "<2en> two"])
    assert added == scores(SourceTags(), ["<2en> one", "<2en> two"])
    assert added != scores(SourceTags(), ["one", "two"])


def test_a_tag_that_is_added_is_no_word_of_the_alignment():
    def align(tags, source):
        aligner = Aligner(fake_engine(), FakeSubwords(), FakeSubwords(), tags=tags)
        return next(aligner.align_lines([source], ["ab c"]))

    added = align(source_tags(["<2en>"]), "one two")
    written = align(source_tags(["<2en>"]), "<2en> one two")
    assert added.source_words == ["one", "two"]
    assert written.source_words == ["<2en>", "one", "two"]
    assert (added.weights == written.weights[:, 1:]).all()


@pytest.mark.parametrize(
    "space", ["\u00a0", "\t", "\u3000", "\u202f", "\u3164", " \u200b", "\u00ad "]
)
def test_what_cannot_be_seen_changes_no_translation_score_or_alignment(space):
    engine, both = fake_engine(), (FakeSubwords(), FakeSubwords())
    plain, odd = ["one two"], [f"o\u200bne{space}two\ufeff"]
    translator = Translator(StepwiseSearch(engine), *both, SearchConfig())
    texts = [next(translator.translate_lines(lines)).text for lines in (plain, odd)]
    assert texts[0] == texts[1]
    scores = [next(Scorer(engine, *both).score_lines(lines, ["ab"])) for lines in (plain, odd)]
    assert scores[0] == scores[1]
    aligned = [next(Aligner(engine, *both).align_lines(lines, ["ab c"])) for lines in (plain, odd)]
    assert aligned[0].source_words == aligned[1].source_words == ["one", "two"]
    assert aligned[0].links == aligned[1].links
