"""Nouns and names. One line per word: Korean, English, counter, then the kinds it belongs to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    ko: str
    en: str
    counter: str = ""
    kinds: tuple[str, ...] = ()
    mass: bool = False
    measure: str = ""  # English container for counted mass nouns: two cups of coffee
    honorific: bool = False
    proper: bool = False
    preposition: str = ""  # English preposition for being there


@dataclass(frozen=True)
class Pronoun:
    ko: str
    ko_subject: str
    ko_owner: str
    en: str
    en_object: str
    en_owner: str
    agreement: str
    first_person: bool = False


PRONOUNS = (
    Pronoun("저", "제가", "제", "I", "me", "my", "I", True),
    Pronoun("우리", "우리가", "우리", "we", "us", "our", "many", True),
    Pronoun("그", "그가", "그의", "he", "him", "his", "one"),
    Pronoun("그녀", "그녀가", "그녀의", "she", "her", "her", "one"),
    Pronoun("그들", "그들이", "그들의", "they", "them", "their", "many"),
)

# Names of men and of women take turns.
NAMES = """
민수 Minsu|지영 Jiyoung|현우 Hyunwoo|수진 Sujin|영호 Youngho|미나 Mina|준호 Junho|은지 Eunji
태민 Taemin|보라 Bora|성민 Sungmin|하나 Hana|진우 Jinwoo|유리 Yuri|동현 Donghyun|서연 Seoyeon
지훈 Jihoon|소희 Sohee|재석 Jaeseok|나영 Nayoung|상철 Sangchul|윤아 Yoona|기준 Kijoon
혜진 Hyejin|톰 Tom|마리아 Maria|존 John|안나 Anna|피터 Peter|수잔 Susan|다니엘 Daniel
에밀리 Emily
"""

KIN = """
할머니 grandmother *|할아버지 grandfather *|어머니 mother *|아버지 father *|삼촌 uncle|이모 aunt
형 older_brother|누나 older_sister|남동생 younger_brother|여동생 younger_sister|사촌 cousin
아들 son|딸 daughter|친구 friend|이웃 neighbor|손자 grandson|손녀 granddaughter
"""

JOBS = """
선생님 teacher *|교수님 professor *|사장님 boss *|의사 doctor|간호사 nurse|요리사 chef
기자 reporter|경찰관 police_officer|소방관 firefighter|농부 farmer|어부 fisherman|화가 painter
가수 singer|배우 actor|작가 writer|학생 student|군인 soldier|변호사 lawyer|과학자 scientist
사진사 photographer|운전사 driver|조종사 pilot|판사 judge|약사 pharmacist|목수 carpenter
무용수 dancer|기술자 engineer|은행원 banker|아이 child|관광객 tourist|손님 guest|시장님 mayor *
"""

ANIMALS = """
개 dog dog,pet|고양이 cat pet|토끼 rabbit pet|말 horse ridable,pet|소 cow|돼지 pig pet
염소 goat pet|기린 giraffe|오리 duck bird,pet|닭 chicken pet|새 bird bird|독수리 eagle bird
비둘기 pigeon bird|곰 bear|여우 fox|늑대 wolf|다람쥐 squirrel|원숭이 monkey|코끼리 elephant
호랑이 tiger|사자 lion|거북이 turtle pet|강아지 puppy dog,pet|쥐 mouse
"""

# Kinds: goods can be bought; the others name what can be done with the thing.
THINGS = """
책 book 권 goods,readable,gift|소설 novel 권 goods,readable,text|잡지 magazine 권 goods,readable
신문 newspaper 부 goods,readable|편지 letter 통 readable,text,mail|시 poem 편 readable,text
보고서 report 부 readable,text,mail|엽서 postcard 장 goods,readable,text,mail
사전 dictionary 권 goods,gift|모자 hat 개 goods,small,gift|치마 skirt 벌 goods,clothes
셔츠 shirt 벌 goods,clothes|코트 coat 벌 goods,clothes|재킷 jacket 벌 goods,clothes
스웨터 sweater 벌 goods,clothes,gift|드레스 dress 벌 goods,clothes,gift
목도리 scarf 개 goods,small,gift|칼 knife 자루 goods,tool|망치 hammer 개 goods,tool
열쇠 key 개 small|우산 umbrella 개 goods,small,gift|컵 cup 개 goods,fragile
접시 plate 개 goods,fragile|꽃병 vase 개 goods,fragile,gift|거울 mirror 개 goods,fragile
가방 bag 개 goods,small,openable,gift|상자 box 개 openable,heavy,landmark
카메라 camera 대 goods,machine,gift|시계 clock 개 goods,machine,gift
전화기 phone 대 goods,machine|컴퓨터 computer 대 goods,machine|라디오 radio 대 goods,machine
자전거 bicycle 대 goods,machine,ridable|자동차 car 대 goods,machine,drivable,landmark
트럭 truck 대 machine,drivable,landmark|피아노 piano 대 goods,instrument,heavy
기타 guitar 대 goods,instrument,gift|바이올린 violin 대 goods,instrument
의자 chair 개 goods,heavy,landmark|책상 desk 개 goods,heavy,landmark
탁자 table 개 goods,heavy,landmark|침대 bed 개 goods,heavy,landmark
소파 sofa 개 goods,heavy,landmark|창문 window 개 openable,fragile,landmark
문 door 개 openable,landmark|냉장고 refrigerator 대 machine,openable,heavy
램프 lamp 개 goods,fragile|꽃 flower 송이 goods,plant,gift,picture
장미 rose 송이 goods,plant,gift,picture|나무 tree 그루 plant,picture,landmark
그림 painting 장 goods,gift,art|사진 photo 장 gift,mail,shot|지도 map 장 goods,art,household
표 ticket 장 goods,mail,small|연필 pencil 자루 goods,tool|공 ball 개 goods,throwable
돌 stone 개 throwable|인형 doll 개 goods,gift,small|장난감 toy 개 goods,gift,small
선물 gift 개 goods,mail|담요 blanket 장 goods,gift,household|베개 pillow 개 goods,gift,household
반지 ring 개 goods,small,gift|지갑 wallet 개 goods,small,gift|노래 song 곡 song,sung
영화 movie 편 show|드라마 drama 편 show|경기 game 번 show|수건 towel 장 goods,gift,household
붓 brush 자루 goods,tool|바구니 basket 개 goods,openable|깃발 flag 개 art,picture
풍선 balloon 개 goods,throwable
"""

FOODS = """
사과 apple 개 fruit|바나나 banana 개 fruit|딸기 strawberry 개 fruit|오렌지 orange 개 fruit
복숭아 peach 개 fruit|토마토 tomato 개 fruit|레몬 lemon 개 fruit|수박 watermelon 통 fruit
감자 potato 개 crop|당근 carrot 개 crop|양파 onion 개 crop|고구마 sweet_potato 개 crop
호박 pumpkin 개 crop|달걀 egg 개 fresh|과자 cookie 개 baked|샌드위치 sandwich 개 dish
만두 dumpling 개 dish|떡 rice_cake 개 dish|케이크 cake 개 baked|햄버거 hamburger 개 dish
파이 pie 개 baked|빵 bread - baked,mass|밥 rice - dish,mass|고기 meat - fresh,mass
치즈 cheese - dish,mass|라면 ramen - stew,mass|김치 kimchi - dish,mass|생선 fish - fresh,mass
두부 tofu - fresh,mass|국 soup - stew,mass|피자 pizza - baked,mass|샐러드 salad - dish,mass
초콜릿 chocolate - dish,mass|꿀 honey - raw,mass|카레 curry - stew,mass
아이스크림 ice_cream - raw,mass
"""

DRINKS = """
물 water 잔 glass|커피 coffee 잔 cup|차 tea 잔 cup|우유 milk 잔 glass|주스 juice 잔 glass
맥주 beer 병 bottle|와인 wine 병 bottle|콜라 cola 병 bottle|녹차 green_tea 잔 cup
코코아 cocoa 잔 cup
"""

WARM_DRINKS = ("물", "커피", "차", "우유", "녹차", "코코아")

SUBJECTS = """
영어 English|수학 math|역사 history|과학 science|한국어 Korean|미술 art|프랑스어 French
독일어 German|경제학 economics|철학 philosophy
"""

PLACES = """
학교 school at,building|병원 hospital in,building|공원 park in,open|도서관 library in,building
시장 market at,open|식당 restaurant in,building|역 station at,building|공항 airport at,hub
박물관 museum in,building|은행 bank at,building|우체국 post_office at,building
극장 theater in,building|교회 church in,building|대학 university at,building
사무실 office in,room|호텔 hotel in,building|가게 shop in,building|서점 bookstore in,building
빵집 bakery in,building|카페 cafe in,building|집 house in,building|부엌 kitchen in,room
거실 living_room in,room|방 room in,room|정원 garden in,open|마당 yard in,open
운동장 playground in,open|체육관 gym in,building|수영장 swimming_pool at,open
바닷가 beach on,open|강가 riverside by,open|산 mountain on,open|숲 forest in,open
섬 island on,open|마을 village in,open|시골 countryside in,open|농장 farm on,open
동물원 zoo at,open|교실 classroom in,room|약국 pharmacy in,building
경찰서 police_station at,building|소방서 fire_station at,building|미술관 gallery in,building
다리 bridge on,open|광장 square in,open|호수 lake at,open|기숙사 dormitory in,building
공장 factory in,building
"""

HOMES = ("마을", "시골", "기숙사", "호텔", "숲")  # where people live

CITIES = """
서울 Seoul|부산 Busan|대구 Daegu|인천 Incheon|광주 Gwangju|대전 Daejeon|울산 Ulsan|제주 Jeju
강릉 Gangneung|경주 Gyeongju|런던 London|파리 Paris|도쿄 Tokyo|뉴욕 New_York|베를린 Berlin
로마 Rome
"""

NEAR_TRANSPORT = "버스 bus|지하철 subway|택시 taxi|자전거 bicycle|자동차 car"
FAR_TRANSPORT = "기차 train|비행기 plane|배 ship|버스 bus"

FOOD_KINDS = {"stew": ("dish", "stew")}


def rows(table: str) -> list[list[str]]:
    """Split a table into its entries; an underscore stands for a space inside a word."""
    entries = [entry for line in table.strip().splitlines() for entry in line.split("|")]
    return [[field.replace("_", " ") for field in entry.split()] for entry in entries]


def _people(table: str, kind: str) -> list[Noun]:
    people = []
    for ko, en, *mark in rows(table):
        people.append(Noun(ko, en, "분" if mark else "명", ("person", kind), honorific=bool(mark)))
    return people


def _foods() -> list[Noun]:
    foods = []
    for ko, en, counter, kinds in rows(FOODS):
        kind, *mass = kinds.split(",")
        foods.append(
            Noun(
                ko,
                en,
                counter.strip("-"),
                ("food", *FOOD_KINDS.get(kind, (kind,))),
                mass=bool(mass),
            )
        )
    return foods


def _places() -> list[Noun]:
    places = []
    for ko, en, fields in rows(PLACES):
        preposition, kind = fields.split(",")
        kinds = ("place", kind, "home") if ko in HOMES else ("place", kind)
        places.append(Noun(ko, en, "", kinds, preposition=preposition))
    return places


def all_nouns() -> tuple[Noun, ...]:
    nouns = []
    for index, (ko, en) in enumerate(rows(NAMES)):
        gender = "woman" if index % 2 else "man"
        nouns.append(Noun(ko, en, "", ("person", "name", gender), proper=True))
    nouns += _people(KIN, "kin") + _people(JOBS, "job")
    for ko, en, *kinds in rows(ANIMALS):
        more = kinds[0].split(",") if kinds else []
        nouns.append(Noun(ko, en, "마리", ("animal", *more)))
    for ko, en, counter, kinds in rows(THINGS):
        if kinds != "-":
            nouns.append(Noun(ko, en, counter, ("thing", *kinds.split(","))))
    nouns += _foods()
    for ko, en, counter, measure in rows(DRINKS):
        kinds = ("drink", "brew") if ko in WARM_DRINKS else ("drink",)
        nouns.append(Noun(ko, en, counter, kinds, mass=True, measure=measure))
    nouns += [Noun(ko, en, "", ("lesson",), proper=True) for ko, en in rows(SUBJECTS)]
    nouns.append(Noun("음악", "music", "", ("song",), mass=True))
    nouns += _places()
    for ko, en in rows(CITIES):
        nouns.append(Noun(ko, en, "", ("city",), proper=True, preposition="in"))
    return tuple(nouns)


# Korean names an older brother or sister after the sex of the younger one.
SIBLINGS_OF_WOMEN = {
    "형": Noun("오빠", "older brother", "명", ("person", "kin")),
    "누나": Noun("언니", "older sister", "명", ("person", "kin")),
}
NOUNS = all_nouns()
NOUN_BY_KO = {noun.ko: noun for noun in NOUNS}
NEAR_RIDES = tuple((ko, en) for ko, en in rows(NEAR_TRANSPORT))
FAR_RIDES = tuple((ko, en) for ko, en in rows(FAR_TRANSPORT))


def nouns_of(kind: str) -> tuple[Noun, ...]:
    return tuple(noun for noun in NOUNS if kind in noun.kinds)


NOUNS_BY_KIND = {
    kind: nouns_of(kind) for kind in dict.fromkeys(kind for noun in NOUNS for kind in noun.kinds)
}
