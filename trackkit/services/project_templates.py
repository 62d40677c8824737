"""SKELETON: to be built."""

from __future__ import annotations

from trackkit.contract import project_mail as contract
from trackkit.domain.errors import Unavailable
from trackkit.services.environment import Call


def preview_template(call: Call, request: contract.PreviewTemplate) -> contract.TemplatePreview:
    """SKELETON."""
    raise Unavailable("Not built yet.", "")
