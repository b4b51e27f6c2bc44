"""Text from records and registries made safe inside Markdown: some clients render the HTML in it, links and all."""

import re

# Every sign that Markdown, GitHub's additions to it or HTML may give a meaning to; backslash escapes are CommonMark's.
# Signs first, their surroundings after: so the many other characters are passed over ten times faster.
_SIGNS = re.compile(
    r"[\\`*_~#\[\]()<>&|$!.+-]"
    r"(?:(?<=[^!.+-])|(?<=!)(?=\[)|(?<=^[-+])(?=\s|[-+]|$)|(?<=\d\.)(?=\s|$))"
)
# Where an address or an e-mail address would become a link of itself. Clients look for those in the text that is left
# once escapes are gone, so only a character that nobody sees keeps them apart.
_ADDRESSES = re.compile(r"[@:.](?:(?<=@)|(?<=:)(?=//)|(?<=[wW]{3}\.))")
_WORD_JOINER = "\u2060"
_BREAKS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


def escaped(text: str) -> str:
    """One line of text as it is, whatever signs it holds."""
    plain = _BREAKS.sub(" ", text).strip()
    marked = _SIGNS.sub(lambda found: f"\\{found[0]}", plain)
    return _ADDRESSES.sub(lambda found: f"{_WORD_JOINER}{found[0]}", marked)
