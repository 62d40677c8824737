"""Trying a template out with a record that one may view; nothing is stored or sent."""

from __future__ import annotations

from trackkit.contract import project_mail as contract
from trackkit.domain.errors import InvalidInput
from trackkit.domain.project.kind import Kind, named_record
from trackkit.domain.project.kinds import KINDS
from trackkit.domain.project.templates import Person, TemplateRefused, Written, faults_of, names_of, write
from trackkit.services.environment import Call
from trackkit.services.project_items import existing, project_of
from trackkit.services.project_templates import about, person_of
from trackkit.store import project_items
from trackkit.store.database import Connection
from trackkit.store.project_items import ItemRow


def preview_template(call: Call, request: contract.PreviewTemplate) -> contract.TemplatePreview:
    """What a template makes of a record that the caller may view; nothing is stored or sent."""
    info = KINDS[request.record_kind]
    if not info.record:
        raise InvalidInput.of("record_kind", "is no kind of record")
    project = project_of(call, request.record_kind, "view")

    def work(connection: Connection) -> tuple[ItemRow | None, Person]:
        me = person_of(connection, call.actor.username)
        if request.record is not None:
            return existing(connection, info, str(_number_in(request.record, request.record_kind))), me
        newest = project_items.page(connection, info, descending=True, limit=1)
        return (newest[0] if newest else None), me

    record, me = project.read(work)
    mail, faults = Written("", ""), faults_of(request.subject, request.body, request.record_kind)
    if record is not None:
        try:
            mail = write(request.subject, request.body, about(project.row, record, me))
        except TemplateRefused as error:
            faults = error.faults
    return contract.TemplatePreview(
        record=f"{record.kind} {record.number}" if record else "",
        subject=mail.subject,
        text=mail.text,
        problems=tuple(contract.TemplateProblem(field=one.field, line=one.line, words=one.words) for one in faults),
        names=names_of(request.record_kind),
    )


def _number_in(record: str, kind: Kind) -> int:
    """The number in ``defect 12``, or ``12``."""
    said, number = named_record(f"{kind} {record}" if record.strip().isdigit() else record)
    if said is not kind:
        raise InvalidInput.of("record", f"is no {KINDS[kind].title.lower()}")
    return number
