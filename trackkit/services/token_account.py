"""What access tokens of the mail account are asked for with, and where a new refresh token is kept.

Providers replace a refresh token when it was used. The new one becomes the option's value, sealed like any secret, with
a line in the audit and in the history of options in the server's own name, all in one transaction; not if somebody has
entered another one meanwhile. The revision of the group stays, because nobody can have seen the old value: a form that
is open is not disturbed. Fails as the store does.
"""

from __future__ import annotations

from typing import Final

from pydantic import SecretStr

from trackkit.contract.options import SET
from trackkit.domain import options as declared
from trackkit.domain.errors import Unavailable
from trackkit.domain.log import Severity
from trackkit.domain.smtp_options import OAuth2Options
from trackkit.services.audit import OWN_NAME, note_own
from trackkit.services.environment import MailEnvironment
from trackkit.store import option_changes, records
from trackkit.store.database import Connection

_NAME: Final = "sending.oauth2.refresh_token"


class TokenAccount:
    """The options of OAuth 2 as the store has them."""

    def __init__(self, environment: MailEnvironment) -> None:
        self._environment = environment

    def options(self) -> OAuth2Options:
        """As they are now: another mail worker may have kept a new refresh token a moment ago."""
        environment = self._environment
        try:
            return environment.store.read(environment.options.load).sending.oauth2
        except Unavailable:
            # The engine tells of the outage; what was read last serves to go on.
            return environment.options.current.sending.oauth2

    def keep(self, used: OAuth2Options, new: SecretStr) -> None:
        """Keep the refresh token that the provider gave in place of the one in `used`."""
        environment = self._environment

        def work(connection: Connection) -> bool:
            records.group_revisions(connection, lock=True)
            old = environment.options.load(connection)
            if old.sending.oauth2 != used:
                return False
            environment.options.save(connection, old, declared.changed(old, {_NAME: new}))
            now = environment.clock()
            note_own(connection, now, SET.name, _NAME, {_NAME: "changed"})
            option_changes.add_change(
                connection,
                at=now,
                username=OWN_NAME,
                client_address="",
                operation=SET.name,
                reverts=None,
                before={_NAME: "set"},
                after={_NAME: "changed"},
            )
            return True

        if environment.store.write(work):
            environment.options.reload()
            environment.mail_changed()  # the engine must not miss what somebody else changed at the same time
            words = f"Option {_NAME} was changed: the provider of the mail account has given out a new one."
            environment.log.write(Severity.information, "options", words)
