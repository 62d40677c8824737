"""Which use case answers which operation. A server refuses to start while one has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from trackkit.contract import audit as audit_contract
from trackkit.contract import databases as databases_contract
from trackkit.contract import email_answers as email_answers_contract
from trackkit.contract import inbox as inbox_contract
from trackkit.contract import jobs as jobs_contract
from trackkit.contract import licenses as licenses_contract
from trackkit.contract import log as log_contract
from trackkit.contract import log_filters as log_filters_contract
from trackkit.contract import mail as mail_contract
from trackkit.contract import mail_bulk as mail_bulk_contract
from trackkit.contract import mail_diagnoses as mail_diagnoses_contract
from trackkit.contract import mail_groups as mail_groups_contract
from trackkit.contract import mail_history as mail_history_contract
from trackkit.contract import mail_tests as mail_tests_contract
from trackkit.contract import mail_workers as mail_workers_contract
from trackkit.contract import options as options_contract
from trackkit.contract import project as project_contract
from trackkit.contract import project_mail as project_mail_contract
from trackkit.contract import server as server_contract
from trackkit.contract import sessions as sessions_contract
from trackkit.contract import suggest as suggest_contract
from trackkit.contract import tasks as tasks_contract
from trackkit.contract import tracking as tracking_contract
from trackkit.contract import trust as trust_contract
from trackkit.contract import users as users_contract
from trackkit.contract.operation import Operation, RequestT, ResponseT
from trackkit.services import (
    accounts,
    audit,
    authentication,
    backups,
    compacting,
    database_copies,
    databases,
    email_answers,
    health,
    inbox,
    inbox_replay,
    job_requests,
    licensing,
    log,
    log_export,
    log_filters,
    log_startup,
    mail,
    mail_ages,
    mail_bulk,
    mail_diagnoses,
    mail_groups,
    mail_history,
    mail_listing,
    mail_recipients,
    mail_tests,
    mail_workers,
    option_files,
    option_history,
    options,
    project_emails,
    project_files,
    project_import,
    project_items,
    project_login,
    project_mail_settings,
    project_sending,
    round_trip,
    seat_reports,
    sessions,
    submissions,
    suggesting,
    tasks,
    template_preview,
    tracking_check,
    tracking_keys,
    tracking_status,
    tracking_tests,
    trust,
)
from trackkit.services.environment import Call


@dataclass(frozen=True, slots=True)
class Binding:
    """An operation with the use case that answers it."""

    operation: Operation[Any, Any]
    handler: Callable[[Call, Any], Any]


def _bind(operation: Operation[RequestT, ResponseT], handler: Callable[[Call, RequestT], ResponseT]) -> Binding:
    return Binding(operation, handler)


_ALL = (
    _bind(server_contract.INFO, health.info),
    _bind(server_contract.HEALTH, health.health),
    _bind(server_contract.LOGIN, authentication.open_session),
    _bind(server_contract.CURRENT, authentication.current_session),
    _bind(server_contract.LOGOUT, authentication.close_session),
    _bind(server_contract.SETUP_CODE, authentication.issue_setup_code),
    _bind(server_contract.SETUP, authentication.complete_setup),
    _bind(sessions_contract.LIST, sessions.list_sessions),
    _bind(sessions_contract.END, sessions.end_session),
    _bind(users_contract.LIST, accounts.list_users),
    _bind(users_contract.ADD, accounts.add_user),
    _bind(users_contract.EDIT, accounts.edit_user),
    _bind(users_contract.DELETE, accounts.delete_user),
    _bind(users_contract.PASSWORD, accounts.change_password),
    _bind(users_contract.TOKENS, accounts.list_tokens),
    _bind(users_contract.ADD_TOKEN, accounts.add_token),
    _bind(users_contract.DELETE_TOKEN, accounts.delete_token),
    _bind(options_contract.GET, options.get_options),
    _bind(options_contract.SET, options.set_options),
    _bind(options_contract.EXPORT, option_files.export_options),
    _bind(options_contract.PLAN, option_files.plan_options),
    _bind(options_contract.APPLY, option_files.apply_options),
    _bind(options_contract.HISTORY, option_history.list_changes),
    _bind(options_contract.PLAN_REVERT, option_history.plan_revert),
    _bind(options_contract.REVERT, option_history.revert_options),
    _bind(project_mail_contract.LIST, project_emails.list_emails),
    _bind(project_mail_contract.SHOW, project_emails.show_email),
    _bind(project_mail_contract.RAW, project_emails.raw_email),
    _bind(project_mail_contract.FILE, project_emails.email_file),
    _bind(project_mail_contract.DELETE, project_emails.delete_email),
    _bind(project_mail_contract.SEND, project_sending.send_email),
    _bind(project_mail_contract.REPLY, project_sending.reply_to_email),
    _bind(project_mail_contract.PREVIEW, template_preview.preview_template),
    _bind(tracking_contract.STATUS, tracking_status.status),
    _bind(tracking_contract.CHECK, tracking_check.check),
    _bind(tracking_contract.SETTINGS, project_mail_settings.settings),
    _bind(tracking_contract.SET, project_mail_settings.change_settings),
    _bind(tracking_contract.TEST, tracking_tests.begin_test),
    _bind(tracking_contract.POLL, tracking_status.poll),
    _bind(inbox_contract.INBOX, inbox.list_inbox),
    _bind(inbox_contract.SHOW, inbox.show_mail),
    _bind(inbox_contract.RAW, inbox.raw_mail),
    _bind(inbox_contract.REPLAY, inbox_replay.replay),
    _bind(inbox_contract.REPROCESS, inbox_replay.reprocess),
    _bind(inbox_contract.DISCARD, inbox.discard),
    _bind(email_answers_contract.ANSWERS, email_answers.list_answers),
    _bind(tracking_contract.ROTATE_KEY, tracking_keys.rotate_key),
    _bind(tracking_contract.ROUND_TRIP, round_trip.send_probe),
    _bind(trust_contract.LIST, trust.list_trust),
    _bind(trust_contract.ADD, trust.add_trust),
    _bind(trust_contract.UPLOAD, trust.upload_trust),
    _bind(trust_contract.REMOVE, trust.remove_trust),
    _bind(mail_workers_contract.LIST, mail_workers.list_workers),
    _bind(mail_tests_contract.BEGIN, mail_tests.begin_test),
    _bind(mail_tests_contract.SHOW, mail_tests.show_test),
    _bind(mail_tests_contract.CANCEL, mail_tests.cancel_test),
    _bind(mail_diagnoses_contract.DIAGNOSES, mail_diagnoses.diagnoses),
    _bind(mail_contract.SUBMIT, mail.submit),
    _bind(mail_contract.LIST, mail_listing.list_queue),
    _bind(mail_contract.IDS, mail_listing.list_ids),
    _bind(mail_contract.SUMMARY, mail_listing.summarise),
    _bind(mail_contract.AGES, mail_ages.count_ages),
    _bind(mail_groups_contract.GROUPS, mail_groups.count_groups),
    _bind(mail_history_contract.SENT, mail_history.list_sent),
    _bind(mail_contract.SHOW, mail.show),
    _bind(mail_contract.RAW, mail.raw),
    _bind(mail_bulk_contract.COUNT, mail_bulk.count_matching),
    _bind(mail_bulk_contract.BULK, mail_bulk.begin_bulk),
    _bind(suggest_contract.SUGGEST, suggesting.suggest),
    _bind(mail_contract.EDIT_RECIPIENT, mail_recipients.edit_recipient),
    _bind(mail_contract.REATTEMPT, mail.reattempt),
    _bind(mail_contract.HOLD, mail.hold),
    _bind(mail_contract.RELEASE, mail.release),
    _bind(mail_contract.DELETE, mail.delete),
    _bind(mail_contract.UNDELETE, mail.undelete),
    _bind(log_contract.LIST, log.list_log),
    _bind(log_contract.HISTOGRAM, log.count_log),
    _bind(log_contract.EXPORT, log_export.export_log),
    _bind(log_contract.DELETE, log.delete_log),
    _bind(log_filters_contract.LIST, log_filters.list_filters),
    _bind(log_filters_contract.SAVE, log_filters.save_filter),
    _bind(log_filters_contract.DELETE, log_filters.delete_filter),
    _bind(log_contract.STARTUP, log_startup.read_startup_log),
    _bind(databases_contract.LIST, databases.list_databases),
    _bind(databases_contract.SHOW, databases.show_database),
    _bind(databases_contract.CREATE, databases.create_database),
    _bind(databases_contract.CREATE_FROM_TEMPLATE, database_copies.create_from_template),
    _bind(databases_contract.BROWSE, databases.browse_databases),
    _bind(databases_contract.ADD, database_copies.add_database),
    _bind(databases_contract.EDIT, databases.edit_database),
    _bind(databases_contract.COMPACT, compacting.compact_database),
    _bind(databases_contract.BACK_UP, backups.back_up),
    _bind(databases_contract.BACKUPS, backups.list_backups),
    _bind(databases_contract.RESTORE, database_copies.restore),
    _bind(databases_contract.REMOVE, databases.remove_database),
    _bind(jobs_contract.LIST, job_requests.list_jobs),
    _bind(jobs_contract.SHOW, job_requests.show_job),
    _bind(jobs_contract.CANCEL, job_requests.cancel_job),
    _bind(tasks_contract.LIST, tasks.list_tasks),
    _bind(tasks_contract.ADD, tasks.add_task),
    _bind(tasks_contract.EDIT, tasks.edit_task),
    _bind(tasks_contract.DELETE, tasks.delete_task),
    _bind(tasks_contract.RUN, tasks.run_task),
    _bind(tasks_contract.HISTORY, tasks.list_runs),
    _bind(licenses_contract.LIST, licensing.list_licenses),
    _bind(licenses_contract.ADD, licensing.add_license),
    _bind(licenses_contract.EDIT, licensing.edit_license),
    _bind(licenses_contract.DELETE, licensing.delete_license),
    _bind(licenses_contract.SEATS, seat_reports.list_seats),
    _bind(licenses_contract.HISTORY, seat_reports.list_uses),
    _bind(licenses_contract.USAGE, seat_reports.usage),
    _bind(licenses_contract.REPLAY, seat_reports.replay),
    _bind(project_contract.OFFERS, project_login.offered_databases),
    _bind(project_contract.SUBMISSION_DATABASES, submissions.submission_databases),
    _bind(project_contract.SUBMIT, submissions.submit_defect),
    _bind(project_contract.OPEN, project_login.open_project),
    _bind(project_contract.CURRENT, project_login.current_project),
    _bind(project_contract.CLOSE, project_login.close_project),
    _bind(project_contract.PASSWORD, project_login.change_project_password),
    _bind(project_contract.LIST, project_items.list_items),
    _bind(project_contract.SHOW, project_items.show_item),
    _bind(project_contract.ADD, project_items.add_item),
    _bind(project_contract.EDIT, project_items.edit_item),
    _bind(project_contract.DELETE, project_items.delete_item),
    _bind(project_contract.IMPORT, project_import.import_items),
    _bind(project_contract.JOB, project_import.show_import),
    _bind(project_contract.CANCEL_JOB, project_import.cancel_import),
    _bind(project_contract.FILES, project_files.list_files),
    _bind(project_contract.ATTACH, project_files.attach_file),
    _bind(project_contract.FILE, project_files.read_file),
    _bind(project_contract.DETACH, project_files.detach_file),
    _bind(audit_contract.LIST, audit.list_audit),
)

BINDINGS: Mapping[str, Binding] = MappingProxyType({binding.operation.name: binding for binding in _ALL})
