"""Dates as people and programs write them: one table of patterns, each with examples that it takes and leaves.

Rule: what is a date only by the words around it ("March 12 soldiers", "version 1.2.2026") is left. No pattern has an
open repetition inside another, so each takes time linear in the text.
"""

from __future__ import annotations

from dataclasses import dataclass

# Names of months by their first letters in English, German, French, Spanish, Italian, Portuguese, Polish, Czech, Slovak
# and Dutch, in the cases in which they are beside a number.
_ENGLISH = (
    "jan(?:uary)?", "feb(?:ruary)?", "mar(?:ch)?", "apr(?:il)?", "may", "june?", "july?", "aug(?:ust)?",
    "sep(?:t(?:ember)?)?", "oct(?:ober)?", "nov(?:ember)?", "dec(?:ember)?",
)  # fmt: skip
_OTHERS = (
    # German, Austrian
    "januar", "jänner", "februar", "märz", "mai", "juni", "juli", "oktober", "dezember", "okt", "dez", "mrz",
    # French
    "janvier", "janv", "février", "févr", "mars", "avril", "avr", "juin", "juillet", "juil", "août", "septembre",
    "octobre", "novembre", "décembre", "déc",
    # Spanish
    "enero", "ene", "febrero", "marzo", "abril", "abr", "mayo", "junio", "julio", "agosto", "ago", "septiembre",
    "setiembre", "octubre", "noviembre", "diciembre", "dic",
    # Italian
    "gennaio", "gen", "febbraio", "aprile", "maggio", "mag", "giugno", "giu", "luglio", "lug", "settembre", "ottobre",
    "ott", "dicembre",
    # Portuguese
    "janeiro", "fevereiro", "fev", "março", "maio", "junho", "julho", "setembro", "outubro", "out", "novembro",
    "dezembro",
    # Polish
    "stycznia", "styczeń", "lutego", "luty", "marca", "marzec", "kwietnia", "kwiecień", "maja", "maj", "czerwca",
    "czerwiec", "lipca", "lipiec", "sierpnia", "sierpień", "września", "wrzesień", "października", "październik",
    "listopada", "listopad", "grudnia", "grudzień",
    # Czech
    "ledna", "leden", "února", "únor", "března", "březen", "dubna", "duben", "května", "květen", "června", "červen",
    "července", "červenec", "srpna", "srpen", "září", "října", "říjen", "listopadu", "prosince", "prosinec",
    # Slovak
    "januára", "január", "februára", "február", "apríla", "apríl", "mája", "máj", "júna", "jún", "júla", "júl",
    "augusta", "septembra", "októbra", "október", "novembra", "decembra", "marec",
    # Dutch
    "januari", "februari", "maart", "augustus",
)  # fmt: skip


_WEEKDAYS = (
    "montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag",
    "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
    "lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo",
    "lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica",
    "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira",
    "poniedziałek", "wtorek", "środa", "czwartek", "piątek", "sobota", "niedziela",
    "pondělí", "úterý", "středa", "čtvrtek", "pátek", "neděle",
    "pondelok", "utorok", "streda", "štvrtok", "piatok", "nedeľa",
    "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag",
)  # fmt: skip


def _any_of(names: tuple[str, ...]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))


_TITLED = rf"(?:{_any_of(tuple(name.capitalize() for name in _ENGLISH))})\b"
MONTH = rf"(?i:(?:{_any_of(_ENGLISH)})\b\.?)"
_ANY_MONTH = rf"(?i:(?:{_any_of((*_ENGLISH, *_OTHERS))})\b\.?)"
_DAY_NAME = r"(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs?)?|Fri|Sat(?:ur)?|Sun)(?:day)?\b\.?"
WEEKDAY = rf"(?i:(?<![A-Za-z])(?:{_DAY_NAME},?|\({_DAY_NAME}\),?)\s{{1,2}})"
_ANY_WEEKDAY = rf"(?i:\b(?=[^\W\d_]{{3,13}}(?:-feira)?\.?,?\s)(?:{_DAY_NAME}|(?:{_any_of(_WEEKDAYS)})\b),?\s)"
_IN_BRACKETS = rf"(?i:,?\s?\({_DAY_NAME}\))"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?\b"
_ANY_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:(?:st|nd|rd|th|er|[ºª°])\b|\.|\b)"
YEAR = r"(?:19|20)\d{2}\b"
# Without a year it is a date only where no noun follows that the number could count.
_COUNTS_NOTHING = (
    r"(?:(?!\s{1,2}\w)|(?=\s(?:at|and|or|is|was|to|until|till|through|by|from|with|in|on|we|it|you|I|the|\d{1,2}:\d{2})\b(?!-)))"
    r"(?![.,]\d)"
)
_NO_VERSION = r"(?<![A-Za-z0-9.@~^-])(?<!==)(?<!>=)(?<!~=)(?<!ersion )(?<!elease )(?<!uild )"


@dataclass(frozen=True)
class Written:
    """A way to write a date, with examples that it takes whole, and such that no way takes."""

    pattern: str
    takes: tuple[str, ...]
    leaves: tuple[str, ...] = ()


WRITTEN = (
    Written(
        rf"(?<!\d){WEEKDAY}?\d{{4}}(?:-\d{{2}}-\d{{2}}|/\d{{1,2}}/\d{{1,2}}|\.\d{{2}}\.\d{{2}})(?!\d){_IN_BRACKETS}?",
        ("2026-01-02", "2026/1/2", "2026.01.02", "Sat 2026-11-28", "2026-01-01 (Thu)", "(Thu) 2026-01-01"),
        ("2026-1", "12026-01-021", "2026.1"),
    ),
    Written(
        r"(?<!\d)\d{4}-?W(?:0[1-9]|[1-4]\d|5[0-3])(?:-?[1-7])?(?!\d)",  # ISO 8601
        ("2026-W01", "2026-W48-5", "2026W485"),
        ("2026-W54", "2026-W"),
    ),
    Written(
        r"(?<![\w.-])(?:19|20)\d{2}-(?:00[1-9]|0[1-9]\d|[12]\d{2}|3[0-5]\d|36[0-6])(?![\w-]|\.\d)",  # ISO 8601
        ("2026-001", "2026-365"),
        ("2026-000", "2026-367", "CVE-2026-001", "2026-001-7", "INV2026-001"),
    ),
    Written(
        r"(?<!\d)20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)",
        ("20260102",),
        ("20261301", "120260102"),
    ),
    Written(
        rf"(?<!\d){WEEKDAY}?(?:\d{{1,2}}/\d{{1,2}}/(?:\d{{4}}|\d{{2}})|\d{{1,2}}-\d{{1,2}}-\d{{4}})(?!\d){_IN_BRACKETS}?",
        ("1/1/26", "12/31/2026", "1-2-2026", "Thu 1/1/2026", "1/1/2026 (Thu)"),
        ("10/20", "555-1234", "1/1/261"),
    ),
    Written(
        rf"{_NO_VERSION}{WEEKDAY}?(?:\d{{1,2}}\.\d{{1,2}}\.\d{{4}}|(?:0[1-9]|[12]\d|3[01])\.(?:0[1-9]|1[0-2])\.\d{{2}})"
        rf"(?!\d|\.\d){_IN_BRACKETS}?",
        ("1.2.2026", "01.12.26", "Thu 1.2.2026"),
        ("version 1.2.2026", "v1.2.2026", "lib==1.2.2026", "Release 1.2.2026", "1.2.2026.4", "1.2.3", "v1.10.1"),
    ),
    Written(
        r"(?<![\w.])(?:0?[1-9]|[12]\d|3[01])\.\s(?:0?[1-9]|1[0-2])\.\s(?:19|20)\d{2}\b",
        ("1. 1. 2026", "31. 12. 2026"),
        ("1. 13. 2026", "1. 1. 26000"),
    ),
    Written(
        r"(?<!\d)\d{4}\s?(?:年|년)\s?\d{1,2}\s?(?:月|월)\s?\d{1,2}\s?(?:日|일)(?:\s?[((][月火水木金土日월화수목금토일][))])?",
        ("2026年1月2日", "2026年 1月 2日(金)", "2026년 1월 1일", "2026년1월1일 (목)"),
        ("2026年", "1月2日の"),
    ),
    Written(
        rf"(?<![A-Za-z]){WEEKDAY}?{MONTH}\s{{1,2}}{_DAY},?\s{YEAR}",
        ("January 1, 2026", "January 1st, 2026", "Jan. 5, 2026", "Thu Jan 01 2026", "JAN 1, 2026", "january 1 2026"),
        ("mayor 12, 2026", "claude-3-5", "Friday"),
    ),
    Written(
        rf"(?<![A-Za-z])(?:{WEEKDAY}{_TITLED}\.?\s{{1,2}}{_DAY}|{_TITLED}\.?\s{{1,2}}{_DAY}{_COUNTS_NOTHING})",
        ("Thursday, January 1", "May 5", "Jan. 31st"),
        ("maybe 5", "March on", "March 12 soldiers", "May 5 people", "may 5", "April 10.5", "March 12 by-standers"),
    ),
    Written(
        rf"(?<![A-Za-z0-9]){_ANY_WEEKDAY}?{_ANY_DAY}(?:\s?(?:of\s|de\s)?|-|/){_ANY_MONTH}(?:,?\s(?:de\s)?|-|/){YEAR}",
        ("1st of January 2026", "1 January 2026", "01 Jan 2026", "01-Jan-2026", "27/Nov/2026", "1. januára 2026",
         "1. Januar 2026", "Donnerstag, 1. Januar 2026", "1er janvier 2026", "jeudi 1 janvier 2026", "2 août 2026",
         "1 de enero de 2026", "miércoles, 1 de abril de 2026", "1 gennaio 2026", "1º maggio 2026",
         "1 de março de 2026", "quinta-feira, 1 de janeiro de 2026", "1 stycznia 2026", "1. ledna 2026",
         "1 januari 2026", "Thursday, 1 January 2026", "01 JAN 2026", "1 jan 2026", "3. dez. 2026"),
        ("1 genius 2026", "12 monkeys 2026", "1 out of 2026"),
    ),
    Written(
        rf"(?<![A-Za-z0-9])(?:{WEEKDAY}{_DAY}(?:\s(?:of\s)?|-|/){_TITLED}|{_DAY}(?:\s(?:of\s)?|-|/){_TITLED}{_COUNTS_NOTHING})",
        ("Thursday, 1 January", "5 May", "1st of May"),
        ("1 may be", "5 Mayors", "12 March soldiers"),
    ),
    Written(
        rf"(?<![A-Za-z0-9])\d{{1,2}}(?i:{_any_of(tuple(name[:3] for name in _ENGLISH))})\d{{4}}(?!\w)",
        ("01JAN2026", "1jan2026"),
        ("01JAN2026X", "1mary2026"),
    ),
    Written(
        rf"\b(?=[^\W\d_]{{3,12}}\.?\s(?:de\s)?(?:19|20)\d{{2}}\b){_ANY_MONTH}\s(?:de\s)?{YEAR}",
        ("November 2026", "march 2026", "März 2026", "enero de 2026", "listopad 2026"),
        ("version 2026", "genesis 2026"),
    ),
    Written(
        r"\b(?:datetime\.)?date\(\d{4},\s?\d{1,2},\s?\d{1,2}\)",
        ("datetime.date(2026, 1, 1)",),
        ("update(2026, 1, 1)", "date(1, 2, 3)"),
    ),
)  # fmt: skip
# Where any of them, or a time of day, can begin: not inside a word. It spares most places of a text the rest.
BEGINS = r"(?=\d|\(|(?<![^\W\d_])[^\W_])"
DATE = rf"(?:{'|'.join(entry.pattern for entry in WRITTEN)})"
# As Python shows a moment.
REPR = (
    r"\b(?:datetime\.)?datetime\(\d{4}(?:,\s?\d{1,6}){2,6}(?:,\s?fold=1)?"
    r"(?:,\s?tzinfo=[\w.]{1,40}(?:\([^()]{0,60}(?:\([^()]{0,60}\))?\))?)?\)"
)
