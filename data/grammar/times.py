"""Numbers, counters, dates and the other expressions of time, in both languages."""

from __future__ import annotations

from dataclasses import dataclass

from grammar.dice import Dice

NATIVE = ["한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열"]
SINO = ["일", "이", "삼", "사", "오", "육", "칠", "팔", "구", "십"]
ENGLISH = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
]
MINUTES = (
    ("십", "ten"),
    ("이십", "twenty"),
    ("삼십", "thirty"),
    ("사십", "forty"),
    ("오십", "fifty"),
)
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
WEEKDAYS = "월 Monday|화 Tuesday|수 Wednesday|목 Thursday|금 Friday|토 Saturday|일 Sunday"
DAY_PARTS = "아침 morning|오후 afternoon|저녁 evening"

PAST_TIMES = """
어제 yesterday|그저께 the day before yesterday|지난주에 last week|지난달에 last month
작년에 last year|어젯밤에 last night|어제 아침에 yesterday morning
어제 오후에 yesterday afternoon|조금 전에 a moment ago|오래전에 long ago
삼 년 전에 three years ago|한 시간 전에 an hour ago|지난 주말에 last weekend
"""
FUTURE_TIMES = """
내일 tomorrow|모레 the day after tomorrow|다음 주에 next week|다음 달에 next month
내년에 next year|내일 아침에 tomorrow morning|내일 오후에 tomorrow afternoon|곧 soon
나중에 later|오늘 밤에 tonight|다음 주말에 next weekend
"""
PRESENT_TIMES = """
매일 every day|매주 every week|매일 아침 every morning|매일 저녁 every evening|요즘 these days
주말마다 every weekend|매년 every year
"""
SEASONS = "봄 spring|여름 summer|가을 autumn|겨울 winter"


@dataclass(frozen=True)
class Phrase:
    """An adjunct whose two sides are known beforehand."""

    ko: str
    en: str


def phrases(table: str) -> tuple[Phrase, ...]:
    entries = [entry for line in table.strip().splitlines() for entry in line.split("|")]
    found = []
    for entry in entries:
        words = entry.split(" ")
        korean = [word for word in words if not word.isascii()]
        found.append(Phrase(" ".join(korean), " ".join(words[len(korean) :])))
    return tuple(found)


PHRASES_BY_TENSE = {
    "past": phrases(PAST_TIMES),
    "future": phrases(FUTURE_TIMES),
    "present": phrases(PRESENT_TIMES),
}
SEASON_WORDS, WEEKDAY_WORDS = phrases(SEASONS), phrases(WEEKDAYS)
DAY_PART_WORDS = phrases(DAY_PARTS)


def _date(dice: Dice) -> Phrase:
    month, day = dice.below(12), 1 + dice.below(28)
    return Phrase(f"{month + 1}월 {day}일에", f"on {MONTHS[month]} {day}")


def _clock(dice: Dice) -> Phrase:
    hour = dice.below(10)
    ko, en = f"{NATIVE[hour]} 시", ENGLISH[hour]
    shape = dice.below(3)
    if shape == 0:
        return Phrase(f"{ko}에", f"at {en} o'clock")
    if shape == 1:
        return Phrase(f"{ko} 반에", f"at half past {en}")
    minutes_ko, minutes_en = dice.pick(MINUTES)
    return Phrase(f"{ko} {minutes_ko} 분에", f"at {en} {minutes_en}")


def _weekday(dice: Dice) -> Phrase:
    day = dice.pick(WEEKDAY_WORDS)
    if dice.chance(0.5):
        return Phrase(f"{day.ko}요일에", f"on {day.en}")
    part = dice.pick(DAY_PART_WORDS)
    return Phrase(f"{day.ko}요일 {part.ko}에", f"on {day.en} {part.en}")


def _year(dice: Dice, tense: str) -> Phrase:
    year = 2008 + dice.below(12) if tense == "past" else 2031 + dice.below(5)
    return Phrase(f"{year}년에", f"in {year}")


def _season(dice: Dice) -> Phrase:
    season = dice.pick(SEASON_WORDS)
    return Phrase(f"{season.ko}에", f"in {season.en}")


def draw_time(dice: Dice, tense: str) -> Phrase:
    if tense == "present":
        return dice.pick(PHRASES_BY_TENSE[tense]) if dice.chance(0.8) else _season(dice)
    shape = dice.below(10)
    if shape < 5:
        return dice.pick(PHRASES_BY_TENSE[tense])
    if shape < 7:
        return _date(dice)
    if shape == 7:
        return _clock(dice)
    return _weekday(dice) if shape == 8 else _year(dice, tense)


def draw_duration(dice: Dice, in_days: bool, in_hours: bool) -> Phrase:
    if in_days and (not in_hours or dice.chance(0.6)):
        n = 1 + dice.below(8)
        unit = dice.below(3)
        ko = (f"{SINO[n]} 일", f"{NATIVE[n]} 달", f"{SINO[n]} 년")[unit]
        en = ("days", "months", "years")[unit]
        return Phrase(f"{ko} 동안", f"for {ENGLISH[n]} {en}")
    if dice.chance(0.4):
        ko, en = dice.pick(MINUTES)
        return Phrase(f"{ko} 분 동안", f"for {en} minutes")
    n = 1 + dice.below(7)
    return Phrase(f"{NATIVE[n]} 시간 동안", f"for {ENGLISH[n]} hours")


def draw_floor(dice: Dice) -> Phrase:
    n = dice.below(9)
    return Phrase(f"{SINO[n]} 층에서", f"on the {ORDINALS[n]} floor")


def count_ko(count: int, counter: str) -> str:
    """네 권, 세 마리; every counter of the corpus takes native numerals."""
    return f"{NATIVE[count - 1]} {counter}"


def count_en(count: int) -> str:
    return ENGLISH[count - 1]
