"""Hangul syllables as arithmetic on (lead, vowel, final), and the particles that depend on it."""

from __future__ import annotations

LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
FIRST_SYLLABLE = 0xAC00


def split_syllable(syllable: str) -> tuple[str, str, str]:
    """Give the lead, the vowel and the final consonant ("" when there is none)."""
    index = ord(syllable) - FIRST_SYLLABLE
    lead, rest = divmod(index, len(VOWELS) * len(FINALS))
    vowel, final = divmod(rest, len(FINALS))
    return LEADS[lead], VOWELS[vowel], FINALS[final].strip()


def join_syllable(lead: str, vowel: str, final: str = "") -> str:
    index = LEADS.index(lead) * len(VOWELS) + VOWELS.index(vowel)
    return chr(FIRST_SYLLABLE + index * len(FINALS) + FINALS.index(final or " "))


def final_of(word: str) -> str:
    return split_syllable(word[-1])[2]


def vowel_of(word: str) -> str:
    return split_syllable(word[-1])[1]


def with_final(word: str, final: str) -> str:
    """Replace the final consonant of the last syllable ("" takes it away)."""
    lead, vowel, _ = split_syllable(word[-1])
    return word[:-1] + join_syllable(lead, vowel, final)


def with_vowel(word: str, vowel: str) -> str:
    lead, _, final = split_syllable(word[-1])
    return word[:-1] + join_syllable(lead, vowel, final)


# Each particle: the shape after a consonant, the shape after a vowel.
ALTERNATING = {
    "은": ("은", "는"),
    "이": ("이", "가"),
    "을": ("을", "를"),
    "과": ("과", "와"),
    "이나": ("이나", "나"),
    "으로": ("으로", "로"),
}


def attach(word: str, particle: str) -> str:
    """Put a particle on a word; particles without two shapes are attached as they are."""
    if particle not in ALTERNATING:
        return word + particle
    after_consonant, after_vowel = ALTERNATING[particle]
    final = final_of(word)
    takes_vowel_shape = not final or (particle == "으로" and final == "ㄹ")
    return word + (after_vowel if takes_vowel_shape else after_consonant)
