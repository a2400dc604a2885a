"""Verbs, adjectives and adverbs with the arguments that make sense with them."""

from __future__ import annotations

from dataclasses import dataclass

from grammar.conjugation import Stem
from grammar.english import EnglishVerb, english_verb


@dataclass(frozen=True)
class Slot:
    kinds: tuple[str, ...]
    particle: str
    preposition: str


@dataclass(frozen=True)
class Verb:
    stem: Stem
    en: EnglishVerb
    after: str  # English particle that belongs to the verb, as in "pick up"
    subjects: tuple[str, ...]
    slots: tuple[Slot, ...]  # in English order; Korean takes them backwards
    flags: tuple[str, ...]
    raised: Stem | None = None  # honorific word of its own, such as 드시다
    humble: str = ""  # form used when the receiver is honoured, such as 드리다
    tools: tuple[str, ...] = ()


# stem (:irregular) | English | subjects | slots "kinds particle preposition; ..." | flags
# flags: m manner, h lasts hours, d lasts days, s state (no progressive), p place, w what-question,
#        c with somebody, r by some transport, g is a goal of going somewhere, x no 안
VERBS = """
읽 | read read | person | readable 을 - | m h p w g
쓰 | write wrote | person | text 을 - | m p w
사 | buy bought | person | goods,fruit,baked,drink,raw 을 - | p w c g
팔 | sell sold | person | goods,fruit,crop,fresh,baked,raw 을 - | p w
먹 | eat ate | person | food 을 - | m p w c g | raised=드시
먹 | eat ate | animal | fruit,crop 을 - | m p
마시 | drink drank | person | drink 을 - | m p w c g | raised=드시
요리하 | cook | person | crop,fresh,fresh,dish 을 - | m p c x
굽:ㅂ | bake | person | baked 을 - | p w c
만들 | make made | person | dish,clothes,gift 을 - | m p c
씻 | wash | person | fruit,crop 을 - | m p
보 | see saw | person | animal,job,art,plant 을 - | p s
보 | watch | person | show 을 - | p c g
듣:ㄷ | listen | person | song 을 to | h p c
부르:르 | sing sang | person | sung 을 - | m p c
치 | play | person | instrument 을 - | m h p
그리 | draw drew | person | picture,animal 을 - | m h p | tools=연필,붓
입 | wear wore | person | clothes 을 - | s
고르:르 | choose chose | person | goods,gift 을 - | m p c w
찾 | find found | person | small,animal 을 - | p w s
잃어버리 | lose lost | person | small 을 - | p w s x
고치 | repair | person | machine 을 - | m p w g | tools=망치
닦 | wipe | person | fragile,machine,heavy 을 - | m p | tools=수건
깨 | break broke | person | fragile 을 - | p w | tools=망치,돌
열 | open | person | openable 을 - | m w
닫 | close | person | openable 을 - | m w
나르:르 | carry | person | heavy 을 - | m c
밀 | push | person | heavy,drivable 을 - | m
던지 | throw threw | person | throwable 을 - | p
줍:ㅂ | pick | person | throwable,small 을 up | p
자르:르 | slice | person | fruit,crop,baked 을 - | m p | tools=칼
끓이 | boil | person | brew,stew 을 - | p
심 | plant | person | plant,crop 을 - | p c
타 | ride rode | person | ridable 을 - | p c
운전하 | drive drove | person | drivable 을 - | m h x
찍 | take took | person | shot 을 - | p c | tools=카메라
짓:ㅅ | build built | person | building 을 - | c d
청소하 | clean | person | room,building 을 - | m h c x
방문하 | visit | person | building,city 을 - | c x
떠나 | leave left | person | city,building 을 - | s
만나 | meet met | person | person 을 - | p c g
돕:ㅂ | help | person | person 을 - | p
기다리 | wait | person | person 을 for | h p
초대하 | invite | person | person 을 - | x
칭찬하 | praise | person | person,dog 을 - | x
존경하 | respect | person | person 을 - | s x
사랑하 | love | person | person,animal 을 - | s x
좋아하 | like | person | person,animal,food,drink,lesson,city 을 - | s w x
기억하 | remember | person | person,song,city 을 - | s x
알 | know knew | person | person,song 을 - | s x
그리워하 | miss | person | person,city,animal 을 - | s x
믿 | trust | person | person 을 - | s
따라가 | follow | person,animal | person,animal 을 - | m x
쫓 | chase | animal,person | animal 을 - | p
기르:르 | raise | person | pet 을 - | p c
공부하 | study | person | lesson 을 - | m h d p c w x
배우 | learn | person | lesson 을 - | m h d p c w g
주문하 | order | person | food,drink 을 - | p w x
준비하 | prepare | person | gift,dish,drink 을 - | p c x
사용하 | use | person | machine,tool,household 을 - | p w x
숨기 | hide hid | person | small,gift 을 - | p w
당기 | pull | person | heavy 을 - | m
자 | sleep slept | person,animal | | h p | raised=주무시
울 | cry | person | | h p
웃 | laugh | person | | p c
쉬 | rest | person,animal | | h p c g
일하 | work | person | | m h d p c x
놀 | play | person,animal | | h p c g
달리 | run ran | person,animal | | m p
걷:ㄷ | walk | person,animal | | m h p c
수영하 | swim swam | person | | h p c x
춤추 | dance | person | | m h p c x
운동하 | exercise | person | | h p c g x
기도하 | pray | person | | m h p x
넘어지 | fall fell | person | | p s x
짖 | bark | dog | | h p
날 | fly flew | bird | | m
살 | live | person | city,home 에 in | s d
가 | go went | person | building,open,city,hub 에 to | m c r
오 | come came | person | building,open,city,hub 에 to | c r
돌아오 | return | person | city,building,hub 에 to | c r x
달려가 | run ran | person,animal | building,open 으로 to | m x
걸어가 | walk | person | building,open 에 to | m c x
도착하 | arrive | person | city,building,hub 에 at | c r x s
이사하 | move | person | city 으로 to | x c
출발하 | depart | person | city,hub 에서 from | c r x
들어가 | go went | person,animal | room,building 에 into | m x
여행하 | travel | person | city 으로 to | c r x
주 | give gave | person | gift,fruit,drink 을 -; person 에게 to | p | humble=드리
보내 | send sent | person | mail,gift 을 -; person 에게 to | -
보여 주 | show showed | person | art,gift,shot 을 -; person 에게 to | p x | humble=보여 드리
빌려주 | lend lent | person | tool,machine,readable 을 -; person 에게 to | x | humble=빌려드리
가르치 | teach taught | person | lesson 을 -; person 에게 to | h d p
설명하 | explain | person | lesson 을 -; person 에게 to | m p x
팔 | sell sold | person | goods,fruit,crop,fresh,baked,raw 을 -; person 에게 to | p
받 | receive | person | gift,mail 을 -; person 에게서 from | p
빌리 | borrow | person | tool,machine,readable 을 -; person 에게서 from | p
배우 | learn | person | lesson 을 -; person 에게서 from | h d p
"""


@dataclass(frozen=True)
class Adjective:
    stem: Stem
    en: str
    comparative: str
    kinds: tuple[str, ...]
    attributive: bool
    predicative: bool
    fixed: str = ""  # adnominal form where the word has no other, such as 새


# stem (:irregular) English comparative kinds use (a before the noun, p as predicate)
ADJECTIVES = """
친절하 kind kinder person ap|똑똑하 smart smarter person ap|키가_크 tall taller person p
바쁘 busy busier person p|아프 sick - person p|배고프 hungry hungrier person p
피곤하 tired - person p|행복하 happy happier person p|슬프 sad sadder person p
젊 young younger job ap|유명하 famous more_famous job ap
부지런하 diligent more_diligent person p|게으르:르 lazy lazier person p
외롭:ㅂ lonely lonelier person p|용감하 brave braver person ap|건강하 healthy healthier person p
정직하 honest more_honest person ap|수줍음이_많 shy shyer person p
크 big bigger goods,animal,building,open ap|작 small smaller goods,animal,building,room ap
비싸 expensive more_expensive goods,fruit ap|싸 cheap cheaper goods,fruit ap
새 new - goods,readable a|무겁:ㅂ heavy heavier heavy,machine,small ap
가볍:ㅂ light lighter small,machine,clothes ap
아름답:ㅂ beautiful more_beautiful plant,gift,city,open ap
예쁘 pretty prettier plant,clothes,gift ap
더럽:ㅂ dirty dirtier room,clothes,machine,openable ap
깨끗하 clean cleaner room,clothes,building ap|길 long longer clothes,readable,show ap
짧 short shorter clothes,readable,show ap|빨갛:ㅎ red - goods,plant a|파랗:ㅎ blue - goods a
노랗:ㅎ yellow - goods,plant a|하얗:ㅎ white - goods,plant,animal a
까맣:ㅎ black - goods,animal a|귀엽:ㅂ cute cuter animal ap
빠르:르 fast faster animal,drivable,ridable ap|느리 slow slower animal,drivable p
맛있 delicious more_delicious food ap|달 sweet sweeter fruit,baked ap
맵:ㅂ spicy spicier dish ap|짜 salty saltier dish p|시 sour sourer fruit p
뜨겁:ㅂ hot hotter dish,brew ap|차갑:ㅂ cold colder drink,fruit ap
신선하 fresh fresher fruit,crop ap|넓 spacious more_spacious room,building,open ap
좁 narrow narrower room a|조용하 quiet quieter room,open,city,building ap
시끄럽:ㅂ noisy noisier room,open,city,building ap
재미있 interesting more_interesting readable,show,lesson ap
어렵:ㅂ difficult more_difficult readable,lesson ap|쉽:ㅂ easy easier lesson,readable ap
지루하 boring more_boring readable,show ap|튼튼하 sturdy sturdier heavy,machine ap
위험하 dangerous more_dangerous animal,city ap
"""

WEATHER_ADJECTIVES = "춥:ㅂ cold|덥:ㅂ hot|따뜻하 warm|흐리 cloudy|맑 clear|시원하 cool"

MANNERS = """
천천히 slowly|빨리 quickly|조용히 quietly|조심스럽게 carefully|즐겁게 happily|혼자 alone
다시 again
"""
DEGREES = "아주 very|꽤 quite|정말 really"
FREQUENCIES = "항상 always|자주 often|가끔 sometimes|보통 usually"


def read_stem(text: str, descriptive: bool = False) -> Stem:
    stem, _, irregular = text.partition(":")
    return Stem(stem.replace("_", " "), irregular, descriptive)


def _read_slot(text: str) -> Slot:
    kinds, particle, preposition = text.split()
    return Slot(tuple(kinds.split(",")), particle, preposition.strip("-"))


def _read_verb(line: str) -> Verb:
    stem, forms, subjects, slot_text, flags, *extras = (part.strip() for part in line.split("|"))
    extra = dict(pair.split("=") for pair in extras)
    slots = [_read_slot(text) for text in slot_text.split(";")] if slot_text else []
    after = ""
    if slots and slots[0].preposition == "up":
        after, slots[0] = "up", Slot(slots[0].kinds, slots[0].particle, "")
    raised = Stem(extra["raised"], honorific=True) if "raised" in extra else None
    tools = tuple(extra["tools"].split(",")) if "tools" in extra else ()
    humble = extra.get("humble", "")
    marks = tuple(flags.strip("-").split())
    people = tuple(subjects.split(","))
    return Verb(
        read_stem(stem),
        english_verb(forms),
        after,
        people,
        tuple(slots),
        marks,
        raised,
        humble,
        tools,
    )


def _read_adjective(entry: str) -> Adjective:
    stem, en, comparative, kinds, use = entry.split()
    fixed = "새" if stem == "새" else ""
    more = comparative.strip("-").replace("_", " ")
    kind_list = tuple(kinds.split(","))
    return Adjective(read_stem(stem, True), en, more, kind_list, "a" in use, "p" in use, fixed)


ALL_VERBS = tuple(_read_verb(line) for line in VERBS.strip().splitlines())
ALL_ADJECTIVES = tuple(
    _read_adjective(entry) for line in ADJECTIVES.strip().splitlines() for entry in line.split("|")
)
