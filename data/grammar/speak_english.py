"""Realises a sentence plan in English."""

from __future__ import annotations

from grammar.english import BE, CAN, HAVE, START, WANT, VerbGroup, plural, verb_group, with_article
from grammar.nouns import Noun, Pronoun
from grammar.plan import Clause, Location, NounPhrase, Sentence, Unit
from grammar.predicates import Slot
from grammar.times import count_en

OPENERS = {"and": "And", "however": "However,", "therefore": "Therefore,"}
DEMONSTRATIVES = {("this", True): "these", ("that", True): "those"}
QUESTION_WORDS = {"where": "Where", "when": "When", "why": "Why", "what": "What"}


def owner_phrase(owner: NounPhrase) -> str:
    if isinstance(owner.head, Pronoun):
        return owner.head.en_owner
    return noun_phrase(owner) + "'s"


def _determined(phrase: NounPhrase, words: str) -> str:
    """Put the article, demonstrative or owner in front of the described noun."""
    assert isinstance(phrase.head, Noun)
    many = phrase.number == "plural"
    if phrase.owner is not None:
        return f"{owner_phrase(phrase.owner)} {words}"
    if phrase.relative is not None or phrase.determiner in ("the", "place"):
        return f"the {words}"
    if phrase.determiner in ("this", "that"):
        return f"{DEMONSTRATIVES.get((phrase.determiner, many), phrase.determiner)} {words}"
    return words if many or phrase.head.mass else with_article(words)


def _described(phrase: NounPhrase) -> str:
    noun = phrase.head
    assert isinstance(noun, Noun)
    adjective = phrase.adjective.en + " " if phrase.adjective else ""
    if phrase.number == "counted":
        unit = noun.measure or noun.en
        counted = plural(unit) if phrase.count > 1 else unit
        content = f" of {adjective}{noun.en}" if noun.measure else ""
        before = "" if noun.measure else adjective
        return f"{count_en(phrase.count)} {before}{counted}{content}"
    words = adjective + (plural(noun.en) if phrase.number == "plural" else noun.en)
    return words if noun.proper else _determined(phrase, words)


def noun_phrase(phrase: NounPhrase, as_object: bool = False) -> str:
    if isinstance(phrase.head, Pronoun):
        return phrase.head.en_object if as_object else phrase.head.en
    words = _described(phrase)
    if phrase.relative is not None:
        words += " " + _relative(phrase.relative, phrase)
    if phrase.joined is not None:
        words += f" {phrase.joiner} {noun_phrase(phrase.joined, as_object)}"
    return words


def _relative(clause: Clause, head: NounPhrase) -> str:
    assert isinstance(head.head, Noun)
    if clause.gap == -1:
        word = "who" if "person" in head.head.kinds else "that"
        return f"{word} {_statement(clause, agreement='many' if head.many else 'one')}"
    return f"that {clause_words(clause)}"


def agreement_of(subject: NounPhrase) -> str:
    if isinstance(subject.head, Pronoun):
        return subject.head.agreement
    return "many" if subject.many else "one"


def location_phrase(location: Location) -> str:
    place = noun_phrase(location.where, as_object=True)
    assert isinstance(location.where.head, Noun)
    before = location.relation[1] if location.relation else location.where.head.preposition
    return f"{before} {place}"


def _group(clause: Clause, agreement: str, shifted: bool) -> VerbGroup:
    question = clause.question not in ("", "who")
    if clause.kind in ("copula", "exists") or clause.adjective is not None:
        return verb_group((BE,), clause.tense, agreement, clause.negation, question, shifted)
    if clause.kind == "has":
        return verb_group((HAVE,), clause.tense, agreement, clause.negation, question, shifted)
    assert clause.verb is not None
    verb = clause.verb.en
    if clause.aspect == "progressive":
        chain = (BE, verb.ing)
    else:
        chain = {
            "": (verb,),
            "can": (CAN, verb.base),
            "want": (WANT, "to", verb.base),
            "must": (HAVE, "to", verb.base),
            "start": (START, "to", verb.base),
        }[clause.modal]
    return verb_group(chain, clause.tense, agreement, clause.negation, question, shifted)


def _preposition(slot: Slot, phrase: NounPhrase | None) -> str:
    """People arrive at a station but in a city."""
    in_city = phrase is not None and isinstance(phrase.head, Noun) and "city" in phrase.head.kinds
    return "in" if in_city and slot.preposition == "at" else slot.preposition


def _objects(clause: Clause) -> list[str]:
    verb = clause.verb
    assert verb is not None
    words = [verb.after]
    for index, (slot, phrase) in enumerate(zip(verb.slots, clause.objects, strict=True)):
        words.append(_preposition(slot, phrase))
        asked = clause.question == "what" and index == 0
        if clause.gap != index and not asked:
            assert phrase is not None
            words.append(noun_phrase(phrase, as_object=True))
    return words


def _complements(clause: Clause) -> list[str]:
    """What stands between the verb group and the adjuncts."""
    if clause.kind == "adjective":
        assert clause.adjective is not None
        if clause.than is not None:
            return [clause.adjective.comparative, "than", noun_phrase(clause.than, True)]
        return [clause.degree.en if clause.degree else "", clause.adjective.en]
    if clause.kind == "weather" and clause.adjective is not None:
        return [clause.adjective.en]
    if clause.kind in ("copula", "has", "exists"):
        assert clause.complement is not None
        return [noun_phrase(clause.complement, as_object=True)]
    if clause.reported is not None:
        return ["that", clause_words(clause.reported, shifted=clause.tense == "past")]
    return _objects(clause)


def _adjuncts(clause: Clause) -> list[str]:
    asked = clause.question
    words = [clause.manner.en if clause.manner else ""]
    if clause.companion is not None:
        words += ["with", noun_phrase(clause.companion, as_object=True)]
    words.append(clause.means.en if clause.means else "")
    if clause.floor is not None:
        words.append(clause.floor.en)
    if clause.location is not None and asked != "where":
        words.append(location_phrase(clause.location))
    words.append(clause.duration.en if clause.duration else "")
    if clause.time is not None and not clause.fronted:
        words.append(clause.time.en)
    return words


def _added(clause: Clause) -> list[str]:
    """The second action of the same subject; it shares the tense of the first."""
    if clause.added is None:
        return []
    other = clause.added
    assert other.verb is not None and clause.subject is not None
    rest = [*_complements(other), *_adjuncts(other)]
    if clause.added_as in ("purpose", "errand"):
        before = "in order to" if clause.added_as == "purpose" else "to"
        return [before, other.verb.en.base, *rest]
    if clause.added_as == "while":
        return ["while", other.verb.en.ing, *rest]
    join = "and" if clause.added_as == "same_and" else "and then"
    group = _group(other, agreement_of(clause.subject), False)
    return [join, *group.rest, *rest]


def _statement(clause: Clause, agreement: str, shifted: bool = False) -> str:
    group = _group(clause, agreement, shifted)
    often = clause.frequency.en if clause.frequency else ""
    words = [group.auxiliary, often, *group.rest, *_complements(clause), *_adjuncts(clause)]
    return " ".join(word for word in [*words, *_added(clause)] if word)


def _there_is(clause: Clause, question: bool) -> str:
    assert clause.complement is not None and clause.location is not None
    group = _group(clause, "many" if clause.complement.many else "one", False)
    thing = noun_phrase(clause.complement)
    place = location_phrase(clause.location)
    time = clause.time.en if clause.time else ""
    start = [group.auxiliary, "there"] if question else ["there", group.auxiliary]
    return " ".join(word for word in [*start, thing, place, time] if word)


def clause_words(clause: Clause, shifted: bool = False) -> str:
    if clause.kind == "exists":
        return _there_is(clause, False)
    if clause.kind == "weather":
        subject, agreement = clause.weather[1], "one"
    else:
        assert clause.subject is not None
        subject, agreement = noun_phrase(clause.subject), agreement_of(clause.subject)
    words = f"{subject} {_statement(clause, agreement, shifted)}"
    return f"{clause.time.en}, {words}" if clause.fronted and clause.time else words


def question_words(clause: Clause) -> str:
    if clause.kind == "exists":
        return _there_is(clause, True)
    assert clause.subject is not None
    if clause.question == "who":
        return f"Who {_statement(clause, 'one')}"
    group = _group(clause, agreement_of(clause.subject), False)
    first = QUESTION_WORDS.get(clause.question, "")
    words = [first, group.auxiliary, noun_phrase(clause.subject), *group.rest]
    words += [*_complements(clause), *_adjuncts(clause)]
    return " ".join(word for word in words if word)


def unit_words(unit: Unit) -> str:
    main = clause_words(unit.main)
    if unit.subordinate is None:
        return main
    lesser = clause_words(unit.subordinate)
    if unit.subordinator in ("if", "after"):
        return f"{unit.subordinator} {lesser}, {main}"
    return f"{main} {unit.subordinator} {lesser}"


def speak(sentence: Sentence) -> str:
    if sentence.question:
        text = question_words(sentence.units[0].main) + "?"
        return text[0].upper() + text[1:]
    text = ""
    for unit in sentence.units:
        text += unit_words(unit) + (f", {unit.link} " if unit.link != "final" else ".")
    if sentence.opener:
        return f"{OPENERS[sentence.opener]} {text}"
    return text[0].upper() + text[1:]
