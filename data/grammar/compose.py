"""Draws whole sentence plans of about a wanted length."""

from __future__ import annotations

from dataclasses import replace

from grammar.choose_clauses import (
    ACTIONS,
    add_adjuncts,
    choose_tense,
    full_verb_clause,
    verb_clause,
)
from grammar.choose_nouns import choose_person
from grammar.choose_states import (
    adjective_clause,
    copula_clause,
    exists_clause,
    has_clause,
    weather_clause,
)
from grammar.conjugation import FUTURE, PAST, PRESENT, Stem
from grammar.dice import Dice
from grammar.english import english_verb
from grammar.plan import Clause, Sentence, Unit
from grammar.predicates import ALL_VERBS, Verb
from grammar.questions import question
from grammar.speak_english import unit_words

PEOPLE = ("person",)
MOODS = ["행복하", "슬프", "피곤하", "바쁘", "배고프", "외롭", "아프"]  # states that have a cause
REPORTING = (
    Verb(
        Stem("말하"), english_verb("say said"), "", PEOPLE, (), (), Stem("말씀하시", honorific=True)
    ),
    Verb(Stem("생각하"), english_verb("think thought"), "", PEOPLE, (), ()),
    Verb(Stem("믿"), english_verb("believe"), "", PEOPLE, (), ()),
    Verb(Stem("듣", "ㄷ"), english_verb("hear heard"), "", PEOPLE, (), ()),
)


def _verbs(stems: str) -> tuple[Verb, ...]:
    wanted = stems.split()
    return tuple(
        verb
        for verb in ALL_VERBS
        if verb.stem.text in wanted and "person" in verb.subjects and len(verb.slots) < 2
    )


GOING = _verbs("가 오 돌아오 달려가 걸어가")
ERRANDS = tuple(verb for verb in ALL_VERBS if "g" in verb.flags and len(verb.slots) < 2)
WORKING = _verbs("일하 빌리 팔 기다리 운전하 준비하 청소하")
AIMS = _verbs("사 배우 돕 만나 고치 만들 방문하 짓 보내 찍 씻")
BUSY = _verbs("읽 먹 마시 걷 일하 요리하 청소하 기다리 쉬 운전하 달리 그리")
MEANWHILE = _verbs("듣 부르 웃 울 춤추")


def _said_clause(dice: Dice, rich: float) -> Clause:
    """A clause that somebody reports; its tense must stay readable after the shift."""
    tense = choose_tense(dice)
    kind = dice.weighted((("verb", 0.75), ("adjective", 0.18), ("copula", 0.07)))
    if kind == "adjective":
        return adjective_clause(dice, tense, 0.0)
    if kind == "copula":
        return copula_clause(dice, PRESENT if tense == FUTURE else tense, 0.0)
    clause = full_verb_clause(dice, tense, rich * 0.7)
    if clause.modal in ("can", "want", "must") and tense != PRESENT:
        clause.modal, clause.negation = "", ""
    if clause.negation == "short" and tense == FUTURE:
        clause.negation = "long"
    return clause


def reported_clause(dice: Dice, tense: str, rich: float) -> Clause:
    subject = choose_person(dice, 0.0)
    said = _said_clause(dice, rich)
    tense = PRESENT if said.tense == PAST else tense
    verbs = REPORTING if tense == PAST else REPORTING[:3]
    return Clause("verb", subject, tense, verb=dice.pick(verbs), reported=said)


def double_clause(dice: Dice, tense: str, rich: float) -> Clause:
    """One subject, two actions."""
    shapes = (
        ("same_and", 0.35),
        ("same_then", 0.2),
        ("errand", 0.2),
        ("purpose", 0.1),
        ("while", 0.15),
    )
    shape = dice.weighted(shapes)
    first, second = {
        "same_and": (ACTIONS, ACTIONS),
        "same_then": (ACTIONS, ACTIONS),
        "errand": (GOING, ERRANDS),
        "purpose": (WORKING, AIMS),
        "while": (BUSY, MEANWHILE),
    }[shape]
    verb, other = dice.pick(first), dice.pick(second)
    while other.stem == verb.stem or other.en.base == "read" or verb.en.base == "read":
        verb, other = dice.pick(ACTIONS if shape[0] == "s" else first), dice.pick(second)
    clause = verb_clause(dice, verb, tense, rich, choose_person(dice, rich))
    add_adjuncts(dice, clause, rich * 0.6, front=False)
    clause.frequency = None
    clause.added = verb_clause(dice, other, tense, rich * 0.7, clause.subject)
    clause.added_as = shape
    return clause


def main_clause(dice: Dice, tense: str, size: int, front: bool) -> Clause:
    """``size`` is the number of English words to aim at."""
    rich = min(1.0, max(0.0, (size - 4) / 8))
    kinds = [("verb", 0.56), ("adjective", 0.11), ("copula", 0.04), ("weather", 0.03)]
    kinds += [("exists", 0.06 if size > 5 else 0.0), ("has", 0.04)]
    kinds += [("double", 0.16 if size > 7 else 0.0), ("reported", 0.12 if size > 6 else 0.0)]
    kind = dice.weighted(kinds)
    if kind == "verb":
        return full_verb_clause(dice, tense, rich, front)
    if kind == "double":
        return double_clause(dice, tense, rich)
    if kind == "reported":
        return reported_clause(dice, PRESENT if tense == FUTURE else tense, rich)
    if kind in ("copula", "exists", "has"):
        make = {"copula": copula_clause, "exists": exists_clause, "has": has_clause}[kind]
        return make(dice, PRESENT if tense == FUTURE else tense, rich)
    make = adjective_clause if kind == "adjective" else weather_clause
    return make(dice, tense, rich)


def _plain_event(dice: Dice, tense: str, rich: float) -> Clause:
    clause = verb_clause(dice, dice.pick(ALL_VERBS), tense, rich * 0.5)
    if "s" in clause.verb.flags if clause.verb else False:
        return _plain_event(dice, tense, rich)
    clause.aspect = "simple"
    add_adjuncts(dice, clause, rich * 0.4, front=False)
    clause.frequency = None
    if tense == PRESENT:
        clause.time = None
    return clause


def subordinate(dice: Dice, main: Clause, size: int) -> tuple[Clause, str]:
    rich = min(1.0, max(0.0, (size - 5) / 8))
    words = [("because", 0.3)]
    if main.kind == "verb" and main.aspect == "simple":
        words += [("when", 0.2), ("before", 0.15), ("after", 0.2)]
        words += [("if", 0.3)] if main.tense != PAST else []
        main.time = None if main.tense == PRESENT and not main.fronted else main.time
    word = dice.weighted(words)
    tense = PAST if main.tense == PAST else PRESENT
    if word == "because" and main.tense == FUTURE and dice.chance(0.5):
        tense = PAST
    if word == "because":
        kind = dice.below(3)
        if kind == 0:
            return weather_clause(dice, tense, 0.0), word
        if kind == 1:
            return adjective_clause(dice, tense, 0.0), word
        clause = _plain_event(dice, tense, rich)
        if clause.verb is not None and clause.verb.en.base == "read":
            clause.tense = PAST
        clause.negation = "long" if dice.chance(0.2) and not clause.duration else ""
        return clause, word
    in_weather = word in ("when", "if") and dice.chance(0.25)
    make = weather_clause if in_weather else _plain_event
    clause = make(dice, tense, 0.0 if in_weather else rich)
    clause.time = None
    return clause, word


def _cause_clause(dice: Dice, tense: str, rich: float) -> Clause:
    """The first half of "A, so B"; its tense is that of B, so it has no time of its own."""
    shape = dice.below(3)
    if shape == 0:
        clause = weather_clause(dice, tense, 0.0)
    elif shape == 1:
        clause = adjective_clause(dice, tense, rich)
    else:
        clause = _plain_event(dice, tense, rich)
    clause.time = None
    return clause


def make_unit(dice: Dice, tense: str, size: int, first: bool) -> Unit:
    with_lesser = size >= 9 and dice.chance(0.35)
    own_size = size // 2 if with_lesser else size
    main = main_clause(dice, tense, own_size, front=first and not with_lesser)
    moody = main.adjective is not None and main.adjective.stem.text in MOODS
    if with_lesser and main.reported is None and (main.kind == "verb" or moody):
        lesser, word = subordinate(dice, main, own_size)
        return Unit(main, lesser, word)
    return Unit(main)


def _effect(dice: Dice, tense: str, size: int) -> Unit:
    """The second half of "A, so B"."""
    return Unit(full_verb_clause(dice, tense, min(1.0, max(0.0, (size - 4) / 8))))


def compose(dice: Dice, target: int) -> Sentence:
    """A sentence of roughly ``target`` English words."""
    if target <= 13 and dice.chance(0.13):
        return question(dice, target)
    opener = dice.pick(("and", "however", "therefore")) if dice.chance(0.07) else ""
    units: list[Unit] = []
    left = target - (1 if opener else 0)
    tense = choose_tense(dice)
    while not units or left >= 4 or units[-1].link == "so":
        size = left if left <= 12 else min(left, 6 + dice.below(10))
        before = units[-1].link if units else ""
        if before == "so":
            unit = _effect(dice, tense, size)
        elif left - size >= 5 and tense != FUTURE and dice.chance(0.2):
            unit = Unit(_cause_clause(dice, tense, 0.4), link="so")
        else:
            unit = make_unit(dice, tense, size, first=not units and not opener)
        units.append(unit)
        left -= len(unit_words(unit).split()) + 1
        if unit.link != "so":
            unit.link = "but" if before != "but" and dice.chance(0.35) else "and"
            tense = choose_tense(dice)
    units[-1] = replace(units[-1], link="final")
    return Sentence(units, opener)
