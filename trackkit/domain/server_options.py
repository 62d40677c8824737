"""The options of how the server is reached, how long sessions last unused, and what its log-in page says."""

from __future__ import annotations

import unicodedata

from pydantic import field_validator

from trackkit.domain.declared import Group, declare


class ServerOptions(Group):
    """How the server is reached."""

    encrypt: bool = declare(
        True,
        title="Encrypt messages between client and server",
        restart=True,
        help="TLS for everything between clients and this server; it costs little time. Some countries restrict the "
        "export of encryption. Off is possible only while the server listens on this machine alone, or where the "
        "server machine itself allows it.",
    )
    port: int = declare(
        8470,
        title="Port",
        ge=1,
        le=65535,
        restart=True,
        help="The port clients connect to. `--port` at the start wins over it. Clients' connections must be edited "
        "after a change.",
    )
    web_idle_minutes: int = declare(
        30,
        title="Idle time-out of the web client",
        unit="minutes",
        ge=1,
        le=10080,
        help="A project session of the web client that is not used for so long is ended.",
    )
    api_idle_minutes: int = declare(
        60,
        title="Idle time-out of the API",
        unit="minutes",
        ge=1,
        le=10080,
        help="A project session of a script that is not used for so long is ended.",
    )
    native_idle_minutes: int = declare(
        60,
        title="Idle time-out of native clients",
        unit="minutes",
        ge=1,
        le=10080,
        help="A project session of a native client that is not used for so long is ended.",
    )
    admin_idle_minutes: int = declare(
        60,
        title="Idle time-out of admin sessions",
        unit="minutes",
        ge=1,
        le=10080,
        help="An admin session that is not used for so long is ended. An automatic refresh is not use.",
    )
    login_text: str = declare(
        "",
        title="Text on the log-in page",
        max_length=65,
        help="Stands above the log-in form of the dashboards and the web client, where everybody can read it. Plain "
        "text in one line, 65 characters at most; line ends become blanks, and what cannot be seen is left out.",
    )

    @field_validator("login_text", mode="before")
    @classmethod
    def _one_visible_line(cls, value: object) -> object:
        return visible_line(value) if isinstance(value, str) else value


def visible_line(text: str) -> str:
    """A text for people in one line: blanks of any kind become one blank, characters that cannot be seen go."""
    words = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(character for character in words if character.isprintable())
