"""Takes the database's own name out of a script: `[Sales].[dbo].[T]` becomes `[dbo].[T]`. Pure.

Only names that stand for a table, a procedure or a function, and columns under such names; strings and comments stay.
"""

from __future__ import annotations

from collections.abc import Collection

from holdfast.bacpac.script_names import joined, outside_names, pieces


def without_database(definition: str, names: Collection[str]) -> str | None:
    """The definition as a `CREATE OR ALTER` without any of the names; None where that cannot be done for sure."""
    folded = {name.casefold() for name in names}
    targets = {tuple(p.casefold() for p in name) for name in outside_names(definition) if name[0].casefold() in folded}
    read = list(pieces(definition))
    if not read or read[0].text.upper() != "CREATE":
        return None
    cuts: list[tuple[int, int, str]] = []
    if [piece.text.upper() for piece in read[1:3]] != ["OR", "ALTER"]:
        end = read[0].start + len(read[0].text)
        cuts.append((end, end, " OR ALTER"))
    at = 1
    while at < len(read):
        if read[at].kind != "name":
            at += 1
            continue
        parts, after = joined(read, at)
        # The first three parts name the table, also where a column follows.
        if len(parts) in (3, 4) and tuple((part.plain if part else "").casefold() for part in parts[:3]) in targets:
            schema, entity = parts[1], parts[2]
            if entity is None:
                return None
            cuts.append((read[at].start, (schema or entity).start, "" if schema else "[dbo]."))
        at = after
    for start, end, instead in reversed(cuts):
        definition = definition[:start] + instead + definition[end:]
    return None if any(name[0].casefold() in folded for name in outside_names(definition)) else definition
