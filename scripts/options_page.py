"""Tables of docs/options.md, made of the table of options: `make options-page`.

What stands between the two marks under a heading is written anew; all other text is left as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cfg.errors import ConfigError
from ditto.packs.registry import traits_of
from stream_pipeline.options.option import Option, Section
from stream_pipeline.options.table import SECTIONS

PAGE = Path(__file__).parents[1] / "docs" / "options.md"
BEGIN, END = "<!-- options: {} -->", "<!-- end of options -->"
PACKS = ("mini", "ditto")  # that come with the package


def main() -> int:
    PAGE.write_text(rewritten(PAGE.read_text("utf-8")), "utf-8")
    return 0


def rewritten(page: str) -> str:
    """The page with all its tables as they should be."""
    for section in SECTIONS:
        begin = BEGIN.format(section.title)
        before, found, rest = page.partition(f"{begin}\n")
        _, ended, after = rest.partition(END)
        if not (found and ended):
            raise ConfigError(f"{PAGE}: has no table '{section.title}'; write {begin} and {END} around it")
        page = f"{before}{found}\n{table(section)}\n\n{ended}{after}"
    return page


def table(section: Section) -> str:
    """Options of a section, one a row."""
    measured = any(option.measured for option in section.options)
    titles = ["option", "setting", "what it does", *["measured"] * measured]
    rows = [titles, ["---"] * len(titles)]
    for option in section.options:
        cells = [names(option), settings(option), sentences(option), *[option.measured] * measured]
        rows.append([cell.replace("|", "\\|") for cell in cells])
    return "\n".join(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows)


def names(option: Option) -> str:
    """How the option is written, the first name with what it takes."""
    taken = "|".join(option.choices) or option.metavar
    if option.without_value is not None:
        taken = f"[{taken}]"
    first, *others = option.flags
    given = f"{first} {taken}{' …' * option.many}".strip()
    return ", ".join(f"`{name}`" for name in (given, *others))


def settings(option: Option) -> str:
    if option.stands_for is None:
        return f"`{option.setting}`" if option.setting else ""
    pairs = [(f"{g}.{n}", value) for g, values in option.stands_for.items() for n, value in values.items()]
    return ", ".join(f"`{name}: {value or repr(value)}`" for name, value in pairs)


def sentences(option: Option) -> str:
    return ". ".join([option.help_with_default(), *filter(None, [option.more]), *conditions(option)])


def conditions(option: Option) -> Iterator[str]:
    """When the option has an effect, where it has not always one."""
    idle = [name for name in PACKS if option.setting in traits_of(name).unused]
    if idle:
        yield f"No effect in {listed(idle)}"
    square = listed(name for name in PACKS if traits_of(name).crops_face)
    yield from (effect.page.format(square=square) for effect in option.effects)


def listed(names: Iterable[str]) -> str:
    return " and ".join(f"*{name}*" for name in names)


if __name__ == "__main__":
    sys.exit(main())
