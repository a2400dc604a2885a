"""The abstract sentence plan: what both realisations read and neither of them changes."""

from __future__ import annotations

from dataclasses import dataclass, field

from grammar.nouns import Noun, Pronoun
from grammar.predicates import Adjective, Verb
from grammar.times import Phrase

# Where something is: Korean word after the noun, English preposition before it.
RELATIONS = (
    ("위", "on"),
    ("아래", "under"),
    ("옆", "next to"),
    ("뒤", "behind"),
    ("앞", "in front of"),
    ("근처", "near"),
)


@dataclass
class NounPhrase:
    head: Noun | Pronoun
    determiner: str = ""  # "", a, the, this, that, place, my (with an owner)
    owner: NounPhrase | None = None
    number: str = "singular"  # singular, plural, counted
    count: int = 1
    adjective: Adjective | None = None
    relative: Clause | None = None
    joined: NounPhrase | None = None
    joiner: str = ""  # and, or

    @property
    def many(self) -> bool:
        if self.joined is not None and self.joiner == "and":
            return True
        return self.number == "plural" or (self.number == "counted" and self.count > 1)

    @property
    def honored(self) -> bool:
        last = self.joined or self
        return isinstance(last.head, Noun) and last.head.honorific


@dataclass
class Location:
    where: NounPhrase
    relation: tuple[str, str] | None = None


@dataclass
class Clause:
    """One predicate with its arguments. ``kind``: verb, adjective, copula, become, exists, has,
    weather."""

    kind: str
    subject: NounPhrase | None
    tense: str
    verb: Verb | None = None
    objects: list[NounPhrase | None] = field(default_factory=list)  # in English order
    complement: NounPhrase | None = None
    adjective: Adjective | None = None
    than: NounPhrase | None = None
    weather: tuple[str, str] = ("", "")
    degree: Phrase | None = None
    aspect: str = "simple"  # simple, progressive
    modal: str = ""  # can, want, must, start
    negation: str = ""  # long (-지 않다, not), short (안, n't)
    time: Phrase | None = None
    fronted: bool = False
    duration: Phrase | None = None
    companion: NounPhrase | None = None
    location: Location | None = None
    floor: Phrase | None = None
    means: Phrase | None = None
    manner: Phrase | None = None
    frequency: Phrase | None = None
    added: Clause | None = None  # same subject: second action, purpose or simultaneous action
    added_as: str = ""  # same_and, same_then, purpose, errand, while
    reported: Clause | None = None  # what somebody said, heard or thought
    gap: int | None = None  # relative clauses: -1 the subject, otherwise the missing object
    question: str = ""  # yes, who, what, where, when, why

    @property
    def honored(self) -> bool:
        return self.subject is not None and self.subject.honored


@dataclass
class Unit:
    """A main clause, the subordinate clause it may have, and how the next unit follows."""

    main: Clause
    subordinate: Clause | None = None
    subordinator: str = ""  # because, when, if, before, after
    link: str = "final"  # final, and, but, so


@dataclass
class Sentence:
    units: list[Unit]
    opener: str = ""  # and, however, therefore
    question: bool = False
