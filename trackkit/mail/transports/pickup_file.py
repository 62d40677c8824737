"""A message as a file for a pickup folder: its envelope as fields on top, then the message.

| service | takes the envelope from |
| --- | --- |
| the SMTP service of Windows's IIS, and what copies it | ``X-Sender`` and ``X-Receiver`` before all other fields |
| Exchange's Replay folder | the same |
| Exchange's Pickup folder, which is for hand-written mail | ``To``, ``Cc`` and ``Bcc``: not meant here |

(https://learn.microsoft.com/exchange/mail-flow/pickup-directory-and-replay-directory)

Fields by which a message could change its own envelope or pretend to come from elsewhere are left out of it: those
above, the others that the Replay folder obeys, and ``Bcc``, whose recipients are in the envelope and nobody else's
business. Everything else stays as it is; lines end in CRLF, and none is longer than SMTP allows.
"""

from __future__ import annotations

import re
from typing import Final

from trackkit.domain.addresses import wire_address
from trackkit.domain.message import Envelope, wire_form
from trackkit.domain.seven_bit import converted, header_span

_LEFT_OUT: Final = re.compile(
    rb"^(?:bcc|resent-bcc|x-(?:sender|receiver|createdby|endofinjectedxheaders|extendedmessageprops|helodomain"
    rb"|legacyexch50|source|sourceipaddress))[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*",
    re.IGNORECASE | re.MULTILINE,
)


def pickup_file(envelope: Envelope, raw: bytes) -> bytes:
    """The file's content; a message that does not begin with a field is all body."""
    wire = converted(wire_form(raw), eight_bit=True)
    start, end = header_span(wire)
    fields = [("X-Sender", wire_address(envelope.mail_from) or "<>")]
    fields += [("X-Receiver", wire_address(address)) for address in envelope.rcpt_tos]
    top = "".join(f"{name}: {value}\r\n" for name, value in fields).encode("ascii")
    body = wire[end:]
    return top + _LEFT_OUT.sub(b"", wire[start:end]) + (b"" if body.startswith(b"\r\n") else b"\r\n") + body
