"""SKELETON: to be built."""

from __future__ import annotations

from trackkit.contract import project_mail as contract
from trackkit.contract.operation import Done
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def list_emails(call: Call, request: contract.ListEmails) -> contract.Emails:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")


def show_email(call: Call, request: contract.NamedEmail) -> contract.EmailDetail:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")


def raw_email(call: Call, request: contract.NamedEmail) -> contract.RawEmail:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")


def email_file(call: Call, request: contract.NamedEmailFile) -> contract.EmailFileContent:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")


def delete_email(call: Call, request: contract.NamedEmail) -> Done:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")
