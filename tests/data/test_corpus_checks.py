"""Corpora that do not look like what they are given as are warned of, and others are not."""

import pytest

from helpers.log import warnings_logged
from helpers.preprocess_case import write_lines
from helpers.tiny_run import tiny_corpus
from nmtcli.config import from_dict
from nmtcli.data.corpora import parallel_text, read_corpus
from nmtcli.data.corpus_checks import CorpusChecks
from nmtcli.data.preprocess import preprocess
from nmtcli.errors import UsageError
from nmtcli.training.setup import open_data

KOREAN, ENGLISH = map(list, zip(*tiny_corpus(120)))
OTHER_KOREAN, OTHER_ENGLISH = map(list, zip(*tiny_corpus(60, seed=2)))
GREEK = [line.translate({i: i + 0x350 for i in range(0x61, 0x7B)}) for line in ENGLISH]


@pytest.fixture
def warned(tmp_path):
    """The warnings about training texts and a validation text, each a pair of sides."""

    def warnings(*train, valid=None, **data):
        for number, sides in enumerate([*train, *([valid] if valid else [])]):
            for name, lines in zip("st", sides):
                write_lines(tmp_path / f"{number}.{name}", lines)
        names = [
            [str(tmp_path / f"{number}.{side}") for number in range(len(train))] for side in "st"
        ]
        data |= {"train_source": names[0], "train_target": names[1]}
        if valid:
            place = tmp_path / str(len(train))
            data |= {"valid_source": f"{place}.s", "valid_target": f"{place}.t"}
        with warnings_logged() as messages:
            corpora, valid_corpus = parallel_text(from_dict({"data": data}).data)
            checks = CorpusChecks(corpora, valid_corpus)
            for corpus in corpora:
                assert list(checks.watched(corpus, read_corpus(corpus))) == list(
                    read_corpus(corpus)
                )
            checks.warn()
        return [message.replace(f"{tmp_path}/", "") for message in messages]

    return warnings


PLAIN, OTHER = (KOREAN, ENGLISH), (OTHER_KOREAN, OTHER_ENGLISH)


def test_good_text_is_not_warned_of(warned):
    assert warned(PLAIN) == []
    assert warned(PLAIN, valid=OTHER) == []
    assert warned(PLAIN, OTHER, valid=(OTHER_KOREAN[:9], OTHER_ENGLISH[9:18])) == []


def test_swapped_sides_are_warned_of(warned):
    (message,) = warned(PLAIN, valid=OTHER[::-1])
    assert message.startswith("1.s, 1.t: its sides look swapped")
    (message,) = warned(PLAIN, OTHER[::-1], valid=(KOREAN[:60], ENGLISH[60:]))
    assert message.startswith("1.s, 1.t: its sides look swapped")


def test_the_first_text_is_named_if_all_others_disagree_with_it(warned):
    (message,) = warned(PLAIN[::-1], OTHER, valid=(KOREAN[:60], ENGLISH[60:]))
    assert message.startswith("0.s, 0.t: its sides look swapped")


def test_texts_of_other_tags_may_be_of_other_languages(warned):
    assert warned(PLAIN, OTHER[::-1], tags=["<2en>", "<2ko>"]) == []


def test_a_text_in_another_script_is_warned_of(warned):
    (message,) = warned(PLAIN, (GREEK, ENGLISH))
    assert message.startswith(
        "1.s: 100% of its letters are Greek, but the other source text is 100%"
    )
    (message,) = warned(PLAIN, valid=(OTHER_KOREAN, GREEK[:60]))
    assert message.startswith("1.t: 100% of its letters are Greek, but the other target text is")


def test_lines_in_another_script_are_warned_of_with_their_number(warned):
    (message,) = warned(([*KOREAN, *GREEK[:5]], [*ENGLISH, *ENGLISH[5:10]]))
    assert (
        message.startswith("0.s: 5 of ") and "(the first: 121) have no letter of Hangul" in message
    )
    names = ["BMW", "Seoul", "CNN 24"]  # too short to say anything
    assert warned(([*KOREAN, *names], [*ENGLISH, *names])) == []


def test_validation_pairs_that_are_trained_on_are_counted_after_normalisation(warned):
    valid = [f"{KOREAN[3]}\u200b", OTHER_KOREAN[0], ""], [f"\u00ad{ENGLISH[3]}", ENGLISH[4], ""]
    (message,) = warned(([*KOREAN, ""], [*ENGLISH, ""]), valid=valid)
    assert message.startswith("1.s, 1.t: 1 of its 2 different pairs are in the training text too")


def test_a_validation_text_without_the_tag_that_all_training_text_has_is_warned_of(warned):
    (message,) = warned(PLAIN, PLAIN, valid=OTHER, tags=["<2en>", "<2de>"])
    assert message.startswith("each training text has a tag, but the validation text has none")
    assert warned(PLAIN, PLAIN, valid=OTHER, tags=["<2en>", "<2de>"], valid_tag="<2de>") == []
    assert warned(PLAIN, PLAIN, valid=OTHER, tags=["<2en>", ""]) == []
    with pytest.raises(UsageError, match="which no training text has"):
        warned(PLAIN, PLAIN, valid=OTHER, tags=["<2en>", ""], valid_tag="<2fr>")


@pytest.mark.parametrize(("valid_tag", "tag"), [(None, "<2en> "), ("<2en>", "<2en> "), ("", "")])
def test_validation_has_the_tag_of_the_training_text(tmp_path, valid_tag, tag):
    lines = [*OTHER_KOREAN, "", f"<2en> {KOREAN[0]}"]
    for name, side in zip("abcd", (KOREAN, ENGLISH, lines, [*OTHER_ENGLISH, "", ENGLISH[0]])):
        write_lines(tmp_path / name, side)
    names = ("train_source", "train_target", "valid_source", "valid_target")
    data = {name: str(tmp_path / file) for name, file in zip(names, "abcd")}
    data |= {"tags": ["<2en>"], "valid_tag": valid_tag}
    config = from_dict({"data": data, "subwords": {"vocabulary_size": 80}})
    preprocess(config, tmp_path / "out")
    trained, prepared = open_data(config, tmp_path / "out")
    assert prepared.valid_source_lines() == [tag + line for line in OTHER_KOREAN] + lines[-2:]
    first, last = prepared.valid.source(0), prepared.valid.source(len(prepared.valid) - 1)
    of_training = prepared.train.source(0)
    assert (first[0] == of_training[0]) == bool(tag) and list(last[1:]) != list(last[:-1])
    assert trained.data.tags == ("<2en>",)
