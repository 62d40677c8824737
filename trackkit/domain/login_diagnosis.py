"""The rows of the diagnosis about log-ins: at the mail host, at the provider of tokens, at the POP3 host before."""

from __future__ import annotations

from typing import Final

from trackkit.domain.evidence import Evidence, Row, failed, replied
from trackkit.domain.past import About
from trackkit.domain.reasons import Reason
from trackkit.domain.replies import Failure, Outcome, Stage
from trackkit.domain.reply_diagnosis import because


def _token_not_taken(e: Evidence) -> bool:
    return replied(Stage.login)(e) and e.options.sending.smtp.authentication == "oauth2"


def _for_now(last: Outcome) -> bool:
    return last.smtp_code is not None and 400 <= last.smtp_code < 500


LOGIN_ROWS: Final[tuple[Row, ...]] = (
    Row(
        "pop_unreachable",
        failed(Failure.pop_unreachable),
        "The POP host cannot be used",
        "Before mail is sent the server has to log in to the POP host, and that is not possible: {text}",
        "Is the POP host running, and are host and port right? Correct them, then reattempt.",
        "options.set",
        "sending.pop_before_smtp.host",
    ),
    Row(
        "pop_not_encrypted",
        failed(Failure.pop_not_encrypted),
        "The POP host does not encrypt as asked",
        "The log-in at the POP host was not tried: {text}",
        "Choose the encryption that the POP host offers (110: STARTTLS, 995: TLS from the start).",
        "options.set",
        "sending.pop_before_smtp.encryption",
    ),
    Row(
        "pop_untrusted",
        failed(Failure.pop_untrusted),
        "The POP host's certificate is not trusted",
        "The POP host shows a certificate that does not verify: {text}",
        "Install the issuing CA's certificate on the server machine, or use the name the certificate was made for.",
        "options.set",
        "sending.pop_before_smtp.host",
    ),
    Row(
        "pop_refused",
        failed(Failure.pop_refused),
        "The POP host refuses the log-in",
        "Before mail is sent the server has to log in to the POP host, which refuses that: {text}",
        "Check the POP account's name and password.",
        "options.set",
        "sending.pop_before_smtp.username",
    ),
    Row(
        "token_refused",
        failed(Failure.token_refused),
        "The provider gives out no access token",
        "The provider of the mail account refuses an access token: {text}",
        "With invalid_grant the consent is over: let the account's owner consent anew and enter the new refresh token. "
        "Else check client id, client secret and scope.",
        "options.set",
        "sending.oauth2.refresh_token",
    ),
    Row(
        "token_not_had",
        failed(Failure.token_not_had),
        "The provider of access tokens cannot be asked",
        "No access token for the mail account could be fetched: {text}",
        "Check the token URL, and that the server machine reaches it. {again}",
        "options.set",
        "sending.oauth2.token_url",
    ),
    Row(
        "login_switched_off",
        because(Reason.login_switched_off),
        "The provider does not let this account log in by SMTP",
        "{host} has log-ins by SMTP switched off for this mail account, or for its organisation: {code} {text}",
        "Have the provider's administrator allow authenticated SMTP for the mailbox and its organisation; or use "
        "another authentication (OAuth 2.0), or a relay that knows this server by its address.",
        "options.set",
        "sending.smtp.authentication",
    ),
    Row(
        "app_password",
        because(Reason.app_password),
        "The provider wants a password of its own for this",
        "{host} does not take the account's usual password: {code} {text}",
        "Make an app password at the provider and enter it here, or use OAuth 2.0.",
        "options.set",
        "sending.smtp.password",
    ),
    Row(
        "password_expired",
        because(Reason.password_expired),
        "The mail account's password has expired",
        "{host} wants a new password for the mail account: {code} {text}",
        "Set a new one at the provider and enter it here.",
        "options.set",
        "sending.smtp.password",
    ),
    Row(
        "login_blocked",
        because(Reason.login_blocked),
        "The mail account is locked",
        "{host} has locked the mail account, as after too many wrong log-ins: {code} {text}",
        "Unlock it at the provider, and check the password here; then reattempt.",
        "options.set",
        "sending.smtp.password",
    ),
    Row(
        "token_not_taken",
        _token_not_taken,
        "The host refuses the access token",
        "{host} refuses the log-in with a fresh access token: {code} {text}",
        "Check the mail account name, that the consent covers sending by SMTP (scope), and that the provider allows "
        "SMTP log-ins for this mailbox.",
        "options.set",
        "sending.oauth2.scope",
    ),
    Row(
        "login_not_offered",
        failed(Failure.login_not_offered),
        "The host offers no usable log-in",
        "{host} could not be logged in to: {text}",
        "Use an authentication that the host offers, or another encryption: many hosts offer log-in only when "
        "encrypted.",
        "options.set",
        "sending.smtp.authentication",
    ),
    Row(
        "login_not_checked",
        lambda e: replied(Stage.login)(e) and e.last is not None and e.last.reason is None and _for_now(e.last),
        "The host cannot check the log-in for now",
        "{host} has trouble with log-ins: {code} {text}",
        "{again} Tell the host's administrator if it lasts.",
        "mail.reattempt",
        about=About.host,
    ),
    Row(
        "login_refused",
        replied(Stage.login),
        "The host refuses the log-in",
        "{host} refuses the mail account's log-in: {code} {text}",
        "Check the mail account's name and password.",
        "options.set",
        "sending.smtp.username",
    ),
)
