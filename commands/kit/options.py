"""What may stand behind the study in a `!share`: what of it goes, in which form, and a note. Pure.

    series 3, series 3 and 5     these series alone
    thin, thick                  the stacks of thin slices alone; all but these
    key                          the images that somebody marked
    --as-stored, --pdi           the files' own transfer syntaxes; uncompressed, as a CD's reader expects
    --note "fell from a ladder"  what the colleague shall know

Plain words are options at the end of the line only: there is a family called Key, and a birth date follows it.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

from commands.kit.registry import TypingMistake
from delivery.options import WHOLE, Options

HOW = 'Type for example: !share study 2 series 3, !share study 2 key, !share study 2 --note "seen at 10, no pulse"'
#: Characters of a note.
LONGEST_NOTE = 4000

#: Phones make one dash of two.
_SIGN = "(?<!\\S)(?:--|[\u2010-\u2015\u2212]{1,2})\\s?"
_NOTE = re.compile(rf'(?i){_SIGN}note\b[:=]?\s*(?:"(?P<quoted>[^"]*)"(?!\S)|(?P<bare>(?:(?!{_SIGN}[a-z])[^"])*)$)')
_NOTED = re.compile(rf"(?i){_SIGN}note\b")
_FORM = re.compile(rf"(?i){_SIGN}(?:(?P<as_stored>as[\s\u2010-\u2015-]?stored)|(?P<pdi>pdi))(?!\S)")
_PLAIN = re.compile(rf"(?i){_SIGN}(?=(?:series|thins?|thick|keys?)\b)")
_ANY = re.compile(rf"(?i){_SIGN}([^\W\d_]\S*)")
_NUMBERS = r"\d{1,9}(?:(?:\s*[,&]\s*|\s+and\s+)\d{1,9})*"
_LAST = re.compile(
    rf"(?i)(?<!\S)(?:series\s+(?P<series>{_NUMBERS})|(?:(?P<thin>thins?)|(?P<thick>thick))(?:\s+slices)?"
    r"|(?P<key>keys?(?:\s+images?)?)|(?P<open>series))(?:\s+only)?\s*,?$"
)
_FLAGS = ("note", "as-stored", "pdi", "series", "thin", "thick", "key")


@dataclass(frozen=True, slots=True)
class Asked:
    """A `!share`'s remainder taken apart: which study (for the list or the search), how, and the note as typed."""

    what: str
    options: Options = WHOLE
    note: str = ""


NOTHING_SAID = Asked("")


def asked(text: str) -> Asked:
    """Take the options off. Raises `TypingMistake` for those that are none, or that contradict each other."""
    rest, note = _note(text)
    rest, options = _form(rest)
    rest = _PLAIN.sub("", rest).strip()
    if unknown := _ANY.search(rest):
        raise TypingMistake(f'I do not know the option "--{unknown[1][:20]}". {_nearest(unknown[1])}{HOW}', "T30")
    while last := _LAST.search(rest):
        options = _narrowed(options, last)
        rest = rest[: last.start()].rstrip(" ,")
    if options.thin and options.thick:
        raise TypingMistake("Thin and thick together are the whole study: leave both out.", "T32")
    return Asked(rest, options, note)


def _note(text: str) -> tuple[str, str]:
    """In quotes, or all that follows when it is the last."""
    found = _NOTE.search(text)
    if found is None:
        if _NOTED.search(text):
            raise TypingMistake('Put the note into quotes, and no other quotes into it: --note "seen at 10"', "T33")
        return text, ""
    note = (found["quoted"] if found["quoted"] is not None else found["bare"]).strip()
    if not note:
        raise TypingMistake('What shall the note say? Type it in quotes: --note "seen at 10"', "T34")
    if len(note) > LONGEST_NOTE:
        raise TypingMistake(f"A note has at most {LONGEST_NOTE} characters. Write the rest with !note.", "T35")
    return f"{text[: found.start()]} {text[found.end() :]}", note


def _form(text: str) -> tuple[str, Options]:
    said = {found.lastgroup for found in _FORM.finditer(text)}
    if len(said) > 1:
        raise TypingMistake(
            "As stored and PDI are two ways to pack: PDI unpacks what is stored compressed. Choose one.", "T31"
        )
    return _FORM.sub(" ", text), Options(as_stored="as_stored" in said, pdi="pdi" in said)


def _narrowed(options: Options, last: re.Match[str]) -> Options:
    if last["open"]:
        raise TypingMistake("Tell me the number of the series, like: series 3", "T21")
    if last["series"]:
        numbers = tuple(int(one) for one in re.findall(r"\d+", last["series"]))
        return replace(options, series=tuple(dict.fromkeys((*numbers, *options.series))))
    return replace(
        options,
        thin=options.thin or bool(last["thin"]),
        thick=options.thick or bool(last["thick"]),
        key=options.key or bool(last["key"]),
    )


def _nearest(word: str) -> str:
    near = difflib.get_close_matches(word.lower(), _FLAGS, n=1)
    return f'Did you mean "--{near[0]}"? ' if near else ""
