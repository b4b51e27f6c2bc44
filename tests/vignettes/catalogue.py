"""All vignettes, in the order of their chapters: every module of `reading` and `criteria` is one."""

from importlib import import_module
from pkgutil import iter_modules

from tests.vignettes import criteria, reading
from tests.vignettes.vignette import Vignette


def _chapters() -> dict[str, list[Vignette]]:
    names = [f"{part.__name__}.{module.name}" for part in (reading, criteria) for module in iter_modules(part.__path__)]
    return {name.removeprefix("tests.vignettes."): import_module(name).chapter.vignettes for name in names}


CHAPTERS = _chapters()
VIGNETTES = [vignette for vignettes in CHAPTERS.values() for vignette in vignettes]
