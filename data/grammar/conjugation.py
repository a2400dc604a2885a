"""Korean conjugation: stems, their irregular classes and the endings the corpus uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grammar.hangul import (
    attach,
    final_of,
    vowel_of,
    with_final,
    with_vowel,
)

PAST, PRESENT, FUTURE = "past", "present", "future"


@dataclass(frozen=True)
class Stem:
    """A dictionary form without 다. ``irregular`` names the class: ㅂ ㄷ ㅅ ㅎ 르 or nothing.

    The ㄹ, 으 and 하다 stems need no label, their shape gives them away.
    """

    text: str
    irregular: str = ""
    descriptive: bool = False
    honorific: bool = False

    def extended(self, text: str, descriptive: bool = False, honorific: bool = False) -> Stem:
        """A regular stem that ends in an auxiliary, such as 읽지 않."""
        return Stem(text, "", descriptive, honorific)


def _harmonic(vowel: str) -> str:
    return "아" if vowel in "ㅏㅑㅗ" else "어"


def _contracted(text: str) -> str:
    """The 아/어 form of a stem that ends in a vowel."""
    vowel = vowel_of(text)
    merged = {"ㅗ": "ㅘ", "ㅜ": "ㅝ", "ㅣ": "ㅕ", "ㅚ": "ㅙ"}
    if vowel in merged:
        return with_vowel(text, merged[vowel])
    if vowel == "ㅡ":
        before = text[-2:-1]
        harmonic_a = before.strip() != "" and vowel_of(before) in "ㅏㅗ"
        return with_vowel(text, "ㅏ" if harmonic_a else "ㅓ")
    return text if vowel in "ㅏㅓㅐㅔㅕ" else text + "어"


def infinitive(stem: Stem) -> str:
    """The 아/어 form: 먹어, 가, 해, 도와, 들어, 지어, 골라, 써."""
    text = stem.text
    if text.endswith("하"):
        return text[:-1] + "해"
    if stem.irregular == "르":
        doubled = with_final(text[:-1], "ㄹ")
        return doubled + ("라" if vowel_of(doubled) in "ㅏㅗ" else "러")
    if stem.irregular == "ㅂ":
        return with_final(text, "") + ("와" if text.endswith("돕") else "워")
    if stem.irregular == "ㄷ":
        return with_final(text, "ㄹ") + _harmonic(vowel_of(text))
    if stem.irregular == "ㅅ":
        return with_final(text, "") + _harmonic(vowel_of(text))
    if final_of(text):
        return text + _harmonic(vowel_of(text))
    return _contracted(text)


def past_stem(stem: Stem) -> str:
    return with_final(infinitive(stem), "ㅆ")


def open_stem(stem: Stem) -> str:
    """The stem as it stands before endings in (으): 먹으, 가, 만들, 추우, 들으, 지으, 빨가."""
    text = stem.text
    if stem.irregular == "ㅂ":
        return with_final(text, "") + "우"
    if stem.irregular == "ㄷ":
        return with_final(text, "ㄹ") + "으"
    if stem.irregular == "ㅅ":
        return with_final(text, "") + "으"
    if stem.irregular == "ㅎ":
        return with_final(text, "")
    return text if final_of(text) in ("", "ㄹ") else text + "으"


def without_rieul(text: str) -> str:
    return with_final(text, "") if final_of(text) == "ㄹ" else text


def honorific(stem: Stem) -> Stem:
    return stem.extended(without_rieul(open_stem(stem)) + "시", stem.descriptive, honorific=True)


def finished_adnominal(stem: Stem) -> str:
    """-(으)ㄴ: 읽은, 산, 만든, 큰."""
    return with_final(without_rieul(open_stem(stem)), "ㄴ")


def prospective_adnominal(stem: Stem) -> str:
    """-(으)ㄹ: 읽을, 살, 만들."""
    return with_final(open_stem(stem), "ㄹ")


def adnominal(stem: Stem, tense: str) -> str:
    if tense == PAST:
        return finished_adnominal(stem)
    if tense == FUTURE:
        return prospective_adnominal(stem)
    if stem.descriptive and stem.text[-1] not in "있없":
        return finished_adnominal(stem)
    return without_rieul(stem.text) + "는"


def _polite(stem: Stem, tense: str) -> str:
    if tense == PAST:
        return past_stem(stem) + "어요"
    if tense == FUTURE:
        return prospective_adnominal(stem) + " 거예요"
    return stem.text[:-1] + "세요" if stem.honorific else infinitive(stem) + "요"


def _quoted(stem: Stem, tense: str) -> str:
    if tense == PAST:
        return past_stem(stem) + "다고"
    if tense == FUTURE:
        return prospective_adnominal(stem) + " 거라고"
    if stem.descriptive:
        return stem.text + "다고"
    base = without_rieul(stem.text)
    return base + "는다고" if final_of(base) else with_final(base, "ㄴ") + "다고"


def _tensed(suffix: str) -> Callable[[Stem, str], str]:
    def ending(stem: Stem, tense: str) -> str:
        if tense == PAST:
            return past_stem(stem) + suffix
        if tense == FUTURE:
            return prospective_adnominal(stem) + " 것이" + suffix
        return stem.text + suffix

    return ending


def _when(stem: Stem, tense: str) -> str:
    return (past_stem(stem) + "을" if tense == PAST else prospective_adnominal(stem)) + " 때"


ENDINGS: dict[str, Callable[[Stem, str], str]] = {
    "final": _polite,
    "quote": _quoted,
    "adnominal": adnominal,
    "and": _tensed("고"),
    "but": _tensed("지만"),
    "because": _tensed("기 때문에"),
    "when": _when,
    "so": lambda stem, _: infinitive(stem) + "서",
    "if": lambda stem, _: open_stem(stem) + "면",
    "before": lambda stem, _: stem.text + "기 전에",
    "after": lambda stem, _: finished_adnominal(stem) + " 후에",
    "same_and": lambda stem, _: stem.text + "고",
    "same_then": lambda stem, _: stem.text + "고 나서",
    "while": lambda stem, _: open_stem(stem) + "면서",
    "purpose": lambda stem, _: open_stem(stem) + "려고",
    "errand": lambda stem, _: open_stem(stem) + "러",
}


def copula(noun: str, tense: str, ending: str, raised: bool) -> str:
    """이다 after a noun; it loses 이 after a vowel: 의사예요, 학생이에요, 의사였어요."""
    if raised:
        link = noun + "이시" if final_of(noun) else noun + "시"
        if ending == "quote" and tense == PRESENT:
            return link + "라고"
        return ENDINGS[ending](Stem(link, "", True, True), tense)
    if tense == PAST:
        if final_of(noun):
            stem = Stem(noun + "이", "", True)
            return ENDINGS[ending](stem, tense).replace(noun + "였", noun + "이었", 1)
        return ENDINGS[ending](Stem(noun + "이", "", True), tense)
    if ending == "final" and tense == PRESENT:
        return noun + ("이에요" if final_of(noun) else "예요")
    if ending == "quote" and tense == PRESENT:
        return noun + ("이라고" if final_of(noun) else "라고")
    if ending == "so":
        return noun + ("이어서" if final_of(noun) else "여서")
    return ENDINGS[ending](Stem(noun + "이", "", True), tense)


def not_copula(noun: str, tense: str, ending: str, raised: bool) -> str:
    """The negative copula: 의사가 아니에요."""
    left = attach(noun, "이") + " "
    if raised and ending == "quote" and tense == PRESENT:
        return left + "아니시라고"
    if raised:
        return left + ENDINGS[ending](Stem("아니시", "", True, True), tense)
    if tense == PRESENT and ending == "final":
        return left + "아니에요"
    if tense == PRESENT and ending == "quote":
        return left + "아니라고"
    if tense == PAST:
        return left + ENDINGS[ending](Stem("아니", "", True), tense).replace("아녔", "아니었")
    if ending == "so":
        return left + "아니어서"
    return left + ENDINGS[ending](Stem("아니", "", True), tense)
