"""XML as DacFx writes it, read as a stream and with suspicion: no document type, so no entities and no bombs of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from xml.parsers import expat

from holdfast.model.errors import BadBacpac

_DEEPEST = 256

Start = Callable[[str, Mapping[str, str]], None]
End = Callable[[str, str], None]


def parse(name: str, chunks: Iterable[bytes], start: Start, end: End) -> None:
    """Calls `start(tag, attributes)` and `end(tag, text)` for each element, tags without namespace.

    `text` is what stood directly in the element, in order. Raises BadBacpac, naming the entry, where the XML is not
    well formed, carries a document type, or nests deeper than any model does.
    """
    texts: list[list[str]] = []

    def on_start(tag: str, attributes: dict[str, str]) -> None:
        if len(texts) >= _DEEPEST:
            raise BadBacpac(f"{name} nests deeper than {_DEEPEST} elements")
        texts.append([])
        start(tag.rpartition(" ")[2], attributes)

    def on_end(tag: str) -> None:
        end(tag.rpartition(" ")[2], "".join(texts.pop()))

    def on_text(text: str) -> None:
        if texts:
            texts[-1].append(text)

    def refuse(*_: object) -> None:
        raise BadBacpac(f"{name} carries a document type, which no BACPAC's XML does")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = on_start
    parser.EndElementHandler = on_end
    parser.CharacterDataHandler = on_text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise BadBacpac(f"{name} is not well-formed XML: {error}") from error
