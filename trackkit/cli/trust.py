"""``trackkit trust``: certificates of mail hosts that do not verify, and those that are trusted all the same."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trackkit.cli.asking import Yes, confirm
from trackkit.cli.choosing import on_server
from trackkit.cli.output import AsJson, json_of, local_time, say, table
from trackkit.domain.errors import NotFound

if TYPE_CHECKING:
    from trackkit.client import Server
    from trackkit.contract.trust import Trusted, TrustList, Untrusted

app = typer.Typer(
    no_args_is_help=True,
    help="Certificates of mail hosts. A trusted certificate is believed at its host and port whatever it says; of an "
    "authority what it issued is believed, names and dates verified.",
)

Id = Annotated[int, typer.Argument(metavar="ID", help="From `trackkit trust list`.")]
Host = Annotated[
    str, typer.Option("--host", help="The mail host it is for; without it an authority is for every host.")
]
Port = Annotated[int, typer.Option("--port", help="The mail host's port.", min=0, max=65535)]


@app.command("list")
@on_server
def list_trust(server: "Server", as_json: AsJson = False) -> None:
    """List certificates that did not verify, then those that are trusted."""
    found = server.trust.list()
    if as_json:
        json_of(found)
        return
    from trackkit.client.trust_words import validity
    from trackkit.domain.trust import where

    table(
        ("Id", "Untrusted at", "Subject", "Issuer", "Valid", "Names", "Last seen", "Times", "Reason", "SHA-256"),
        [
            (
                *(one.certificate_id, where(one.host, one.port), one.subject, one.issuer, validity(one)),
                *(", ".join(one.names), local_time(one.last_seen_at), one.times),
                *(f"{one.words} ({one.details}) {one.refusal}".strip(), one.fingerprint),
            )
            for one in found.untrusted
        ],
        empty="Every certificate of a mail host has verified, or is trusted.",
        wrap=("Subject", "Issuer", "Names", "Reason", "SHA-256"),
    )
    say()
    table(
        ("Id", "Trusted for", "Kind", "Subject", "Valid", "Trusted", "By", "SHA-256"),
        [
            (
                *(one.certificate_id, where(one.host, one.port), "authority" if one.is_authority else "certificate"),
                *(one.subject, validity(one), local_time(one.trusted_at), one.trusted_by, one.fingerprint),
            )
            for one in found.trusted
        ],
        empty="No certificate is trusted besides those that verify.",
        wrap=("Subject", "SHA-256"),
    )


@app.command()
@on_server
def add(server: "Server", certificate_id: Id, yes: Yes = False, as_json: AsJson = False) -> None:
    """Trust a certificate that did not verify, for its host and port (asks first)."""
    from trackkit.client import trust_words

    one = next((one for one in server.trust.untrusted() if one.certificate_id == certificate_id), None)
    if one is not None and not one.refusal:
        confirm(trust_words.trust_question(one), yes)
    done = server.trust.add(certificate_id)
    if as_json:
        json_of(done)
    else:
        say(trust_words.added(done))


@app.command()
@on_server
def upload(
    server: "Server",
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The certificate, PEM or DER.")],
    host: Host = "",
    port: Port = 0,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Trust a certificate or an authority from a file (asks first)."""
    from trackkit.client import trust_words

    confirm(trust_words.upload_question(server.trust.upload(file, host, port, preview=True).certificate), yes)
    done = server.trust.upload(file, host, port)
    if as_json:
        json_of(done)
    else:
        say(trust_words.added(done))


@app.command()
@on_server
def remove(server: "Server", certificate_id: Id, yes: Yes = False) -> None:
    """Trust a certificate no more, or take one that did not verify out of the list (asks first)."""
    from trackkit.client import trust_words

    confirm(trust_words.remove_question(_one(server.trust.list(), certificate_id)), yes)
    say(trust_words.removed(server.trust.remove(certificate_id)))


def _one(found: "TrustList", certificate_id: int) -> "Untrusted | Trusted":
    both: list[Untrusted | Trusted] = [*found.untrusted, *found.trusted]
    for one in both:
        if one.certificate_id == certificate_id:
            return one
    raise NotFound(f"There is no certificate {certificate_id} (any more).", "List them: trackkit trust list.")
