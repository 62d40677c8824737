"""Well-known providers of mailboxes: the host that takes their customers' mail, and what its log-in needs.

A provider is found by the domain of the address, or by the mail hosts (MX) of a domain that is its customer. The
provider's page that says it is named beside each row, to be looked at when a row does not work any more. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from trackkit.domain.smtp_options import Authentication

_APP_PASSWORD: Final = "It takes no account password here: make an app password in the account's security settings."
_APPLICATION: Final = (
    "Microsoft takes tokens (OAuth 2): register an application that may send by SMTP, and have the account's owner "
    "consent. Passwords are taken only where the tenant's administrator still allows them."
)
_SCOPE: Final = "https://outlook.office.com/SMTP.Send offline_access"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider.

    Parameters
    ----------
    ports: best first; 465 is TLS from the start, 587 STARTTLS.
    domains: those of its own addresses.
    mx: endings of the names of its mail hosts.
    note: what whoever logs in has to know.
    """

    name: str
    host: str
    ports: tuple[int, ...] = (465, 587)
    domains: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()
    note: str = ""
    authentication: Authentication = "basic"
    token_url: str | None = None
    scope: str | None = None


PROVIDERS: Final = (
    # support.google.com/mail/answer/7104828, developers.google.com/workspace/gmail/imap/imap-smtp
    Provider(
        "Google",
        "smtp.gmail.com",
        domains=("gmail.com", "googlemail.com"),
        mx=("google.com", "googlemail.com"),
        note=f"{_APP_PASSWORD} Or log in by token: OAuth 2 with https://oauth2.googleapis.com/token.",
    ),
    # help.aol.com/articles/download-your-email-from-aol-mail-with-imap-or-pop3; before Yahoo, whose hosts it uses
    Provider("AOL", "smtp.aol.com", domains=("aol.com",), note=_APP_PASSWORD),
    # help.yahoo.com/kb/SLN4724.html
    Provider(
        "Yahoo",
        "smtp.mail.yahoo.com",
        domains=("yahoo.com", "yahoo.de", "yahoo.co.uk", "yahoo.fr", "ymail.com", "rocketmail.com"),
        mx=("yahoodns.net",),
        note=_APP_PASSWORD,
    ),
    # support.microsoft.com/office/pop-imap-and-smtp-settings-for-outlook-com-d088b986-291d-42b8-9564-9c414e2aa040
    Provider(
        "Outlook.com",
        "smtp-mail.outlook.com",
        (587,),
        domains=("outlook.com", "outlook.de", "hotmail.com", "hotmail.de", "live.com", "msn.com"),
        mx=("olc.protection.outlook.com",),
        note=_APPLICATION,
        authentication="oauth2",
        token_url="https://login.microsoftonline.com/consumers/oauth2/v2.0/token",
        scope=_SCOPE,
    ),
    # learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-
    # by-using-oauth, learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-
    # submission
    Provider(
        "Microsoft 365",
        "smtp.office365.com",
        (587,),
        mx=("mail.protection.outlook.com", "mx.microsoft"),
        note=f"{_APPLICATION} An application that sends in its own name needs the tenant's id in the token URL.",
        authentication="oauth2",
        token_url="https://login.microsoftonline.com/organizations/oauth2/v2.0/token",
        scope=_SCOPE,
    ),
    # support.apple.com/102525
    Provider(
        "iCloud",
        "smtp.mail.me.com",
        (587,),
        domains=("icloud.com", "me.com", "mac.com"),
        mx=("mail.icloud.com",),
        note=_APP_PASSWORD,
    ),
    # hilfe.gmx.net/pop-imap, support.gmx.com/pop-imap
    Provider(
        "GMX",
        "mail.gmx.net",
        domains=("gmx.de", "gmx.net", "gmx.at", "gmx.ch"),
        mx=("gmx.net",),
        note="POP3 and IMAP have to be switched on in the account's settings before it takes mail from programs.",
    ),
    Provider("GMX", "mail.gmx.com", domains=("gmx.com", "gmx.us", "gmx.co.uk")),
    # hilfe.web.de/pop-imap
    Provider(
        "WEB.DE",
        "smtp.web.de",
        (587,),
        domains=("web.de",),
        mx=("web.de",),
        note="POP3 and IMAP have to be switched on in the account's settings before it takes mail from programs.",
    ),
    # www.zoho.com/mail/help/zoho-smtp.html: smtp.zoho.com for personal accounts, smtppro for domains of one's own
    Provider("Zoho", "smtp.zoho.com", domains=("zohomail.com", "zoho.com"), note=_APP_PASSWORD),
    Provider("Zoho (EU)", "smtppro.zoho.eu", mx=("zoho.eu",), note=_APP_PASSWORD),
    Provider("Zoho", "smtppro.zoho.com", mx=("zoho.com",), note=_APP_PASSWORD),
    # www.fastmail.help/hc/en-us/articles/1500000278342
    Provider(
        "Fastmail",
        "smtp.fastmail.com",
        domains=("fastmail.com", "fastmail.fm"),
        mx=("messagingengine.com",),
        note=_APP_PASSWORD,
    ),
    # proton.me/support/smtp-submission
    Provider(
        "Proton",
        "smtp.protonmail.ch",
        (587,),
        domains=("proton.me", "protonmail.com", "pm.me"),
        mx=("protonmail.ch",),
        note="It takes mail from programs only for paid accounts with a domain of their own, with an SMTP token made "
        "in the account's settings. Otherwise Proton Bridge has to run on the server machine (127.0.0.1, port 1025).",
    ),
    # kb.mailbox.org/en/private/e-mail/e-mail-settings
    Provider("mailbox.org", "smtp.mailbox.org", domains=("mailbox.org",), mx=("mailbox.org",)),
    # posteo.de/en/help/how-do-i-set-up-posteo-in-an-email-client-pop3-imap-and-smtp
    Provider("Posteo", "posteo.de", domains=("posteo.de", "posteo.net"), mx=("posteo.de",)),
    # www.t-online.de/hilfe: Server fuer E-Mail-Programme
    Provider(
        "Telekom",
        "securesmtp.t-online.de",
        domains=("t-online.de", "magenta.de"),
        mx=("t-online.de",),
        note="It wants the password for e-mail programs, made in the customer centre.",
    ),
    # www.ionos.de/hilfe, www.ionos.com/help: server information for IMAP, POP3 and SMTP
    Provider("IONOS", "smtp.ionos.de", mx=("kundenserver.de", "ionos.de")),
    Provider("IONOS", "smtp.ionos.com", mx=("ionos.com", "perfora.net")),
    # help.ovhcloud.com: general e-mail settings (MX Plan)
    Provider("OVHcloud", "ssl0.ovh.net", mx=("mail.ovh.net",)),
    # yandex.com/support/yandex-360/customers/mail/en/mail-clients/others
    Provider(
        "Yandex", "smtp.yandex.com", (465,), domains=("yandex.com", "yandex.ru"), mx=("yandex.net",), note=_APP_PASSWORD
    ),
)


def of_domain(domain: str) -> Provider | None:
    """The provider whose own addresses end in that domain."""
    return next((one for one in PROVIDERS if domain in one.domains), None)


def of_mail_hosts(hosts: Iterable[str]) -> Provider | None:
    """The provider that these mail hosts of a domain belong to; they come best first."""
    for host in hosts:
        labels = host.lower().rstrip(".").split(".")
        endings = {".".join(labels[at:]) for at in range(len(labels))}
        # The longest ending that fits says most: olc.protection.outlook.com is not Microsoft 365.
        fitting = [(len(ending), one) for one in PROVIDERS for ending in one.mx if ending in endings]
        if fitting:
            return max(fitting, key=lambda pair: pair[0])[1]
    return None
