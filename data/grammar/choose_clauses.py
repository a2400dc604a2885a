"""Draws clauses: verbs with their arguments and adjuncts, adjectives, nouns, weather, existence."""

from __future__ import annotations

from grammar.choose_nouns import (
    add_relative,
    choose_location,
    choose_object,
    choose_person,
    choose_subject,
    reads_the_same,
)
from grammar.conjugation import FUTURE, PAST, PRESENT
from grammar.dice import Dice
from grammar.english import with_article
from grammar.hangul import attach
from grammar.nouns import FAR_RIDES, NEAR_RIDES, NOUN_BY_KO, Noun, Pronoun
from grammar.plan import Clause, Location, NounPhrase
from grammar.predicates import (
    ALL_VERBS,
    FREQUENCIES,
    MANNERS,
    Verb,
)
from grammar.times import Phrase, draw_duration, draw_floor, draw_time, phrases

MANNER_WORDS = phrases(MANNERS)
FREQUENCY_WORDS = phrases(FREQUENCIES)
MOMENTS = ("조금 전에", "한 시간 전에")  # too short ago for anything that lasts
WATER_PLACES = ("수영장", "바닷가", "호수")
COOKING_PLACES = ("부엌", "식당", "집", "호텔", "카페")
ONLY_AT = {
    "수영하": WATER_PLACES,
    "요리하": COOKING_PLACES,
    "굽": COOKING_PLACES,
    "자르": COOKING_PLACES,
    "끓이": COOKING_PLACES,
}
TENSES = ((PAST, 0.5), (PRESENT, 0.27), (FUTURE, 0.23))
ACTIONS = tuple(
    verb
    for verb in ALL_VERBS
    if "person" in verb.subjects and "s" not in verb.flags and len(verb.slots) < 2
)
# Feelings are not tied to a certain time.
FEELINGS = [
    "알",
    "믿",
    "존경하",
    "사랑하",
    "좋아하",
    "기억하",
    "그리워하",
]
LONELY, HARD = "혼자", Phrase("열심히", "hard")  # only some verbs go with the latter


def choose_tense(dice: Dice) -> str:
    return dice.weighted(TENSES)


def is_single(subject: NounPhrase) -> bool:
    if isinstance(subject.head, Pronoun):
        return subject.head.agreement == "one"
    return not subject.many


def verb_clause(
    dice: Dice, verb: Verb, tense: str, rich: float, subject: NounPhrase | None = None
) -> Clause:
    """A clause without adjuncts, in the plainest shape that the tense allows."""
    subject = subject or choose_subject(dice, verb.subjects, rich)
    objects = [choose_object(dice, slot.kinds, rich) for slot in verb.slots]
    clause = Clause("verb", subject, tense, verb=verb, objects=list(objects))
    if reads_the_same(verb, tense, is_single(subject)):
        clause.aspect = "progressive"
    return clause


def vary_verb(dice: Dice, clause: Clause) -> None:
    """Aspect, modality and negation; never two of them that would blur each other."""
    verb = clause.verb
    assert verb is not None
    steady = "s" in verb.flags
    human = "person" in verb.subjects and "animal" not in verb.subjects
    going_on = {PRESENT: 0.4, PAST: 0.12, FUTURE: 0.0}[clause.tense]
    if not steady and dice.chance(going_on):
        clause.aspect = "progressive"
    if clause.aspect == "simple" and not steady and human and dice.chance(0.25):
        options = {
            PAST: ("want", "must", "start", "can"),
            PRESENT: ("can", "want", "must"),
            FUTURE: ("must", "start"),
        }
        clause.modal = dice.pick(options[clause.tense])
    if clause.modal in ("", "can") and dice.chance(0.15):
        clause.negation = "long"
        spoken = clause.aspect == "simple" and not clause.modal
        if spoken and "x" not in verb.flags and dice.chance(0.55):
            clause.negation = "short"


def _place_for(dice: Dice, verb: Verb, rich: float) -> Location:
    if verb.stem.text in ONLY_AT:
        noun = NOUN_BY_KO[dice.pick(ONLY_AT[verb.stem.text])]
        return Location(NounPhrase(noun, "place"))
    return choose_location(dice, rich)


def _means(dice: Dice, clause: Clause) -> Phrase | None:
    verb = clause.verb
    assert verb is not None
    if "r" in verb.flags and clause.objects[0] is not None:
        goal = clause.objects[0].head
        far = isinstance(goal, Noun) and "city" in goal.kinds
        ko, en = dice.pick(FAR_RIDES if far else NEAR_RIDES)
        return Phrase(attach(ko, "으로"), f"by {en}")
    if verb.tools:
        tool = dice.pick(verb.tools)
        return Phrase(attach(tool, "으로"), f"with {with_article(NOUN_BY_KO[tool].en)}")
    return None


def _manner(dice: Dice, clause: Clause) -> Phrase | None:
    verb, subject = clause.verb, clause.subject
    assert verb is not None and subject is not None
    word = HARD if "d" in verb.flags and dice.chance(0.5) else dice.pick(MANNER_WORDS)
    if word.ko == LONELY and (clause.companion is not None or not is_single(subject)):
        return None
    return word


def choose_companion(dice: Dice, clause: Clause) -> NounPhrase:
    """Somebody other than the subject, and no pronoun that could be taken for it."""
    person = choose_person(dice, 0.0)
    while isinstance(person.head, Pronoun) or (
        clause.subject is not None and person.head is clause.subject.head
    ):
        person = choose_person(dice, 0.0)
    return person


def add_adjuncts(dice: Dice, clause: Clause, rich: float, front: bool) -> None:
    """Time, place, company, means and manner, as far as the verb has a use for them."""
    verb = clause.verb
    assert verb is not None
    flags, lasting = verb.flags, "h" in verb.flags or "d" in verb.flags
    if "c" in flags and dice.chance(0.25 * rich):
        clause.companion = choose_companion(dice, clause)
    if dice.chance(0.5 * rich):
        clause.means = _means(dice, clause)
    if "m" in flags and dice.chance(0.3 * rich):
        clause.manner = _manner(dice, clause)
    if "p" in flags and dice.chance(0.5 * rich):
        clause.location = _place_for(dice, verb, rich)
    roomy = "h" in flags and "p" in flags and verb.stem.text not in ONLY_AT
    if roomy and clause.location is None and dice.chance(0.3 * rich):
        clause.floor = draw_floor(dice)
    if lasting and not clause.negation and clause.modal != "start" and dice.chance(0.3 * rich):
        clause.duration = draw_duration(dice, "d" in flags, "h" in flags)
    habitual = clause.tense == PRESENT and clause.aspect == "simple"
    if habitual and not clause.modal and not clause.negation and dice.chance(0.3):
        clause.frequency = dice.pick(FREQUENCY_WORDS)
    elif verb.stem.text in FEELINGS:
        return
    elif (habitual or clause.tense != PRESENT) and dice.chance(0.25 + 0.4 * rich):
        clause.time = draw_time(dice, clause.tense)
        while clause.duration is not None and clause.time.ko in MOMENTS:
            clause.time = draw_time(dice, clause.tense)
        clause.fronted = front and dice.chance(0.25)
    elif clause.tense == PRESENT and not habitual and dice.chance(0.25 * rich):
        clause.time = Phrase("지금", "now")


def _with_relative(dice: Dice, clause: Clause, rich: float, front: bool) -> None:
    """Put a relative clause on the object or on the subject.

    Adjuncts after an object with a relative clause would belong to either verb, so there are none.
    """
    verb, subject = clause.verb, clause.subject
    assert verb is not None and subject is not None
    target = clause.objects[0] if len(clause.objects) == 1 else None
    if target is not None and dice.chance(0.6) and add_relative(dice, target, rich):
        if front and clause.aspect == "simple" and dice.chance(0.4):
            clause.time, clause.fronted = draw_time(dice, clause.tense), True
        return
    relative = add_relative(dice, subject, rich)
    add_adjuncts(dice, clause, rich * 0.6, front and not relative)


def full_verb_clause(dice: Dice, tense: str, rich: float, front: bool = False) -> Clause:
    clause = verb_clause(dice, dice.pick(ALL_VERBS), tense, rich)
    if clause.aspect == "simple":
        vary_verb(dice, clause)
    assert clause.verb is not None and clause.subject is not None
    if reads_the_same(clause.verb, tense, is_single(clause.subject)) and not clause.modal:
        clause.aspect, clause.negation = "progressive", ""
    if dice.chance(0.4 * rich - 0.05):
        _with_relative(dice, clause, rich, front)
    else:
        add_adjuncts(dice, clause, rich, front)
    return clause
