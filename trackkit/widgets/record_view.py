"""One record whole on a page: what it says and its conversation, and its e-mails to work with, in tabs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as w

from trackkit.client.project import Project
from trackkit.contract.project import Item
from trackkit.contract.project_mail import EmailView
from trackkit.domain.project.commands import MAIL_VERBS
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.widgets.email_html import conversation_html
from trackkit.widgets.email_panel import EmailPanel, may
from trackkit.widgets.page import row, title
from trackkit.widgets.problems import Trouble
from trackkit.widgets.tables import instant, shown, shown_block
from trackkit.widgets.tabs import Tabs
from trackkit.widgets.work import in_background

MANY = 50
"""E-mails of a conversation in the overview, the latest."""


class RecordView:
    """The view. `widget` is what is shown; `tabs` and `emails` are for tests, and do what a click does.

    Parameters
    ----------
    close: called by *Close*.
    shows: gets the same as Python.
    """

    def __init__(
        self,
        project: Project,
        kind: Kind,
        key: str,
        trouble: Trouble,
        close: Callable[[], None],
        shows: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._project, self._kind, self._key, self._shows = project, kind, key, shows
        self._record, self._trouble = f"{kind} {key}", trouble.another()
        self.overview, self.conversation = w.HTML(), w.HTML()
        self.emails: EmailPanel | None = None
        self._head = w.VBox([title(f"{KINDS[kind].title} {key}", level=3)])
        self.close = w.Button(description="Close")
        self.close.on_click(lambda _: close())
        views = {"Overview": self._overview, "E-mail": self._emails}
        self.tabs = Tabs(f"{KINDS[kind].title} {key}", views)
        actions = row(self.close, kind="tk-actions")
        self.widget = w.VBox([self._head, self._trouble.widget, self.tabs.widget, actions])
        self.widget.add_class("tk-record")
        self.refresh()

    def _overview(self) -> w.Widget:
        return w.VBox([self.overview, w.HTML("<h4>Conversation</h4>"), self.conversation])

    def _emails(self) -> w.Widget:
        self.emails = EmailPanel(self._project, self._record, self._trouble, self.refresh, self._shows)
        return self.emails.widget

    def refresh(self) -> None:
        """Ask for the record and its conversation again."""
        in_background(self._trouble, lambda: self._project.show(self._kind, self._key), self._show)
        if may(self._project, self._record, "view_mail"):
            in_background(self._trouble, lambda: list(self._project.mail.each(self._record)), self._talk)
        else:
            words = f"Your security groups do not have the command {MAIL_VERBS['view_mail']}."
            self.conversation.value = f"<p class='tk-empty'>{shown(words)}</p>"

    def _show(self, item: Item) -> None:
        info = KINDS[self._kind]
        subject = str(item.values.get(info.subject) or "")
        self._head.children = (title(f"{info.title} {self._key}: {subject}", level=3),)
        self.overview.value = overview_html(item)

    def _talk(self, found: Sequence[EmailView]) -> None:
        self.conversation.value = conversation_html(found[-MANY:], len(found[:-MANY]))
        self.tabs.retitle(1, f"E-mail ({len(found):,})" if found else "E-mail")


def overview_html(item: Item) -> str:
    """What a record says: short fields beside their names, long texts below."""
    info = KINDS[item.kind]
    texts = {name: field.text(item.values.get(name)) for name, field in info.fields.items() if name != info.subject}
    short = [(info.fields[name].title, text) for name, text in texts.items() if info.fields[name].kind != "long text"]
    short.append(("Files", str(item.files or "–")))
    short.append(("Created (UTC)", f"{instant(item.created_at)} by {item.created_by}"))
    short.append(("Changed (UTC)", f"{instant(item.changed_at)} by {item.changed_by}"))
    facts = "".join(f"<dt>{shown(name)}</dt><dd>{shown(text or '–')}</dd>" for name, text in short)
    long = "".join(
        f"<h4>{shown(info.fields[name].title)}</h4>{shown_block(text)}"
        for name, text in texts.items()
        if info.fields[name].kind == "long text" and text.strip()
    )
    return f"<dl class='tk-facts tk-columns'>{facts}</dl>{long}"
