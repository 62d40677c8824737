"""Every operation there is, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from trackkit.contract import (
    audit,
    databases,
    email_answers,
    inbox,
    jobs,
    licenses,
    log,
    log_filters,
    mail,
    mail_bulk,
    mail_diagnoses,
    mail_groups,
    mail_history,
    mail_tests,
    mail_workers,
    options,
    project,
    project_mail,
    server,
    sessions,
    suggest,
    tasks,
    tracking,
    trust,
    users,
)
from trackkit.contract.operation import Operation

OPERATIONS: Mapping[str, Operation[Any, Any]] = MappingProxyType(
    {
        operation.name: operation
        for module in (
            *(server, sessions, users, options, databases, licenses, jobs, tasks, project, project_mail, tracking),
            *(
                inbox,
                email_answers,
                mail_history,
                mail_bulk,
                mail_groups,
                mail_workers,
                mail_diagnoses,
                mail_tests,
                mail,
                suggest,
                trust,
                log,
                log_filters,
                audit,
            ),
        )
        for operation in module.OPERATIONS
    }
)
