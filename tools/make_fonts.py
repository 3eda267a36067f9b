"""Make the fonts of the HTML book: text and formulas in STIX Two, code in Source Code Pro.

    pip install fonttools brotli ziamath
    npm install --prefix FOLDER @fontsource-variable/stix-two-text @fontsource/source-code-pro
    python tools/make_fonts.py FOLDER

Of STIX Two Math, whose TTF `ziamath` carries, the part is taken that LaTeX formulas need. The
other faces are taken from the npm packages, whose Latin parts Google Fonts made. All are under the
SIL Open Font License 1.1. The results are committed to bookc/site/theme/fonts, so a build of the
book needs none of these packages.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FONTS = Path(__file__).parents[1] / "bookc" / "site" / "theme" / "fonts"
OUTPUT = FONTS / "STIXTwoMath.woff2"
TAKEN = {
    "STIXTwoText": "-variable/stix-two-text/files/stix-two-text-latin-wght-normal",
    "STIXTwoText-Italic": "-variable/stix-two-text/files/stix-two-text-latin-wght-italic",
    "SourceCodePro": "/source-code-pro/files/source-code-pro-latin-400-normal",
}

# Unicode blocks, first and last code point. Of the mathematical alphabets those are left out
# that LaTeX has no common command for: bold script and Fraktur, sans-serif italic and bold Greek
# sans-serif.
BLOCKS = (
    (0x0020, 0x007E),  # ASCII
    (0x00A0, 0x00FF),  # Latin-1: accented letters, multiplication and plus-minus signs
    (0x0300, 0x0338),  # combining accents
    (0x0370, 0x03FF),  # Greek
    (0x2010, 0x2063),  # dashes, dots, primes, invisible operators
    (0x20D0, 0x20EF),  # combining marks for symbols
    (0x2102, 0x2138),  # letterlike symbols: blackboard R, script L
    (0x2190, 0x21FF),  # arrows
    (0x2200, 0x22FF),  # operators
    (0x2308, 0x230B),  # floor and ceiling
    (0x23B0, 0x23B1),  # moustaches
    (0x23DC, 0x23E1),  # horizontal parentheses and braces
    (0x25A0, 0x25CF),  # squares, triangles, circles
    (0x27C2, 0x27FF),  # perpendicular, angle brackets, long arrows
    (0x29F5, 0x29F5),  # set minus
    (0x2A00, 0x2A06),  # n-ary operators
    (0x2A3F, 0x2A3F),  # coproduct
    (0x2A74, 0x2AB0),  # colon equals, order relations
    (0xFE00, 0xFE00),  # variation selector: the other of two script alphabets
    (0x1D400, 0x1D4CF),  # bold, italic, bold italic, script
    (0x1D504, 0x1D56B),  # Fraktur, blackboard bold
    (0x1D5A0, 0x1D5D3),  # sans-serif
    (0x1D670, 0x1D755),  # monospace, dotless i and j, bold and italic Greek
    (0x1D7CE, 0x1D7E1),  # bold and blackboard bold digits
)

PRIMES = {0x2032, 0x2033, 0x2034, 0x2057}


def _lower_primes(font: TTFont) -> None:
    """Give the primes the shapes that are drawn for superscripts, where formulas have them.

    The feature `ssty` would do it, but Chromium does not apply it, and f' has its prime too high.
    """
    table = font["GSUB"].table
    style = next(r.Feature for r in table.FeatureList.FeatureRecord if r.FeatureTag == "ssty")
    scripts: dict[str, list[str]] = {}
    for index in style.LookupListIndex:
        for rules in table.LookupList.Lookup[index].SubTable:
            scripts.update(getattr(getattr(rules, "ExtSubTable", rules), "alternates", {}))
    for characters in font["cmap"].tables:
        for code in PRIMES & characters.cmap.keys():
            glyph = characters.cmap[code]  # two tables may share one mapping
            characters.cmap[code] = scripts.get(glyph, [glyph])[0]


def main() -> None:
    """Write the fonts and print the size of the one that is made here, in bytes."""
    if len(sys.argv) != 2:
        raise SystemExit("make_fonts.py: want the folder with the npm packages")
    for name, source in TAKEN.items():
        file = Path(sys.argv[1]) / "node_modules" / f"@fontsource{source}.woff2"
        (FONTS / f"{name}.woff2").write_bytes(file.read_bytes())
    package = find_spec("ziamath")
    if package is None or package.origin is None:
        raise SystemExit("make_fonts.py: pip install fonttools brotli ziamath")
    font = TTFont(Path(package.origin).parent / "fonts" / "STIXTwoMath-Regular.ttf")

    _lower_primes(font)
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["ccmp", "locl", "mark", "mkmk"]
    options.hinting = False  # screens of today don't use it, and it is a third of the file
    options.name_IDs = ["*"]  # copyright and licence stay in the font
    options.drop_tables += ["DSIG"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[c for first, last in BLOCKS for c in range(first, last + 1)])
    subsetter.subset(font)
    font["head"].modified = font["head"].created  # the same bytes from the same input
    font.recalcTimestamp = False
    subset.save_font(font, OUTPUT, options)
    print(f"{OUTPUT.name}: {OUTPUT.stat().st_size:,} bytes, {len(font.getGlyphOrder())} glyphs")


if __name__ == "__main__":
    main()
