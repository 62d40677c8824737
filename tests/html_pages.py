"""Pages as a browser reads them, for tests that ask for them over plain HTTP."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """The elements of a page: `elements` in their order, with their attributes and the text inside each."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        text: list[str] = []
        self.elements.append((tag, {name: value or "" for name, value in attrs}, text))
        if tag not in ("input", "meta", "link", "br"):
            self._open.append((tag, text))

    def handle_endtag(self, tag: str) -> None:
        """Called by the parser."""
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Called by the parser."""
        for _, text in self._open:
            text.append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str], str]]:
        """Attributes and text of every element of that name."""
        return [(attributes, "".join(text)) for name, attributes, text in self.elements if name == tag]

    def by_id(self, wanted: str) -> str:
        """The text of an element; `AssertionError` unless there is exactly one."""
        (found,) = ["".join(text) for _, attributes, text in self.elements if attributes.get("id") == wanted]
        return found.strip()

    @property
    def typed(self) -> dict[str, str]:
        """What a browser would send from the page's form."""
        fields = {attributes["name"]: attributes.get("value", "") for attributes, _ in self.all("input")}
        # The first line break in a text area is none of its text (HTML, "the textarea element").
        areas = {attributes["name"]: text.removeprefix("\n") for attributes, text in self.all("textarea")}
        return {**fields, **areas}

    @property
    def problems(self) -> dict[str, str]:
        """What is said beside each field that is marked as wrong."""
        return {
            attributes["name"]: self.by_id(attributes["aria-describedby"].split()[0])
            for tag in ("input", "textarea")
            for attributes, _ in self.all(tag)
            if attributes.get("aria-invalid") == "true"
        }

    @property
    def alert(self) -> str:
        """What is said above the form."""
        return "".join(
            "".join(text).strip() for _, attributes, text in self.elements if attributes.get("role") == "alert"
        )
