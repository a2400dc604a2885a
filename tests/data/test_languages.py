"""Pairs in other languages are dropped and counted when this is asked for."""

import sys

import pytest

from helpers.preprocess_case import write_lines
from nmtcli.config import from_dict
from nmtcli.data.languages import OTHER_LANGUAGE, LanguageFilter
from nmtcli.data.preprocess import preprocess
from nmtcli.errors import UsageError

KOREAN = [f"저는 어제 친구 {n}명과 함께 도서관에서 재미있는 책을 읽었습니다." for n in range(60)]
ENGLISH = [
    f"Yesterday I read an interesting book with {n} friends in the library." for n in range(60)
]
FRENCH = [f"Hier, j'ai lu un livre intéressant avec {n} amis à la bibliothèque." for n in range(9)]


def test_pairs_in_another_language_are_dropped_and_counted(tmp_path):
    write_lines(tmp_path / "s", [*KOREAN, *KOREAN[:9], "Seoul 2024"])
    write_lines(tmp_path / "t", [*ENGLISH, *FRENCH, "Ok."])
    data = {"train_source": str(tmp_path / "s"), "train_target": str(tmp_path / "t")}
    data["languages"] = ["ko", "en"]
    config = from_dict({"data": data, "subwords": {"vocabulary_size": 100}})
    counts = preprocess(config, tmp_path / "out").counts["train"]
    assert counts.rejected == {OTHER_LANGUAGE: 9} and counts.kept == 61


@pytest.mark.parametrize(
    ("languages", "message"),
    [(["ko"], "has 1 values"), (["ko", "eng"], "'eng', which py3langid does not know")],
)
def test_wrong_languages_are_refused(languages, message):
    with pytest.raises(UsageError, match=message):
        LanguageFilter(languages)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "py3langid", None)
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(UsageError, match=r"pip install 'nmtcli\[languages\]'"):
        LanguageFilter(["ko", "en"])
