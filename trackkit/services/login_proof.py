"""The proof of an earlier log-in: it tells a browser apart from strangers who share its address.

To a server all visitors of the dashboards come from one address. A browser that has logged in to an account keeps the
proof of it, sealed with the server's key and bound to that account; with it, tries are counted by browser. It opens
nothing by itself, and one that does not hold (forged, of another account, sealed with an older key) counts as none.
"""

from __future__ import annotations

import secrets

from pydantic import SecretStr

from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def known_browser(call: Call, account: str, shown: SecretStr | None) -> str:
    """The name of a browser that proves an earlier log-in to that account; empty without a proof that holds.

    Parameters
    ----------
    account: realm and name, as tries are counted (`Attempt.account`); short and one line.
    """
    if shown is None:
        return ""
    try:
        opened = call.environment.sealer.open(account, shown.get_secret_value().encode())
    except Unavailable:
        return ""
    return opened.get_secret_value()


def proof_of(call: Call, account: str, shown: SecretStr | None) -> str:
    """The proof of this log-in: the one that was shown goes on, so that a browser keeps its name.

    Through the local socket no password is tried, and there is nothing to prove.
    """
    if call.actor.local:
        return ""
    browser = SecretStr(known_browser(call, account, shown) or secrets.token_hex(8))
    return call.environment.sealer.seal(account, browser).decode()
