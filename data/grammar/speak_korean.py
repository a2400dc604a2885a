"""Realises a sentence plan in Korean, in the polite 해요 style throughout."""

from __future__ import annotations

from grammar.conjugation import (
    ENDINGS,
    Stem,
    adnominal,
    copula,
    honorific,
    not_copula,
)
from grammar.hangul import attach
from grammar.korean_predicates import predicate_stem
from grammar.nouns import Pronoun
from grammar.plan import Clause, Location, NounPhrase, Sentence, Unit
from grammar.times import count_ko

OPENERS = {"and": "그리고", "however": "하지만", "therefore": "그래서"}
DETERMINERS = {"the": "그", "this": "이", "that": "저"}
QUESTION_WORDS = {"where": "어디에서", "when": "언제", "why": "왜"}

RAISED_ADJECTIVES = {"아프": Stem("편찮으시", "", True, True)}


def _owner(owner: NounPhrase) -> str:
    return owner.head.ko_owner if isinstance(owner.head, Pronoun) else noun_phrase(owner) + "의"


def _before_noun(phrase: NounPhrase) -> list[str]:
    words = []
    if phrase.relative is not None:
        words.append(_relative(phrase.relative))
    if phrase.owner is not None:
        words.append(_owner(phrase.owner))
    words.append(DETERMINERS.get(phrase.determiner, ""))
    if phrase.determiner == "a":
        words.append("한")
    if phrase.adjective is not None:
        words.append(phrase.adjective.fixed or adnominal(phrase.adjective.stem, "present"))
    return words


def noun_phrase(phrase: NounPhrase) -> str:
    noun = phrase.head
    if isinstance(noun, Pronoun):
        return noun.ko
    words = [*_before_noun(phrase), noun.ko + ("들" if phrase.number == "plural" else "")]
    if phrase.number == "counted":
        words.append(count_ko(phrase.count, noun.counter))
    text = " ".join(word for word in words if word)
    if phrase.joined is None:
        return text
    joiner = "과" if phrase.joiner == "and" else "이나"
    return f"{attach(text, joiner)} {noun_phrase(phrase.joined)}"


def subject_phrase(phrase: NounPhrase, topic: bool) -> str:
    if phrase.honored:
        return noun_phrase(phrase) + ("께서는" if topic else "께서")
    if isinstance(phrase.head, Pronoun) and not topic:
        return phrase.head.ko_subject
    return attach(noun_phrase(phrase), "은" if topic else "이")


def location_phrase(location: Location, particle: str) -> str:
    place = noun_phrase(location.where)
    return place + (f" {location.relation[0]}" if location.relation else "") + particle


def _relative(clause: Clause) -> str:
    return finished(clause, "adnominal", topic=False, with_subject=clause.gap != -1)


def _objects(clause: Clause) -> list[str]:
    verb = clause.verb
    assert verb is not None
    words = []
    for index, (slot, phrase) in enumerate(zip(verb.slots, clause.objects, strict=True)):
        if clause.gap == index:
            continue
        if clause.question == "what" and index == 0:
            words.append("무엇을")
            continue
        assert phrase is not None
        receives_honor = slot.particle == "에게" and phrase.honored
        words.append(attach(noun_phrase(phrase), "께" if receives_honor else slot.particle))
    return words[::-1]


def _time(clause: Clause) -> str:
    if clause.question == "when":
        return QUESTION_WORDS["when"]
    return clause.time.ko if clause.time and not clause.fronted else ""


def _adjuncts(clause: Clause) -> list[str]:
    words = [_time(clause), clause.frequency.ko if clause.frequency else ""]
    words.append(QUESTION_WORDS["why"] if clause.question == "why" else "")
    words.append(clause.duration.ko if clause.duration else "")
    if clause.companion is not None:
        words.append(attach(noun_phrase(clause.companion), "과") + " 함께")
    if clause.question == "where":
        words.append(QUESTION_WORDS["where"])
    elif clause.location is not None:
        words.append(location_phrase(clause.location, "에서"))
    words.append(clause.floor.ko if clause.floor else "")
    words.append(clause.means.ko if clause.means else "")
    return words


def _adjective_end(clause: Clause, ending: str, raised: bool) -> list[str]:
    assert clause.adjective is not None
    stem = clause.adjective.stem
    words = [_time(clause), clause.degree.ko if clause.degree else ""]
    if clause.than is not None:
        words = [_time(clause), noun_phrase(clause.than) + "보다 더"]
    if raised:
        stem = RAISED_ADJECTIVES.get(stem.text) or honorific(stem)
    if clause.negation == "long":
        base = clause.adjective.stem.text
        stem = Stem(f"{base}지 {'않으시' if raised else '않'}", "", True, raised)
    return [*words, ENDINGS[ending](stem, clause.tense)]


def _noun_end(clause: Clause, ending: str, raised: bool) -> list[str]:
    assert clause.complement is not None
    shape = not_copula if clause.negation else copula
    bare = noun_phrase(clause.complement)
    return [_time(clause), shape(bare, clause.tense, ending, raised)]


def _existing(clause: Clause, ending: str) -> list[str]:
    assert clause.complement is not None
    thing = attach(noun_phrase(clause.complement), "이")
    time = _time(clause)
    if clause.kind == "exists":
        assert clause.location is not None
        before = [time, location_phrase(clause.location, "에")]
    else:
        assert clause.subject is not None
        before = [noun_phrase(clause.subject) + "에게는", time]
    return [*before, thing, ENDINGS[ending](Stem("있", "", True), clause.tense)]


def _weather(clause: Clause, ending: str) -> list[str]:
    stem = clause.adjective.stem if clause.adjective else predicate_stem(clause, False)
    words = [_time(clause), attach(clause.weather[0], "이")]
    return [*words, ENDINGS[ending](stem, clause.tense)]


def _verb_end(clause: Clause, ending: str, raised: bool) -> list[str]:
    words = _adjuncts(clause)
    if clause.reported is not None:
        words.append(finished(clause.reported, "quote", topic=False))
    else:
        words += _objects(clause)
    words.append(clause.manner.ko if clause.manner else "")
    words.append(ENDINGS[ending](predicate_stem(clause, raised), clause.tense))
    return words


def _with_added(clause: Clause, ending: str, raised: bool) -> list[str]:
    """Two actions of one subject: the one that Korean says first comes without a tense."""
    other = clause.added
    assert other is not None
    if clause.added_as in ("same_and", "same_then"):
        first = _verb_end(clause, clause.added_as, raised)
        return [*first, *_verb_end(other, ending, raised)]
    plain = raised and clause.added_as == "while"
    lesser = _verb_end(other, clause.added_as, plain)
    main = _verb_end(clause, ending, raised)
    return [main[0], *lesser, *main[1:]]


def finished(clause: Clause, ending: str, topic: bool, with_subject: bool = True) -> str:
    raised = clause.honored
    if clause.kind == "weather":
        words = _weather(clause, ending)
    elif clause.kind in ("exists", "has"):
        words = _existing(clause, ending)
    else:
        words = []
        if with_subject and clause.subject is not None:
            asks_who = clause.question == "who"
            words = ["누가" if asks_who else subject_phrase(clause.subject, topic)]
        if clause.added is not None:
            words += _with_added(clause, ending, raised)
        elif clause.kind == "adjective":
            words += _adjective_end(clause, ending, raised)
        elif clause.kind == "copula":
            words += _noun_end(clause, ending, raised)
        else:
            words += _verb_end(clause, ending, raised)
    if clause.fronted and clause.time:
        words = [clause.time.ko, *words]
    return " ".join(word for word in words if word)


def unit_words(unit: Unit) -> str:
    main = finished(unit.main, unit.link, topic=unit.link != "so")
    if unit.subordinate is None:
        return main
    return f"{finished(unit.subordinate, unit.subordinator, topic=False)} {main}"


def speak(sentence: Sentence) -> str:
    parts = [OPENERS[sentence.opener]] if sentence.opener else []
    parts += [unit_words(unit) for unit in sentence.units]
    return " ".join(parts) + ("?" if sentence.question else ".")
