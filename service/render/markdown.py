"""Text from records and registries made safe inside Markdown: some clients render the HTML in it, links and all."""

import re

# Every sign that Markdown, GitHub's additions to it or HTML may give a meaning to; backslash escapes are CommonMark's.
# Signs first, their surroundings after: so the many other characters are passed over ten times faster.
_SIGNS = re.compile(
    r"[\\`*_~#\[\]()<>&|$@!:.+-]"
    r"(?:(?<=[^!:.+-])|(?<=!)(?=\[)|(?<=:)(?=//)|(?<=[wW]{3}\.)|(?<=^[-+])(?=\s)|(?<=\d\.)(?=\s))"
)
_BREAKS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")


def escaped(text: str) -> str:
    """One line of text as it is, whatever signs it holds."""
    plain = _BREAKS.sub(" ", text).strip()
    return _SIGNS.sub(lambda found: f"\\{found[0]}", plain)
