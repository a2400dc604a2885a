"""Draws questions: yes or no, who, what, where, when, why."""

from __future__ import annotations

from grammar.choose_clauses import ACTIONS, TENSES, add_adjuncts, verb_clause
from grammar.choose_nouns import choose_person
from grammar.conjugation import PRESENT
from grammar.dice import Dice
from grammar.nouns import NOUNS_BY_KIND, Pronoun
from grammar.plan import NounPhrase, Sentence, Unit


def question(dice: Dice, size: int) -> Sentence:
    rich = min(1.0, max(0.0, (size - 4) / 8))
    shape = dice.weighted(
        (("yes", 0.35), ("who", 0.17), ("what", 0.15), ("where", 0.13), ("when", 0.1), ("why", 0.1))
    )
    needed = {"what": "w", "where": "p"}.get(shape, "")
    verbs = [verb for verb in ACTIONS if not needed or needed in verb.flags]
    tense = dice.weighted(TENSES)
    clause = verb_clause(dice, dice.pick(verbs), tense, rich, _asked_person(dice))
    if tense == PRESENT and dice.chance(0.6):
        clause.aspect = "progressive"
    if shape == "who":
        clause.subject = NounPhrase(NOUNS_BY_KIND["name"][0])
    add_adjuncts(dice, clause, rich, front=False)
    clause.frequency = None
    if shape == "where":
        clause.floor = clause.location = None
    if shape == "when":
        clause.time = None
    if shape == "what" and clause.verb is not None and clause.verb.raised is not None:
        # 드시다 is eating as well as drinking; without its object nobody could tell.
        clause.subject = NounPhrase(dice.pick(NOUNS_BY_KIND["name"]))
    clause.question = shape
    return Sentence([Unit(clause)], question=True)


def _asked_person(dice: Dice) -> NounPhrase:
    person = choose_person(dice, 0.0)
    while isinstance(person.head, Pronoun) and person.head.first_person:
        person = choose_person(dice, 0.0)
    return person
