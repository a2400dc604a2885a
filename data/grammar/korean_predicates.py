"""The Korean verb with its auxiliaries, honorifics and negation, before any ending."""

from __future__ import annotations

from grammar.conjugation import Stem, honorific, infinitive, prospective_adnominal
from grammar.nouns import Pronoun
from grammar.plan import Clause


def _plain_stem(clause: Clause) -> Stem:
    verb = clause.verb
    assert verb is not None
    if verb.humble and any(
        phrase is not None and phrase.honored and slot.particle == "에게"
        for slot, phrase in zip(verb.slots, clause.objects, strict=True)
    ):
        return Stem(verb.humble)
    return verb.stem


def _raised_stem(clause: Clause) -> Stem:
    assert clause.verb is not None
    return clause.verb.raised or honorific(_plain_stem(clause))


def _is_first_person(clause: Clause) -> bool:
    head = clause.subject.head if clause.subject is not None else None
    return isinstance(head, Pronoun) and head.first_person


def _with_modal(clause: Clause, lexical: str, exalted: Stem, raised: bool) -> Stem:
    """``lexical`` is the bare stem; can and must take the raised verb, the rest raise 하."""
    helper = "하시" if raised else "하"
    if clause.modal == "can":
        possible = " 수 없" if clause.negation else " 수 있"
        return Stem(prospective_adnominal(exalted) + possible, "", True)
    if clause.modal == "must":
        return Stem(infinitive(exalted) + "야 하")
    if clause.modal == "start":
        return Stem(f"{lexical}기 시작{helper}", honorific=raised)
    if _is_first_person(clause):
        return Stem(lexical + "고 싶", "", True)
    return Stem(f"{lexical}고 싶어 {helper}", honorific=raised)


def predicate_stem(clause: Clause, raised: bool) -> Stem:
    """The verb with its auxiliaries, up to the place where the ending goes."""
    assert clause.verb is not None
    plain = _plain_stem(clause)
    exalted = _raised_stem(clause) if raised else plain
    own_honorific = clause.verb.raised if raised else None
    lexical = (own_honorific or plain).text
    if clause.modal:
        return _with_modal(clause, lexical, exalted, raised)
    stem, base = exalted, lexical
    if clause.aspect == "progressive":
        base = f"{lexical}고 {'계시' if raised else '있'}"
        stem = Stem(base, "", not raised, raised)
    if clause.negation == "long":
        return Stem(f"{base}지 {'않으시' if raised else '않'}", "", stem.descriptive, raised)
    if clause.negation == "short":
        return Stem("안 " + stem.text, stem.irregular, stem.descriptive, stem.honorific)
    return stem
