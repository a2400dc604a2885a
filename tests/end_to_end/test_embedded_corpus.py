"""The embedded Korean-English corpus: reproducible, disjoint, one-to-one, well formed."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
SCRIPT = DATA / "make_corpus.py"
COUNTS = {"train": 20_000, "valid": 500, "test": 500, "long": 616}
FILES = [f"{name}.{language}" for name in COUNTS for language in ("ko", "en")]
HELD_OUT = ("valid", "test", "long")
# Nouns that can stand before a particle, with and without a final consonant.
AFTER_CONSONANT = (
    "책",
    "빵",
    "수박",
    "신문",
    "소설",
    "달걀",
    "민준",
    "학생",
    "소방관",
    "성민",
    "서연",
)
AFTER_VOWEL = (
    "사과",
    "바나나",
    "커피",
    "기타",
    "의사",
    "배우",
    "민수",
    "미나",
    "개",
    "영화",
    "오리",
)


def lines(name: str) -> list[str]:
    return (DATA / name).read_text(encoding="utf-8").splitlines()


def pairs(name: str) -> list[tuple[str, str]]:
    return list(zip(lines(f"{name}.ko"), lines(f"{name}.en"), strict=True))


@pytest.fixture(scope="module")
def everything() -> list[tuple[str, str]]:
    return [pair for name in COUNTS for pair in pairs(name)]


def run_script(out: Path, seed: int) -> None:
    command = [sys.executable, str(SCRIPT), "--out", str(out), "--seed", str(seed)]
    subprocess.run(command, check=True, timeout=20)


def has_final_consonant(syllable: str) -> bool:
    return (ord(syllable) - ord("가")) % 28 != 0


def test_the_same_seed_gives_the_committed_bytes(tmp_path: Path) -> None:
    run_script(tmp_path, seed=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


@pytest.mark.slow
def test_another_seed_gives_other_sentences(tmp_path: Path) -> None:
    run_script(tmp_path, seed=2)
    other = (tmp_path / "train.en").read_text(encoding="utf-8").splitlines()
    assert len(set(other) & set(lines("train.en"))) < len(other) * 0.2


@pytest.mark.parametrize("name", COUNTS)
def test_every_split_has_its_number_of_pairs(name: str) -> None:
    assert len(pairs(name)) == COUNTS[name]


@pytest.mark.parametrize("name", HELD_OUT)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_held_out_sentence_is_in_train(name: str, language: str) -> None:
    assert not set(lines(f"train.{language}")) & set(lines(f"{name}.{language}"))


def test_no_sentence_occurs_twice_so_every_translation_is_the_only_one(everything) -> None:
    assert len({ko for ko, _ in everything}) == len(everything)
    assert len({en for _, en in everything}) == len(everything)


def test_the_grammar_itself_gives_one_translation_each_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Duplicates are dropped from the files, so this looks at the grammar before that.

    With a few nouns of each kind the same sentences come up again and again.
    """
    monkeypatch.syspath_prepend(str(DATA))
    from grammar import speak_english, speak_korean
    from grammar.compose import compose
    from grammar.dice import Dice
    from grammar.nouns import NOUNS_BY_KIND

    for kind, nouns in NOUNS_BY_KIND.items():
        monkeypatch.setitem(NOUNS_BY_KIND, kind, nouns[-3:] if len(nouns) > 3 else nouns)
    dice = Dice(7)
    to_english: dict[str, str] = {}
    to_korean: dict[str, str] = {}
    for _ in range(40_000):
        plan = compose(dice, 4 + dice.below(5))
        ko, en = speak_korean.speak(plan), speak_english.speak(plan)
        assert to_english.setdefault(ko, en) == en
        assert to_korean.setdefault(en, ko) == ko
    assert len(to_english) < 37_000, "without repetitions this test would show nothing"


def test_the_long_test_is_spread_evenly_over_5_to_60_words() -> None:
    lengths = Counter(len(line.split()) for line in lines("long.en"))
    assert lengths == Counter(dict.fromkeys(range(5, 61), 11))


@pytest.mark.parametrize("name", ["train", "valid", "test"])
def test_most_sentences_are_short_and_every_ten_words_more_are_well_filled(name: str) -> None:
    lengths = [len(line.split()) for line in lines(f"{name}.en")]
    assert min(lengths) == 4 and max(lengths) <= 60
    assert 12.5 < sum(lengths) / len(lengths) < 14.5
    for first in (21, 31, 41, 51):
        share = sum(first <= length < first + 10 for length in lengths) / len(lengths)
        assert 0.03 < share < 0.04


@pytest.mark.parametrize("name", FILES)
def test_files_are_clean_text(name: str) -> None:
    text = (DATA / name).read_bytes().decode("utf-8")
    assert text.endswith("\n") and "\r" not in text and "  " not in text
    assert unicodedata.is_normalized("NFC", text)
    assert all(line and line == line.strip() for line in text.split("\n")[:-1])


def test_sentences_begin_with_a_capital_and_both_sides_end_alike(everything) -> None:
    for ko, en in everything:
        assert en[0].isupper() and en[-1] in ".?" and en[-1] == ko[-1], (ko, en)
        assert re.fullmatch(r"[가-힣0-9 ]+[.?]", ko), ko
        assert re.fullmatch(r"[A-Za-z0-9',. ]+[.?]", en), en


def test_object_particles_agree_with_the_syllable_before_them(everything) -> None:
    words = [word for ko, _ in everything for word in ko.rstrip(".?").split()]
    after_wrong_ending = [
        word
        for word in words
        if (word[-1] == "를" and has_final_consonant(word[-2]))
        or (len(word) > 1 and word[-1] == "을" and not has_final_consonant(word[-2]))
    ]
    # 마을 (village), 가을 (autumn) and 지을 (from 짓다) end in 을 without a particle.
    assert set(after_wrong_ending) <= {"마을", "가을", "지을"}
    assert sum(word.endswith(("을", "를")) for word in words) > 10_000


def test_nouns_of_the_lexicon_take_the_particles_for_their_ending(everything) -> None:
    words = Counter(word.rstrip(".?") for ko, _ in everything for word in ko.split())
    seen = 0
    for nouns, good, bad in (
        (AFTER_CONSONANT, ("은", "을", "과"), ("는", "를", "와")),
        (AFTER_VOWEL, ("는", "를", "와"), ("은", "을", "과")),
    ):
        for noun in nouns:
            seen += sum(words[noun + particle] for particle in good)
            assert not [noun + particle for particle in bad if words[noun + particle]]
    assert seen > 1000


def test_the_direction_particle_keeps_its_short_shape_after_rieul(everything) -> None:
    text = "\n".join(ko for ko, _ in everything)
    assert "지하철로 " in text and "지하철으로" not in text and "서울으로" not in text
    assert "부산으로 " in text and "부산로 " not in text


@pytest.mark.parametrize(
    ("ko", "en"),
    [
        ("사과 세 개", "three DESCRIBED apples"),
        ("개 두 마리", "two DESCRIBED dogs"),
        ("책 다섯 권", "five DESCRIBED books"),
        ("커피 두 잔", "two cups of DESCRIBED coffee"),
        ("학생 열 명", "ten DESCRIBED students"),
        ("선생님 두 분", "two DESCRIBED teachers"),
        ("삼 층에서", "on the third floor"),
        ("이십 분 동안", "for twenty minutes"),
        ("3월 14일에", "on March 14"),
    ],
)
def test_numbers_and_counters_match(everything, ko: str, en: str) -> None:
    adjacent = re.compile(rf"(?<![가-힣0-9]){ko}")
    found = [pair for pair in everything if adjacent.search(pair[0])]
    assert found
    english = re.compile(en.replace("DESCRIBED ", "([a-z]+ )?"), re.IGNORECASE)
    assert [pair for pair in found if not english.search(pair[1])] == []


def test_every_korean_noun_of_the_lexicon_is_frequent_in_train(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(DATA))
    from grammar.nouns import NOUNS

    text = " " + " ".join(lines("train.en")).lower()
    words = Counter(re.findall(r"[a-z]+", text))
    rare = [noun.en for noun in NOUNS if _frequency(noun.en, words) < 20]
    assert rare == []


def _frequency(noun: str, words: Counter[str]) -> int:
    """How often the rarest word of the noun occurs, in the singular or the plural."""
    endings = {"y": ("ies",), "f": ("ves",), "fe": ("ves",), "": ("", "s", "es", "ren")}
    counts = []
    for word in noun.lower().split():
        forms = {word[: len(word) - len(cut)] + end for cut in endings for end in endings[cut]}
        counts.append(sum(words[form] for form in forms | {word.replace("man", "men"), word}))
    return min(counts)


def test_all_files_together_stay_small() -> None:
    sizes = [(DATA / name).stat().st_size for name in FILES]
    assert max(sizes) < 1_900_000
    assert sum(sizes) < 4_500_000


def test_honorific_subjects_have_honorific_predicates() -> None:
    sampled = [ko for ko in lines("train.ko") if "께서는" in ko and len(ko.split()) < 8]
    random.Random(0).shuffle(sampled)
    raised = re.compile(r"(세요|셨어요|실 거예요|셔야 |실 수 |고 계|셨|시지|시고|시기|시면)")
    assert sampled
    assert [ko for ko in sampled[:300] if not raised.search(ko)] == []
