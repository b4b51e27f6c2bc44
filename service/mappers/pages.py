"""Pages of search results: which belong together, and what none of them holds."""

import re

import msgspec

from service.mappers import wire

_PATH = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)(?:/_search)?(?:\?|\Z)")
# What brings resources of other types along, which a page that is not read may hold too. The drug of a record and the
# patient are nothing by themselves.
_SEVERAL = re.compile(
    r"[?&]_type=|\$|[?&]_revinclude"
    r"|[?&]_include(?!(?:(?::|%3A)\w+)?=\w+(?::|%3A)(?:medication|ingredient|patient|subject)(?![\w-]))"
)
_NOTHING_BY_THEMSELVES = frozenset({"Patient", "Medication", "Substance"})


class Page(msgspec.Struct):
    """One page: where it stands, what it is of, its own and the next page's address, how many of how many it holds."""

    where: str
    kinds: set[str]
    own_url: str
    next_url: str
    total: int | None
    found: int


def types_searched(bundle: wire.Bundle, found: list[str], brought: set[str]) -> set[str]:
    """The resource type a search is of, by its own address; `*` where that cannot be told, or where it brings others
    along. Without an address a search is of the one type that it found (a Patient may be found by any). `brought` are
    the types of what came besides its matches."""
    if brought - _NOTHING_BY_THEMSELVES:
        return {"*"}
    own = next((link.url for link in bundle.link or () if link.relation == "self" and link.url), None)
    if own:
        path = _PATH.search(own)
        known = path is not None and (path[1] in wire.CLINICAL_TYPES or path[1] in wire.OTHER_TYPES)
        return {path[1]} if path and known and not _SEVERAL.search(own) else {"*"}
    kinds = set(found)
    typed = (bundle.type or "").lower() == "searchset"
    return kinds if typed and len(kinds) == 1 and kinds != {"Patient"} else {"*"}


def missing_pages(pages: list[Page]) -> list[tuple[str, str]]:
    """Pages that follow one another are one result; what is left over is missing: resource type and reason."""
    gaps: list[tuple[str, str]] = []
    by_url = {page.own_url: page for page in pages if page.own_url}
    followed = {page.next_url for page in pages if by_url.get(page.next_url, page) is not page}
    in_chains: set[int] = set()
    # a chain begins where no other page leads; pages in a ring begin anywhere, and never end
    for page in sorted(pages, key=lambda page: page.own_url in followed):
        if id(page) in in_chains:
            continue
        chain = _chain(page, by_url)
        in_chains |= {id(link) for link in chain}
        last, found = chain[-1], sum(link.found for link in chain)
        reasons = []
        if last.next_url:
            reasons.append(f"{last.where} has a next page that was not read")
        if page.total is not None and found < page.total:
            reasons.append(f"{page.where} holds {found} of {page.total} results")
        gaps += [(kind, reason) for reason in reasons for kind in page.kinds]
    return gaps


def _chain(page: Page, by_url: dict[str, Page]) -> list[Page]:
    chain = [page]
    seen = {id(page)}
    while (following := by_url.get(chain[-1].next_url)) is not None and id(following) not in seen:
        chain.append(following)
        seen.add(id(following))
    return chain
