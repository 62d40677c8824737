"""Every action as the Python that does the same: to learn from, and to script it.

The code is complete and runs as it stands: how the server is reached, then the call. Secrets are never in it; where
one is needed the code asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping

import traitlets as t
from anywidget import AnyWidget
from pydantic import SecretStr

from trackkit.client import Server
from trackkit.domain.declared import Declaration
from trackkit.domain.options import catalogue
from trackkit.widgets.copy_button import with_copy_button

ASK = "from getpass import getpass\n\n"


class Code(AnyWidget):
    """Code behind *Show as Python*; set `code` to show other code."""

    _esm = with_copy_button("show_python.js")

    code = t.Unicode().tag(sync=True)


def python_of(call: str, server: Server | None = None) -> Code:
    """The control that reveals the code of an action.

    Parameters
    ----------
    call: the call itself, ``server.mail.hold(7)``.
    server: what it is called on; the code then begins with how it is reached.
    """
    return Code(code=whole(call, server))


def whole(call: str, server: Server | None = None) -> str:
    """The call with everything that has to stand before it."""
    lines = "import trackkit\n\n" + (f"{reached(server)}\n" if server is not None else "") + call
    return ASK + lines if "getpass(" in lines else lines


def reached(server: Server) -> str:
    """How this server is reached by this person."""
    if not server.url.startswith("http"):
        return f"server = trackkit.local({server.url!r}, username={server.username!r})"
    named = not server.url.endswith(f"://{server.name}")
    known = f", fingerprint={server.fingerprint!r}" if server.fingerprint and not named else ""
    prompt = f"Password of {server.username}: "
    return (
        f"server = trackkit.connect({(server.name if named else server.url)!r}, username={server.username!r}, "
        f"password=getpass({prompt!r}){known})"
    )


def set_options_call(changes: Mapping[str, object]) -> str:
    """`server.options.set` with these values by name; a secret is asked for."""
    if not changes:
        return "server.options.get()"
    return f"server.options.set({written(changes, catalogue())})"


def written(changes: Mapping[str, object], declared: Mapping[str, Declaration]) -> str:
    """Values by name as Python, a line each; a secret is asked for."""
    lines = [f'    "{name}": {_literal(declared[name], value)},' for name, value in changes.items()]
    return "{\n" + "\n".join(lines) + "\n}"


def _literal(info: Declaration, value: object) -> str:
    if isinstance(value, SecretStr) or (info.secret and value is not None):
        return f'getpass("{info.title}: ")'
    return repr(value)
