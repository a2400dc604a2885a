"""English morphology: plurals, articles, verb forms and verb groups."""

from __future__ import annotations

from dataclasses import dataclass

PAST, PRESENT, FUTURE = "past", "present", "future"
VOWELS = "aeiou"
CONTRACTED = {"will": "won't", "would": "wouldn't"}


def plural(noun: str) -> str:
    irregular = {"child": "children", "knife": "knives", "wolf": "wolves", "mouse": "mice"}
    irregular |= {"shelf": "shelves", "fisherman": "fishermen"}
    irregular |= {"potato": "potatoes", "tomato": "tomatoes"}
    *before, last = noun.split(" ")
    if last in irregular:
        last = irregular[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        last += "es"
    elif last.endswith("y") and last[-2] not in VOWELS:
        last = last[:-1] + "ies"
    else:
        last += "s"
    return " ".join([*before, last])


def with_article(phrase: str) -> str:
    sounds_like_consonant = phrase.startswith(("uni", "use"))
    starts_with_vowel = phrase[0] in VOWELS and not sounds_like_consonant
    return ("an " if starts_with_vowel else "a ") + phrase


def _doubles(base: str) -> bool:
    groups = "".join("v" if letter in VOWELS else "c" for letter in base)
    return groups.count("v") == 1 and groups.endswith("vc") and base[-1] not in "wxy"


def _regular_past(base: str) -> str:
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in VOWELS:
        return base[:-1] + "ied"
    return base + (base[-1] if _doubles(base) else "") + "ed"


@dataclass(frozen=True)
class EnglishVerb:
    base: str
    past: str

    @property
    def third(self) -> str:
        if self.base in ("have", "do", "go"):
            return {"have": "has", "do": "does", "go": "goes"}[self.base]
        return plural(self.base)

    @property
    def ing(self) -> str:
        if self.base.endswith("e") and not self.base.endswith("ee"):
            return self.base[:-1] + "ing"
        return self.base + (self.base[-1] if _doubles(self.base) else "") + "ing"


def english_verb(forms: str) -> EnglishVerb:
    """Read "eat ate"; a lone base form is regular."""
    base, *irregular = forms.split()
    return EnglishVerb(base, irregular[0] if irregular else _regular_past(base))


BE, CAN = EnglishVerb("be", "was"), EnglishVerb("can", "could")
HAVE, DO = english_verb("have had"), english_verb("do did")
WANT, START = english_verb("want"), english_verb("start")


def _present(verb: EnglishVerb, agreement: str) -> str:
    """``agreement`` is I, one or many."""
    if verb is BE:
        return {"I": "am", "one": "is", "many": "are"}[agreement]
    if verb is CAN:
        return "can"
    return verb.third if agreement == "one" else verb.base


def _past(verb: EnglishVerb, agreement: str) -> str:
    return "were" if verb is BE and agreement == "many" else verb.past


def _negated(auxiliary: str, contracted: bool) -> str:
    if auxiliary == "can":
        return "cannot"
    if not contracted or auxiliary == "am":
        return auxiliary + " not"
    return CONTRACTED.get(auxiliary, auxiliary + "n't")


@dataclass(frozen=True)
class VerbGroup:
    """The finite auxiliary, if any, and the words after it (or after the subject)."""

    auxiliary: str
    rest: tuple[str, ...]


def verb_group(
    chain: tuple[EnglishVerb | str, ...],
    tense: str,
    agreement: str,
    negation: str = "",
    question: bool = False,
    shifted: bool = False,
) -> VerbGroup:
    """Inflect the first verb of ``chain``; the rest of the chain is ready-made words.

    ``shifted`` moves present and future back by one tense, as reported speech in the past does.
    A past tense is never reported in the past: the plan has "says that", not "had done".
    """
    verb, *tail = chain
    assert isinstance(verb, EnglishVerb)
    contracted = negation == "short"
    if tense == FUTURE:
        auxiliary, after = "would" if shifted else "will", [verb.base]
    else:
        in_past = tense == PAST or shifted
        finite = (_past if in_past else _present)(verb, agreement)
        if verb in (BE, CAN):
            auxiliary, after = finite, []
        elif negation or question:
            auxiliary = (_past if in_past else _present)(DO, agreement)
            after = [verb.base]
        else:
            auxiliary, after = "", [finite]
    if negation:
        auxiliary = _negated(auxiliary, contracted)
    return VerbGroup(auxiliary, (*after, *(str(word) for word in tail)))
