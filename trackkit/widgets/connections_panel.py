"""The panel of server connections (SPEC §1): the list in order, add, edit, delete, move, connect and disconnect.

The list is `connections.toml` of the person who runs the notebook; it is read again before it is shown, so that what
the command line or another notebook changes is there. With no connection yet the Add form is the first thing.
"""

from __future__ import annotations

import ipywidgets as w

from trackkit.client import Connection, Connections, Server
from trackkit.client.endpoint import address_problem, port_problem
from trackkit.domain.errors import InvalidInput
from trackkit.widgets import session
from trackkit.widgets.confirm import confirm
from trackkit.widgets.fields import Field, Fields, Section, Text
from trackkit.widgets.log_in import LogIn
from trackkit.widgets.page import offer, page, panel, row, title
from trackkit.widgets.problems import Trouble, shows_problems, status
from trackkit.widgets.said import Said
from trackkit.widgets.show_python import Code, python_of, whole
from trackkit.widgets.tables import shown
from trackkit.widgets.work import in_background

NAME = Field("name", "Name", required=True, help="Any text, to tell your servers apart. It cannot be changed later.")
PLACE = (
    Field("address", "Address", required=True, help="IP address (a static one is recommended) or DNS name."),
    Field("port", "Port", "number", help="1 to 65,535."),
    Field("encrypted", "Encrypted", "yes/no", help="Whether the server encrypts; it does unless it was switched off."),
)


def connections_page() -> w.VBox:
    """The page as one widget."""
    return page(ConnectionsPanel().widget)


class ConnectionsPanel:
    """The panel. `widget` is what is shown; the buttons and fields are for tests, and do what a click does."""

    def __init__(self) -> None:
        self.trouble = Trouble()
        self.list = w.Select(description="Connections", rows=5)
        self.details, self.said, self.form, self.asking = w.HTML(), Said(), w.VBox(), w.VBox()
        self.code: Code = python_of("trackkit.Connections.load()")
        self.fields: Fields | None = None
        self.log_in: LogIn | None = None
        self.buttons = {
            name: w.Button(description=name)
            for name in ("Connect", "Disconnect", "Add", "Edit", "Delete", "Move up", "Move down")
        }
        self.buttons["Connect"].button_style = "primary"
        do = {
            "Connect": self._connect,
            "Disconnect": self._disconnect,
            "Add": self._add,
            "Edit": self._edit,
            "Delete": self._delete,
            "Move up": lambda: self._move(up=True),
            "Move down": lambda: self._move(up=False),
        }
        for name, action in do.items():
            self.buttons[name].on_click(shows_problems(self.trouble)(lambda _, action=action: action()))
        self.list.observe(shows_problems(self.trouble)(lambda _: self._look()), names="value")
        self._known = w.VBox([self.list, self.details, row(*self.buttons.values())])
        self.widget = panel(
            title("Server connections", "The servers you know, in your order. Passwords are never kept here."),
            self._known,
            self.form,
            self.trouble.widget,
            self.asking,
            self.said,
            self.code,
        )
        shows_problems(self.trouble)(self.refresh)()

    @property
    def chosen(self) -> str:
        """The name of the selected connection; `InvalidInput` when there is none."""
        if self.list.value is None:
            raise InvalidInput("No connection is selected.", "Select one in the list, or add one.")
        return str(self.list.value)

    def refresh(self, select: str | None = None) -> None:
        """Read the connections again and show them."""
        connections = list(Connections.load())
        offer(self.list, [(_line(connection), connection.name) for connection in connections], select)
        self._known.layout.display = None if connections else "none"
        if not connections:
            self._place_form("Add a connection", "", None)
        self._look()

    def _look(self) -> None:
        """Details and buttons for what is selected."""
        name = self.list.value
        connections = Connections.load()
        server = session.connected().get(name or "")
        for label in ("Edit", "Delete", "Move up", "Move down"):
            self.buttons[label].disabled = name is None
        self.buttons["Disconnect"].disabled = server is None
        self.buttons["Connect"].disabled = name is None or server is not None
        self.details.value = _details(connections[name], server) if name in connections else ""

    def _say(self, words: str, call: str = "") -> None:
        self.said.value = status(shown(words), "tk-good")
        if call:
            self.code.code = whole(call)

    def _add(self) -> None:
        self._place_form("Add a connection", "", None).focus_on("name")

    def _edit(self) -> None:
        connection = Connections.load()[self.chosen]
        self._place_form(f"Edit {connection.name}", connection.name, connection).focus_on("address")

    def _place_form(self, words: str, name: str, old: Connection | None) -> Fields:
        """The form for a new connection, or for where an old one leads."""
        shape = PLACE if old else (NAME, *PLACE)
        place = old or Connection("", "")
        values: dict[str, Text] = {"address": place.address, "port": str(place.port), "encrypted": place.encrypted}
        fields = Fields([Section("", shape)], values if old else {"name": "", **values})
        save = w.Button(description="Save" if old else "Add connection", button_style="primary")
        cancel = w.Button(description="Cancel")

        @shows_problems(self.trouble)
        def saved(*_: object) -> None:
            fields.messages = _refused(fields)
            if fields.messages:
                fields.focus_on(next(iter(fields.messages)))
                return
            self._save(fields, name)

        fields.observe(lambda _: setattr(fields, "messages", _refused(fields, typed_only=True)), names="values")
        fields.when_entered(saved)
        save.on_click(saved)
        cancel.on_click(lambda _: self._close_form())
        self.fields = fields
        buttons = (cancel, save) if len(self.list.options) else (save,)
        self.form.children = (title(words, level=3), fields, row(*buttons, kind="tk-actions"))
        self.save_button = save
        return fields

    def _save(self, fields: Fields, name: str) -> None:
        values = fields.values
        port, encrypted = int(values["port"]), bool(values["encrypted"])
        connections = Connections.load()
        more = f"port={port}, encrypted={encrypted}"
        if name:
            saved = connections.edit(name, address=values["address"], port=port, encrypted=encrypted)
            call = f"trackkit.Connections.load().edit({name!r}, address={saved.address!r}, {more})"
        else:
            saved = connections.add(values["name"].strip(), values["address"], port, encrypted=encrypted)
            call = f"trackkit.Connections.load().add({saved.name!r}, {saved.address!r}, {more})"
        self._close_form()
        self.refresh(saved.name)
        self._say(f"{'Changed' if name else 'Added'} {saved.name} ({saved.endpoint.url}).", call)

    def _close_form(self) -> None:
        self.form.children = ()
        self.fields = self.log_in = None

    def _delete(self) -> None:
        connection = Connections.load()[self.chosen]
        connected = " You are connected to it; that ends." if connection.name in session.connected() else ""
        question = (
            f"Delete the connection {connection.name} ({connection.endpoint.url}) and its pinned certificate? "
            f"There is no undo. The server itself is untouched.{connected}"
        )

        @shows_problems(self.trouble)
        def delete() -> None:
            Connections.load().delete(connection.name)
            self._close_form()
            self.refresh()
            self._say(f"Deleted {connection.name}.", f"trackkit.Connections.load().delete({connection.name!r})")
            if connection.name in session.connected():
                in_background(self.trouble, lambda: session.disconnect(connection.name), lambda _: None)

        self.question = confirm(self.asking, question, "Delete it", delete)

    def _move(self, *, up: bool) -> None:
        name = self.chosen
        Connections.load().move(name, up=up)
        self.refresh(name)
        where = [value for _, value in self.list.options].index(name) + 1
        self._say(f"{name} is number {where} now.", f"trackkit.Connections.load().move({name!r}, up={up})")

    def _connect(self) -> None:
        name = self.chosen

        def done(server: Server) -> None:
            session.use(server)
            self._close_form()
            self.refresh(name)
            self._say(f"Connected to {name} as {server.username} ({server.role}).")
            self.code.code = whole("server.health()", server)

        self.log_in = LogIn(lambda: name, self.trouble, done)
        self.form.children = (title(f"Log in to {name}", level=3), self.log_in.widget)
        self.log_in.fields.focus_on("password")

    def _disconnect(self) -> None:
        name = self.chosen

        def done(_: None) -> None:
            self.refresh(name)
            self._say(f"Disconnected from {name}; the session there has ended.", "server.close()")

        def failed(_: Exception) -> bool:
            self.refresh(name)
            return False

        in_background(
            self.trouble, lambda: session.disconnect(name), done, busy=(self.buttons["Disconnect"],), failed=failed
        )


def _refused(fields: Fields, *, typed_only: bool = False) -> dict[str, str]:
    """What is wrong with which field; with `typed_only`, an empty field is not wrong yet."""
    values = fields.values
    port = str(values["port"]).strip()
    found = {
        "name": "is empty" if not values.get("name", "x").strip() else "",
        "address": address_problem(values["address"].strip().removeprefix("[").removesuffix("]")),
        "port": port_problem(int(port)) if port.isdecimal() else "is not a whole number",
    }
    return {name: why for name, why in found.items() if why and not (typed_only and not str(values[name]).strip())}


def _line(connection: Connection) -> str:
    connected = " (connected)" if connection.name in session.connected() else ""
    return f"{connection.name} \N{EN DASH} {connection.endpoint.url}{connected}"


def _details(connection: Connection, server: Server | None) -> str:
    if not connection.encrypted:
        certificate = "not encrypted: everything, passwords too, can be read on the way"
    else:
        certificate = connection.fingerprint or "not known yet; it is shown and asked about at the first log-in"
    lines = [f"Certificate: {shown(certificate)}"]
    if server is not None:
        lines.append(f"Connected as <b>{shown(server.username)}</b> ({shown(server.role)})")
    return f'<p class="tk-hint" role="status">{"<br>".join(lines)}</p>'
