"""From a host's name to a connected socket, for every protocol that is spoken over it.

Fails with `NotOpened`, carrying the outcome for whatever was to be sent. It never leaves `trackkit.mail`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import cast

from trackkit.domain.reasons import Reason
from trackkit.domain.replies import Failure, Outcome, Stage, Verdict
from trackkit.mail.conversation import Conversation
from trackkit.mail.route import PopAccount, Route

_SEND_BUFFER = 256 * 1024
"""Bytes that the system holds for a host. With megabytes a slow line would look like a silent host: the last reply
would be given up while the message is still on its way."""

_NO_WAY = (errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)
"""This machine's own network knows no way to an address."""


class NotOpened(Exception):
    """The connection could not be opened."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


async def connected(route: Route | PopAccount, deadline: float, conversation: Conversation) -> socket.socket:
    """A socket connected to the first of the host's addresses that answers; they share the time there is.

    Raises `NotOpened`.
    """
    loop = asyncio.get_running_loop()
    found = await _resolved(route, deadline, conversation)
    conversation.reached(Stage.connect, route.label)
    problems: dict[str, Failure] = {}
    down = 0
    for number, (family, kind, protocol, _, address) in enumerate(found):
        patience = (deadline - loop.time()) / (len(found) - number)
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:  # this machine knows no such addresses (IPv6), or has no more descriptors
            problems[f"{address[0]}: {_reason(error)}"] = Failure.refused
            down += error.errno == errno.EAFNOSUPPORT
            continue
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            async with asyncio.timeout(patience):
                await loop.sock_connect(sock, address)
        except TimeoutError:
            problems[f"{address[0]} did not answer within {patience:.0f} seconds"] = Failure.timed_out
        except OSError as error:
            problems[f"{address[0]}: {_reason(error)}"] = Failure.refused
            down += error.errno in _NO_WAY
        except BaseException:
            sock.close()
            raise
        else:
            conversation.note(f"connected to {route.label} ({address[0]})")
            return sock
        sock.close()
    text = "; ".join(problems)
    conversation.note(text)
    failure = Failure.refused if Failure.refused in problems.values() else Failure.timed_out
    reason = Reason.network_down if down == len(found) else None
    raise NotOpened(Outcome(Verdict.temporary, Stage.connect, failure, text=text, reason=reason))


def _reason(error: OSError) -> str:
    """The system's word for it; the event loops put their own, longer ones into `strerror`."""
    return os.strerror(error.errno).lower() if error.errno else str(error)


_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]


def _address(text: str, port: int) -> _Address:
    if ":" in text:
        return socket.AF_INET6, socket.SOCK_STREAM, 0, "", (text, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, 0, "", (text, port)


async def _resolved(route: Route | PopAccount, deadline: float, conversation: Conversation) -> list[_Address]:
    loop = asyncio.get_running_loop()
    reason: Reason | None = None
    if route.addresses:
        return [_address(text, route.port) for text in route.addresses]
    conversation.reached(Stage.name, route.label)
    try:
        async with asyncio.timeout_at(deadline):
            return cast(list[_Address], await loop.getaddrinfo(route.host, route.port, type=socket.SOCK_STREAM))
    except TimeoutError:
        text, failure = f"the DNS did not answer within {route.connect_timeout:g} seconds", Failure.timed_out
        reason = Reason.dns_down
    except OSError as error:
        text, failure = f"{route.host}: {error.strerror or error}", Failure.name_not_resolved
        reason = Reason.dns_down if error.errno == socket.EAI_AGAIN else None
    except UnicodeError:
        # Labels that are empty or too long fail in the encoder, before the DNS is asked.
        text, failure = f"{route.host!a} cannot be a host name", Failure.name_not_resolved
    conversation.note(text)
    raise NotOpened(Outcome(Verdict.temporary, Stage.name, failure, text=conversation.clean(text), reason=reason))
