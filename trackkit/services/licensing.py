"""Licenses on this server: what is entered, what it gives, and entering, replacing and deleting serials.

What a license gives is read from its serial each time and its signature verified with the keys of the machine, so that
a row somebody writes into the database gives nothing. Maintenance that ends is warned about ahead and on the day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from trackkit.contract import licenses as contract
from trackkit.contract.operation import Nothing
from trackkit.domain import licenses as rules
from trackkit.domain.errors import NotFound, SerialForged, TrackkitError
from trackkit.domain.licenses import EVALUATION_SEATS, License, LicenseKind
from trackkit.domain.log import Severity
from trackkit.domain.seats import Pool
from trackkit.services.environment import Call, Environment
from trackkit.services.expiry import today, warn_once
from trackkit.store import licenses, project_sessions
from trackkit.store.database import Connection
from trackkit.store.licenses import LicenseRow

SOURCE: Final = "licenses"
_WARNED: Final = "license warned "


@dataclass(frozen=True, slots=True)
class Entered:
    """A license of the list. `license` is none for the evaluation license, and where the serial cannot be read."""

    row: LicenseRow
    license: License | None
    problem: str = ""

    @property
    def seats(self) -> Mapping[LicenseKind, int]:
        """What it gives here."""
        if self.problem:
            return {}
        return {self.license.kind: self.license.seats} if self.license else EVALUATION_SEATS


def entered(environment: Environment, connection: Connection) -> list[Entered]:
    """Every license of the list as it counts now."""
    return [_read(environment, row) for row in licenses.all_licenses(connection)]


def seats_by_kind(held: Sequence[Entered]) -> Counter[LicenseKind]:
    """How many seats of each kind all of them give together."""
    found: Counter[LicenseKind] = Counter()
    for one in held:
        found.update(one.seats)
    return found


def licenses_that_count(held: Sequence[Entered]) -> list[License]:
    """The licenses with a serial that counts."""
    return [one.license for one in held if one.license and not one.problem]


def read_serial(environment: Environment, serial: SecretStr) -> License:
    """What a serial says; see `domain.licenses.read_serial`."""
    return _verified(serial.get_secret_value(), environment.license_keys)


@lru_cache(maxsize=1_000)
def _verified(serial: str, keys: tuple[bytes, ...]) -> License:
    return rules.read_serial(serial, keys)


def _read(environment: Environment, row: LicenseRow) -> Entered:
    if row.serial is None:
        return Entered(row, None)
    try:
        license = _verified(row.serial, environment.license_keys)
    except SerialForged:
        return Entered(row, None, "None of the keys this server accepts signed it (any more).")
    except TrackkitError as error:
        return Entered(row, None, error.message)
    try:
        rules.check_usable(license, UUID(environment.server_id), today(environment))
    except TrackkitError as error:
        return Entered(row, license, f"It {error.problems[0].message}.")
    return Entered(row, license)


def view(one: Entered) -> contract.License:
    """A license as it travels."""
    license = one.license
    return contract.License(
        license_id=one.row.id,
        number=license.name if license else "",
        evaluation=one.row.serial is None,
        seats={license.kind: license.seats} if license else dict(one.seats),
        issued_on=license.issued_on if license else None,
        maintenance_until=license.maintenance_until if license else None,
        problem=one.problem,
        added_at=one.row.added_at,
        added_by=one.row.added_by,
    )


def pool_uses(environment: Environment, connection: Connection) -> tuple[contract.PoolUse, ...]:
    """Seats of each pool that has any, and how many are taken."""
    capacity = seats_by_kind(entered(environment, connection))
    taken = Counter(session.pool for session in project_sessions.all_sessions(connection))
    found = {pool: capacity.get(LicenseKind(pool.value), 0) for pool in (Pool.floating, Pool.web)}
    found[Pool.dedicated] = taken[Pool.dedicated]  # each brings its own
    options = environment.options.current.server
    return tuple(
        contract.PoolUse(
            pool=pool,
            seats=seats,
            in_use=taken[pool],
            idle_minutes=options.web_idle_minutes if pool is Pool.web else options.native_idle_minutes,
        )
        for pool, seats in found.items()
    )


def list_licenses(call: Call, request: Nothing) -> contract.Licenses:
    """Everything that is entered, and what it gives."""
    environment = call.environment

    def work(connection: Connection) -> contract.Licenses:
        held = entered(environment, connection)
        return contract.Licenses(
            licenses=tuple(map(view, held)),
            pools=pool_uses(environment, connection),
            solosubmit=bool(seats_by_kind(held)[LicenseKind.solosubmit]),
            server_id=environment.server_id,
            accepted_keys=tuple(map(rules.public_key_text, environment.license_keys)),
        )

    return environment.store.read(work)


def add_license(call: Call, request: contract.AddLicense) -> contract.License:
    """Enter a serial."""
    license = _told_if_forged(call, request.serial)
    serial = rules.normal_form(request.serial.get_secret_value())

    def work(connection: Connection) -> contract.License:
        _check(call, connection, license)
        if request.preview:
            return view(Entered(LicenseRow(0, serial, call.now, call.actor.username), license))
        license_id = licenses.add_license(connection, serial, call.actor.username, call.now)
        call.audit(connection, contract.ADD.name, license.name, after=_texts(license))
        return view(Entered(LicenseRow(license_id, serial, call.now, call.actor.username), license))

    return _done(call, work, request.preview, f"The license {license.name} was entered.")


def edit_license(call: Call, request: contract.EditLicense) -> contract.License:
    """Put another serial in the place of one."""
    license = _told_if_forged(call, request.serial)
    serial = rules.normal_form(request.serial.get_secret_value())

    def work(connection: Connection) -> contract.License:
        before = _named(call.environment, connection, request.license_id)
        _check(call, connection, license, replaced=before.row.id)
        row = LicenseRow(before.row.id, serial, call.now, call.actor.username)
        if not request.preview:
            licenses.replace_serial(connection, row.id, serial, row.added_by, call.now)
            texts = _texts(before.license) if before.license else {"license": "evaluation"}
            call.audit(connection, contract.EDIT.name, license.name, texts, _texts(license))
        return view(Entered(row, license))

    return _done(call, work, request.preview, f"The serial of a license was replaced by that of {license.name}.")


def delete_license(call: Call, request: contract.DeleteLicense) -> contract.Deleted:
    """Take a license out; who holds a seat keeps it."""

    def work(connection: Connection) -> contract.Deleted:
        gone = _named(call.environment, connection, request.license_id)
        pools = {use.pool.value: use.in_use for use in pool_uses(call.environment, connection)}
        if not request.preview:
            licenses.delete_license(connection, gone.row.id)
            texts = _texts(gone.license) if gone.license else {"license": "evaluation"}
            call.audit(connection, contract.DELETE.name, gone.license.name if gone.license else "evaluation", texts)
        return contract.Deleted(license=view(gone), in_use=sum(pools.get(kind.value, 0) for kind in gone.seats))

    deleted = call.environment.store.write(work)
    if not request.preview:
        name = deleted.license.number or "for evaluation"
        call.log(Severity.information, SOURCE, f"The license {name} was deleted.")
    return deleted


def _done(call: Call, work: Callable[[Connection], contract.License], preview: bool, words: str) -> contract.License:
    done = call.environment.store.write(work)
    if not preview:
        call.log(Severity.information, SOURCE, words)
        warn_of_maintenance(call.environment)
    return done


def _told_if_forged(call: Call, serial: SecretStr) -> License:
    try:
        return read_serial(call.environment, serial)
    except SerialForged:
        call.log(Severity.unusual_activity, SOURCE, "A forged serial was entered.")
        raise


def _named(environment: Environment, connection: Connection, license_id: int) -> Entered:
    found = next((one for one in entered(environment, connection) if one.row.id == license_id), None)
    if found is None:
        raise NotFound(f"There is no license {license_id} (any more).", "List them again.")
    return found


def _check(call: Call, connection: Connection, license: License, *, replaced: int | None = None) -> None:
    environment = call.environment
    others = [one for one in entered(environment, connection) if one.row.id != replaced]
    present = [one.license for one in others if one.license]
    rules.check_entered(license, UUID(environment.server_id), today(environment), present)


def _texts(license: License) -> dict[str, str]:
    until = license.maintenance_until
    return {
        "number": license.name,
        "kind": license.kind,
        "seats": str(license.seats),
        "maintenance until": str(until) if until else "without maintenance",
    }


def warn_of_maintenance(environment: Environment) -> None:
    """Warn of the entered licenses whose maintenance ends; each is told once at each stage."""
    for license in licenses_that_count(environment.store.read(lambda connection: entered(environment, connection))):
        warn_of(environment, license)


def warn_of(environment: Environment, license: License) -> None:
    """Warn of one license, once at each stage."""
    if license.maintenance_until is None:
        return
    fact = f"{_WARNED}{license.number:016X}"
    warn_once(
        environment, fact, license.maintenance_until, SOURCE, lambda stage: rules.maintenance_words(license, stage)
    )
