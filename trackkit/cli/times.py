"""Times as people write them on the command line."""

from datetime import datetime

from trackkit.domain.errors import InvalidInput


def instant(field: str, text: str | None) -> datetime | None:
    """A time as people write it; without an offset it is this machine's local time. `InvalidInput` names `field`."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise InvalidInput.of(
            field, f"is {text!r}; write 2026-01-31, 2026-01-31T14:00 or 2026-01-31T14:00+01:00"
        ) from None
