"""Draws clauses about how things are: adjectives, nouns, existence, possession and weather."""

from __future__ import annotations

from grammar.choose_nouns import (
    add_relative,
    choose_location,
    choose_person,
    choose_phrase,
    choose_spot,
    choose_subject,
    choose_thing,
    choose_worker,
)
from grammar.conjugation import PAST, PRESENT
from grammar.dice import Dice
from grammar.english import english_verb
from grammar.nouns import NOUN_BY_KO, NOUNS_BY_KIND, Noun, Pronoun
from grammar.plan import Clause, NounPhrase
from grammar.predicates import (
    ALL_ADJECTIVES,
    DEGREES,
    WEATHER_ADJECTIVES,
    Adjective,
    Verb,
    read_stem,
)
from grammar.times import draw_time, phrases

DEGREE_WORDS = phrases(DEGREES)
WEATHER_VERBS = (
    ("비", "it", Verb(read_stem("오"), english_verb("rain"), "", (), (), ())),
    ("눈", "it", Verb(read_stem("오"), english_verb("snow"), "", (), (), ())),
    ("바람", "the wind", Verb(read_stem("불"), english_verb("blow blew"), "", (), (), ())),
)
WEATHER_LOOKS = tuple(
    Adjective(read_stem(entry.split()[0], True), entry.split()[1], "", (), False, True)
    for entry in WEATHER_ADJECTIVES.split("|")
)
PREDICATIVE = tuple(adjective for adjective in ALL_ADJECTIVES if adjective.predicative)


def adjective_clause(dice: Dice, tense: str, rich: float) -> Clause:
    adjective = dice.pick(PREDICATIVE)
    kind = dice.pick(adjective.kinds)
    subject = _described_subject(dice, kind, rich)
    clause = Clause("adjective", subject, tense, adjective=adjective)
    if subject.adjective is adjective:
        subject.adjective = None
    if adjective.comparative and dice.chance(0.35):
        clause.than = _described_subject(dice, kind, 0.0)
    elif dice.chance(0.15):
        clause.negation = "long"
    elif dice.chance(0.4):
        clause.degree = dice.pick(DEGREE_WORDS)
    if kind not in ("person", "job") and clause.than is None and dice.chance(0.3 * rich):
        add_relative(dice, subject, rich)
    if tense == PAST and dice.chance(0.2) and kind in ("person", "job"):
        clause.time = draw_time(dice, PAST)
    return clause


def _described_subject(dice: Dice, kind: str, rich: float) -> NounPhrase:
    if kind == "person":
        return choose_subject(dice, ("person",), rich)
    phrase = choose_phrase(dice, (kind,), rich, specific=True)
    if phrase.number == "counted":
        phrase.number, phrase.count, phrase.determiner = "singular", 1, "the"
    if phrase.determiner == "a":
        phrase.determiner = "the"
    phrase.adjective = None
    return phrase


def copula_clause(dice: Dice, tense: str, rich: float) -> Clause:
    subject = choose_person(dice, 0.0)
    while subject.many or (isinstance(subject.head, Noun) and "job" in subject.head.kinds):
        subject = choose_person(dice, 0.0)
    if isinstance(subject.head, Pronoun) and subject.head.agreement == "many":
        subject = NounPhrase(dice.pick(NOUNS_BY_KIND["name"]))
    complement = choose_worker(dice, rich)
    complement.determiner, complement.number, complement.count = "", "singular", 1
    if isinstance(complement.head, Noun) and complement.head.honorific and not subject.honored:
        complement.head, complement.adjective = NOUN_BY_KO["학생"], None
    clause = Clause("copula", subject, tense, complement=complement)
    clause.negation = "long" if dice.chance(0.2) else ""
    return clause


def _countable(dice: Dice, kinds: tuple[str, ...], rich: float) -> NounPhrase:
    """A singular, plural or counted noun phrase that is not definite."""
    phrase = choose_thing(dice, dice.pick(NOUNS_BY_KIND[dice.pick(kinds)]), rich)
    phrase.determiner, phrase.owner = "", None
    return phrase


def exists_clause(dice: Dice, tense: str, rich: float) -> Clause:
    if dice.chance(0.3):
        place = choose_location(dice, rich)
        people = choose_worker(dice, rich)
        while isinstance(people.head, Noun) and people.head.honorific:
            people = choose_worker(dice, rich)
        if people.number == "singular":
            people.determiner = "a"
        elif people.number == "plural":
            people.determiner = ""
        clause = Clause("exists", None, tense, complement=people, location=place)
    else:
        spot = choose_spot(dice)
        surface = spot.relation is not None and spot.relation[1] == "on"
        kinds = (
            ("small", "readable", "fruit", "fragile") if surface else ("animal", "gift", "small")
        )
        thing = _countable(dice, kinds, rich)
        clause = Clause("exists", None, tense, complement=thing, location=spot)
    if tense == PAST and dice.chance(0.3 * rich):
        clause.time = draw_time(dice, PAST)
    return clause


def has_clause(dice: Dice, tense: str, rich: float) -> Clause:
    subject = choose_person(dice, 0.0)
    while subject.honored or subject.determiner == "a" or subject.number != "singular":
        subject = choose_person(dice, 0.0)
    thing = _countable(dice, ("pet", "machine", "small", "instrument", "readable"), rich)
    return Clause("has", subject, tense, complement=thing)


def weather_clause(dice: Dice, tense: str, rich: float) -> Clause:
    if dice.chance(0.5):
        look = dice.pick(WEATHER_LOOKS)
        clause = Clause("weather", None, tense, adjective=look, weather=("날씨", "the weather"))
    else:
        ko, en, verb = dice.pick(WEATHER_VERBS)
        clause = Clause("weather", None, tense, verb=verb, weather=(ko, en))
    if tense != PRESENT and dice.chance(0.1 + 0.3 * rich):
        clause.time = draw_time(dice, tense)
    return clause
