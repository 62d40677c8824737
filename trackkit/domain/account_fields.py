"""The fields of server users, API tokens and one's own password, declared once for every form.

The bounds are those of `domain.accounts`, by which the server decides.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import SecretStr

from trackkit.domain.accounts import MAXIMUM_PASSWORD, MAXIMUM_USERNAME, MINIMUM_PASSWORD, WITHOUT_PASSWORD
from trackkit.domain.declared import Group, declare

MAXIMUM_TOKEN_DAYS: Final = 3660

RoleName = Literal["viewer", "operator", "admin"]


class ServerUser(Group):
    """A server user."""

    username: str = declare(
        ..., title="User name", min_length=1, max_length=MAXIMUM_USERNAME, help="Upper and lower case are the same."
    )
    role: RoleName = declare(
        "viewer",
        title="Role",
        help="A viewer sees, an operator besides works with mail, project sessions, backups and tasks, an admin may "
        "do everything.",
    )
    password: SecretStr | None = declare(
        None,
        title="Password",
        max_length=MAXIMUM_PASSWORD,
        help=f"At least {MINIMUM_PASSWORD} characters, strongly recommended. {WITHOUT_PASSWORD}",
    )


class ApiToken(Group):
    """An API token of one's own."""

    name: str = declare(
        ..., title="Token name", min_length=1, max_length=MAXIMUM_USERNAME, help="What it is for, to tell it apart."
    )
    role: RoleName = declare("viewer", title="Token role", help="What scripts may do with it; no higher than yours.")
    days: int | None = declare(
        90,
        title="Expires after",
        unit="days",
        ge=1,
        le=MAXIMUM_TOKEN_DAYS,
        help="Empty: never, until it is revoked.",
    )


class OwnPassword(Group):
    """A change of one's own password."""

    present: SecretStr | None = declare(
        None, title="Present password", max_length=MAXIMUM_PASSWORD, help="Empty where there is none yet."
    )
    new: SecretStr = declare(
        ..., title="New password", max_length=MAXIMUM_PASSWORD, help=f"At least {MINIMUM_PASSWORD} characters."
    )
