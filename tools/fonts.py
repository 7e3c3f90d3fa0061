"""Makes the fonts in rendering/fonts: `python -m tools.fonts FOLDER`, FOLDER holding the Noto fonts named below.

Debian has them in fonts-noto-core and fonts-noto-cjk (SIL Open Font License 1.1; the licence travels with what is
made). One file holds all scripts, so that a line in several of them is shaped and ordered as one; a small one holds
what nearly every picture needs and is loaded at once.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fontTools.merge import Merger
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont, newTable

if TYPE_CHECKING:
    from collections.abc import Iterable

TARGET = Path(__file__).parent.parent / "rendering" / "fonts"
_LATIN = "NotoSans-Regular.ttf"
_OTHERS = ("NotoSansArabic-Regular.ttf", "NotoSansHebrew-Regular.ttf", "NotoSansThai-Regular.ttf")
_EAST_ASIAN = "NotoSansCJK-Regular.ttc"
#: Latin, Greek, Cyrillic and their marks; punctuation, currencies, letterlike signs, fractions, mathematics.
_WESTERN = (range(0x20, 0x530), range(0x1D00, 0x2070), range(0x2070, 0x2190), range(0x2200, 0x2300), (0xFFFD,))
#: What the East Asian character sets of DICOM (PS3.3 C.12.1.1.2) have in daily use, and Hong Kong's and Taiwan's.
_EASTERN = ("shift_jis", "gb2312", "euc_kr")
_BIG5_COMMON = ((lead, trail) for lead in range(0xA1, 0xC7) for trail in chain(range(0x40, 0x7F), range(0xA1, 0xFF)))
#: How far a curve may lie beside the original, of 1000 units to a letter's height: unseen at 60 pixels.
_TOLERANCE = 3.0
_NAME = "carrierbag Sans"
_COPYRIGHT = "Copyright 2012-2020 Google LLC. Copyright 2014-2021 Adobe (http://www.adobe.com/)."
_LICENCE, _LICENCE_ADDRESS = 13, 14
_UNITS, _ASCENT, _DESCENT = 1000, 1000, -250


def main(folder: Path) -> None:
    """Both files, from the fonts anywhere in `folder`."""
    TARGET.mkdir(exist_ok=True)
    western = _subset(_found(folder, _LATIN), set(chain.from_iterable(_WESTERN)))
    others = [_subset(_found(folder, name), set(range(0x590, 0xFF00)) - _eastern()) for name in _OTHERS]
    eastern = _quadratic(_subset(_found(folder, _EAST_ASIAN), _eastern() - _characters([western, *others])))
    _save(western, TARGET / "western.ttf")
    _save(_merged([western, *others, eastern]), TARGET / "all.ttf")


def _found(folder: Path, name: str) -> TTFont:
    """The first face: of the East Asian collection, the Japanese one."""
    return TTFont(next(folder.rglob(name)), fontNumber=0)


def _eastern() -> set[int]:
    """Code points of the East Asian sets."""
    every = (chr(point) for point in range(0xA0, 0x10000) if not 0xD800 <= point < 0xE000)
    found = {ord(one) for one in every if any(_encodes(one, coding) for coding in _EASTERN)}
    big5 = (bytes(pair).decode("big5", "ignore") for pair in _BIG5_COMMON)
    return found | {ord(one) for one in big5 if one} | set(range(0xAC00, 0xD7A4)) | set(range(0x3000, 0x3100))


def _encodes(letter: str, coding: str) -> bool:
    return letter.encode(coding, "ignore") != b""


def _characters(fonts: Iterable[TTFont]) -> set[int]:
    return set(chain.from_iterable(font.getBestCmap() for font in fonts))


def _subset(font: TTFont, points: set[int]) -> TTFont:
    """Only these characters, with what it takes to shape them, and without hints."""
    options = Options(hinting=False, desubroutinize=True, layout_features=["*"], glyph_names=False, notdef_outline=True)
    if "CFF " in font:  # forms of other regions and widths, none of which is asked for
        options.layout_features = []
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE", "STAT"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=points)
    subsetter.subset(font)
    return font


def _quadratic(font: TTFont) -> TTFont:
    """Cubic outlines as quadratic ones, which the others have."""
    glyphs, order = font.getGlyphSet(), font.getGlyphOrder()
    outlines = {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(Cu2QuPen(pen, _TOLERANCE, reverse_direction=True))
        outlines[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, outlines
    font["maxp"].tableVersion = 0x00010000
    for name in ("maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs",
                 "maxStackElements", "maxSizeOfInstructions", "maxComponentElements"):  # fmt: skip
        setattr(font["maxp"], name, 0)
    font["post"].formatType, font.sfntVersion = 3.0, "\0\1\0\0"
    del font["CFF "]
    return font


def _merged(fonts: list[TTFont]) -> TTFont:
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"{place}.ttf") for place in range(len(fonts))]
        for font, path in zip(fonts, paths, strict=True):
            font.save(path)
        return Merger().merge(paths)


def _save(font: TTFont, path: Path) -> None:
    """Under a name of its own, with one height of lines for both files, and the same bytes each time."""
    _named(font["name"])
    font["hhea"].ascent, font["hhea"].descent, font["hhea"].lineGap = _ASCENT, _DESCENT, 0
    font["OS/2"].sTypoAscender, font["OS/2"].sTypoDescender, font["OS/2"].sTypoLineGap = _ASCENT, _DESCENT, 0
    font.recalcTimestamp = False
    if font["head"].unitsPerEm != _UNITS:
        raise ValueError(f"{path.name} has {font['head'].unitsPerEm} units")
    font.save(path)


def _named(table: Any) -> None:
    """OFL 1.1, condition 2: whose work it is and under which licence stands in the file too."""
    table.names = [record for record in table.names if record.nameID in {_LICENCE, _LICENCE_ADDRESS}]
    for number, text in enumerate((_COPYRIGHT, _NAME, "Regular", _NAME, _NAME, "Version 1.0", _NAME.replace(" ", ""))):
        table.setName(text, number, 3, 1, 0x409)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
