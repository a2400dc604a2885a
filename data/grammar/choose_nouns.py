"""Draws noun phrases, locations and relative clauses that suit the place they stand in."""

from __future__ import annotations

from grammar.conjugation import FUTURE, PAST, PRESENT
from grammar.dice import Dice
from grammar.nouns import NOUN_BY_KO, NOUNS, NOUNS_BY_KIND, PRONOUNS, SIBLINGS_OF_WOMEN, Noun
from grammar.plan import RELATIONS, Clause, Location, NounPhrase
from grammar.predicates import ALL_ADJECTIVES, ALL_VERBS, Adjective, Verb
from grammar.times import draw_time

ADJECTIVES_OF: dict[str, tuple[Adjective, ...]] = {
    noun.ko: tuple(
        adjective
        for adjective in ALL_ADJECTIVES
        if adjective.attributive and set(adjective.kinds) & set(noun.kinds)
    )
    for noun in NOUNS
}
SHE, THEY = PRONOUNS[3], PRONOUNS[4]
SURFACES = ("책상", "탁자", "침대", "의자", "소파", "상자")
ON, UNDER, NEXT_TO, BEHIND, IN_FRONT, NEAR = RELATIONS


def _taking(kinds: tuple[str, ...]) -> tuple[Verb, ...]:
    """Verbs with one direct object of these kinds, for relative clauses about that object."""
    return tuple(
        verb
        for verb in ALL_VERBS
        if len(verb.slots) == 1
        and verb.slots[0].particle == "을"
        and "person" in verb.subjects
        and set(verb.slots[0].kinds) & set(kinds)
    )


def _able(kind: str) -> tuple[Verb, ...]:
    return tuple(verb for verb in ALL_VERBS if kind in verb.subjects and len(verb.slots) < 2)


TAKING = {noun.ko: _taking(noun.kinds) for noun in NOUNS}
ABLE = {kind: _able(kind) for kind in ("person", "animal")}


def choose_owner(dice: Dice) -> NounPhrase:
    head = dice.pick(PRONOUNS) if dice.chance(0.6) else dice.pick(NOUNS_BY_KIND["name"])
    return NounPhrase(head)


def _adjective(dice: Dice, noun: Noun, rich: float) -> Adjective | None:
    options = ADJECTIVES_OF[noun.ko]
    return dice.pick(options) if options and dice.chance(0.1 + 0.35 * rich) else None


def _numbered(phrase: NounPhrase, dice: Dice, most: int) -> NounPhrase:
    phrase.number, phrase.count = "counted", 1 + dice.below(most)
    return phrase


def choose_person(dice: Dice, rich: float, joined: bool = False) -> NounPhrase:
    kind = dice.weighted((("name", 0.4), ("kin", 0.2), ("job", 0.3), ("pronoun", 0.1)))
    if kind == "pronoun" and not joined:
        return NounPhrase(dice.pick(PRONOUNS))
    if kind == "kin":
        owner = NounPhrase(dice.pick(PRONOUNS)) if joined else choose_owner(dice)
        return relative_of(owner, dice.pick(NOUNS_BY_KIND["kin"]))
    if kind == "job":
        return choose_worker(dice, rich)
    return NounPhrase(dice.pick(NOUNS_BY_KIND["name"]))


def relative_of(owner: NounPhrase, kin: Noun) -> NounPhrase:
    if kin.ko in SIBLINGS_OF_WOMEN:
        if owner.head is THEY:
            owner = NounPhrase(SHE)
        if owner.head is SHE or (isinstance(owner.head, Noun) and "woman" in owner.head.kinds):
            kin = SIBLINGS_OF_WOMEN[kin.ko]
    return NounPhrase(kin, owner=owner)


def choose_worker(dice: Dice, rich: float) -> NounPhrase:
    noun = dice.pick(NOUNS_BY_KIND["job"])
    phrase = NounPhrase(noun, adjective=_adjective(dice, noun, rich))
    shape = dice.weighted((("one", 0.7), ("plural", 0.17), ("counted", 0.13)))
    if shape == "counted":
        return _numbered(phrase, dice, 10)
    options = (("the", 0.5), ("a", 0.25), ("this", 0.13), ("that", 0.12))
    phrase.determiner = dice.weighted(options)
    if shape == "plural":
        phrase.number = "plural"
        phrase.determiner = "" if phrase.determiner == "a" else phrase.determiner
    return phrase


def choose_thing(dice: Dice, noun: Noun, rich: float, specific: bool = False) -> NounPhrase:
    """Animals, things, food and drink. ``specific`` leaves out the bare singular."""
    phrase = NounPhrase(noun, adjective=_adjective(dice, noun, rich))
    if noun.proper:
        phrase.adjective = None
        return phrase
    countable = bool(noun.measure) if noun.mass else True
    shapes = [("bare", 0.0 if specific else 0.3), ("the", 0.25), ("this", 0.08), ("that", 0.07)]
    tame = "animal" not in noun.kinds or "pet" in noun.kinds
    shapes += [
        ("owner", 0.15 if tame else 0.0),
        ("counted", (0.25 if noun.measure else 0.13) if countable else 0.0),
    ]
    shapes += [("plural", 0.0 if noun.mass else 0.2)]
    shape = dice.weighted(shapes)
    if shape == "counted":
        return _numbered(phrase, dice, 4 if noun.measure else 10)
    if shape == "plural":
        phrase.number = "plural"
        bare = 0.0 if specific else 0.5
        options = (("", bare), ("the", 0.25), ("this", 0.15), ("that", 0.1))
        phrase.determiner = dice.weighted(options)
    elif shape == "owner":
        phrase.owner = choose_owner(dice)
    elif shape != "bare":
        phrase.determiner = shape
    return phrase


def choose_place(dice: Dice, noun: Noun, rich: float) -> NounPhrase:
    if noun.proper:
        return NounPhrase(noun)
    phrase = NounPhrase(noun, "place", adjective=_adjective(dice, noun, rich * 0.5))
    shape = dice.weighted((("place", 0.8), ("this", 0.07), ("that", 0.07), ("owner", 0.06)))
    if shape == "owner" and noun.ko in ("집", "방", "가게", "사무실", "정원", "농장", "마을"):
        phrase.determiner, phrase.owner = "", choose_owner(dice)
    elif shape in ("this", "that"):
        phrase.determiner = shape
    return phrase


def choose_phrase(dice: Dice, kinds: tuple[str, ...], rich: float, specific: bool = False):
    """A noun phrase of one of these kinds."""
    kind = dice.pick(kinds)
    if kind == "person":
        return choose_person(dice, rich)
    if kind == "job":
        return choose_worker(dice, rich)
    noun = dice.pick(NOUNS_BY_KIND[kind])
    if "place" in noun.kinds or "city" in noun.kinds:
        return choose_place(dice, noun, rich)
    return choose_thing(dice, noun, rich, specific)


def choose_object(dice: Dice, kinds: tuple[str, ...], rich: float) -> NounPhrase:
    """An object; sometimes two of them joined by and / or."""
    phrase = choose_phrase(dice, kinds, rich)
    head = phrase.head
    joinable = isinstance(head, Noun) and {"thing", "food", "drink", "name"} & set(head.kinds)
    if not joinable or not dice.chance(0.15 * rich) or phrase.owner is not None:
        return phrase
    other = choose_phrase(dice, kinds, 0.0)
    if other.head is head or other.owner is not None or not isinstance(other.head, Noun):
        return phrase
    if other.head.honorific:
        return phrase
    phrase.joined = other
    phrase.joiner = "or" if dice.chance(0.25) else "and"
    return phrase


def choose_subject(dice: Dice, kinds: tuple[str, ...], rich: float) -> NounPhrase:
    kind = dice.pick(kinds)
    if kind != "person":
        return choose_thing(dice, dice.pick(NOUNS_BY_KIND[kind]), rich, specific=True)
    phrase = choose_person(dice, rich)
    if not isinstance(phrase.head, Noun) or not phrase.head.proper or not dice.chance(0.15 * rich):
        return phrase
    other = choose_person(dice, 0.0, joined=True)
    plain = isinstance(other.head, Noun) and not other.head.honorific
    if plain and other.head is not phrase.head:
        phrase.joined, phrase.joiner = other, "and"
    return phrase


def choose_location(dice: Dice, rich: float) -> Location:
    shape = dice.weighted((("plain", 0.6), ("beside", 0.25), ("city", 0.15)))
    if shape == "city":
        return Location(NounPhrase(dice.pick(NOUNS_BY_KIND["city"])))
    if shape == "beside":
        if dice.chance(0.25):
            tree = NounPhrase(NOUN_BY_KO["나무"], "place")
            return Location(tree, dice.pick((UNDER, NEXT_TO, BEHIND, IN_FRONT)))
        building = choose_place(dice, dice.pick(NOUNS_BY_KIND["building"]), 0.0)
        return Location(building, dice.pick((NEXT_TO, BEHIND, IN_FRONT, NEAR)))
    kind = dice.pick(("building", "open", "room"))
    return Location(choose_place(dice, dice.pick(NOUNS_BY_KIND[kind]), rich))


def choose_spot(dice: Dice) -> Location:
    """Somewhere a thing or an animal can be."""
    landmark = dice.pick(NOUNS_BY_KIND["landmark"])
    if landmark.ko in SURFACES:
        return Location(NounPhrase(landmark, "place"), dice.pick((ON, UNDER, NEXT_TO)))
    return Location(NounPhrase(landmark, "place"), dice.pick((NEXT_TO, BEHIND, IN_FRONT, NEAR)))


def reads_the_same(verb: Verb, tense: str, agreement_is_one: bool) -> bool:
    """English "read" hides its tense unless it has an -s; such presents are not used."""
    return tense == PRESENT and verb.en.base == verb.en.past and not agreement_is_one


def add_relative(dice: Dice, phrase: NounPhrase, rich: float) -> bool:
    """Hang a relative clause on a worker, an animal or a thing; says whether that was possible."""
    head = phrase.head
    if not isinstance(head, Noun) or head.proper or phrase.joined is not None:
        return False
    if not {"job", "animal", "thing", "food"} & set(head.kinds):
        return False
    phrase.determiner, phrase.owner = "", None
    if phrase.number == "counted":
        phrase.number, phrase.count = "singular", 1
    alive = "person" if "person" in head.kinds else "animal" if "animal" in head.kinds else ""
    about_subject = bool(alive) and dice.chance(0.65)
    verbs = ABLE[alive] if about_subject else TAKING[head.ko]
    if not verbs:
        return False
    phrase.relative = _relative_clause(dice, phrase, dice.pick(verbs), about_subject, rich)
    return True


def _relative_clause(
    dice: Dice, phrase: NounPhrase, verb: Verb, about_subject: bool, rich: float
) -> Clause:
    tense = dice.weighted(((PAST, 0.6), (PRESENT, 0.2), (FUTURE, 0.2)))
    if about_subject:
        head = phrase.head
        subject = NounPhrase(head, number=phrase.number)
        objects = [choose_phrase(dice, slot.kinds, rich * 0.5) for slot in verb.slots]
        gap = -1
    else:
        subject, objects, gap = choose_person(dice, 0.0), [None], 0
    if reads_the_same(verb, tense, False):
        tense = PAST
    clause = Clause("verb", subject, tense, verb=verb, objects=objects, gap=gap)
    if tense == PRESENT and "s" not in verb.flags and dice.chance(0.6):
        clause.aspect = "progressive"
    elif dice.chance(0.1) and "s" not in verb.flags:
        clause.negation = "long"
    if "p" in verb.flags and dice.chance(0.25 * rich):
        clause.location = choose_location(dice, 0.0)
    elif dice.chance(0.3 * rich) and clause.aspect == "simple" and "s" not in verb.flags:
        clause.time = draw_time(dice, tense)
    return clause
