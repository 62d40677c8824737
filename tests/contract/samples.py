"""A request for every operation there is, and the people who ask: nobody, server users, project users."""

from __future__ import annotations

import itertools
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests import licensed, quarantined, untrusted
from tests.certificates import authority
from tests.contract.wire import Stranger, stranger
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.client.project import Project
from trackkit.domain.accounts import Role
from trackkit.domain.project.commands import COMMANDS

PASSWORD = "correct horse battery"
MADE_UP = "nobody with a made-up token"
KEEPER, GUEST = "project administrator by session", "project user without commands by session"


@dataclass(frozen=True)
class Person:
    """Somebody who asks. Server users have a role; users of a project have none and are `of_project`."""

    name: str
    role: Role | None
    token: str | None
    of_project: bool = False


PEOPLE = [
    "nobody",
    *(f"{role} by {how}" for role in Role for how in ("session", "token")),
    MADE_UP,
    KEEPER,
    GUEST,
]


@dataclass
class House:
    """A server with one user of each role, one mail, one project, and the people who ask."""

    server: RunningServer
    http: Stranger
    queue_id: str
    project: Project
    backup_id: int
    job_id: int
    people: dict[str, Person] = field(default_factory=dict)
    counter: Iterator[int] = field(default_factory=itertools.count)

    def new(self, label: str) -> str:
        """A name nothing else has."""
        return f"{label} {next(self.counter)}"

    def mail(self) -> str:
        """The id of a message of its own for each request."""
        return self.server.admin.mail.submit(b"Subject: x\r\n\r\n", sender="", recipients=["x@y.test"]).queue_id

    def tested(self) -> str:
        """The id of a test of the settings that has ended."""
        return self.server.admin.mail.test().wait().state.test_id

    def rested(self, person: Person, operation: str) -> dict[str, Any]:
        """Nothing, once that person, who has one test of settings at a time, has none under way."""
        begun = self.http.ask(operation, {}, person.token)
        named = re.search(r"\((\w+)\)", begun.error.message) if begun.error else None
        if begun.error and (begun.code != "conflict" or named is None):
            return {}  # it is refused for another reason
        same = {"test_id": named[1] if named else begun.body["test_id"]}
        show = "mail.test_progress"
        wait_until(lambda: self.http.ask(show, same, person.token).body["finished"], what="the end of a test")
        return {}

    def idle_queue(self) -> str:
        """A domain that no mail is for, once the mail queue has no long work to do: it has one at a time."""
        self.wait_for_jobs()
        return "nowhere.test"

    def database(self) -> str:
        """A database of its own for each request, because it may be changed or removed."""
        return self.server.admin.databases.create(self.new("target"), administrator_password=PASSWORD).name

    def task(self) -> str:
        """A task of its own for each request."""
        added = self.server.admin.tasks.add(name=self.new("task"), kind="compact", database=self.project.database)
        return added.name

    def log_filter(self, person: Person) -> str:
        """A filter of that person's own for each request, where they can have any."""
        name = self.new("filter")
        self.http.ask("log.save_filter", {"name": name, "conditions": {"level": "error"}}, person.token)
        return name

    def removed(self) -> str:
        """A database that is in no list."""
        name = self.database()
        self.server.admin.databases.remove(name)
        return name

    def defect(self) -> str:
        """The key of a new defect."""
        return self.project.add("defect", title="It stops").key

    def email(self) -> dict[str, Any]:
        """The number of an e-mail of its own, and the file that is attached to it."""
        files = [("a.txt", b"x")]
        sent = self.project.mail.send(f"defect {self.defect()}", ["x@y.test"], "x", "x", tracked=False, files=files)
        return {"number": sent.number, "file_id": self.project.mail.show(sent.number).files[0].file_id}

    def number_of_email(self) -> dict[str, Any]:
        """The number of an e-mail of its own."""
        return {"number": self.email()["number"]}

    def wait_for_jobs(self) -> None:
        """Until nothing is done in the background: the end of a job can leave audit records, too."""
        jobs = self.server.admin.jobs
        wait_until(lambda: all(job.ended_at for job in jobs.list(limit=20).jobs), what="the end of all jobs")

    def imported(self, person: Person) -> int:
        """The number of an import that has ended, of that person's session where they have one that may."""
        asked = {"kind": "defect", "columns": ["title"], "rows": [["It stops"]]}
        begun = self.http.ask("project.import", asked, person.token)
        if begun.error:
            return self.job_id
        same = {"job_id": begun.body["job_id"]}
        wait_until(lambda: self.http.ask("project.job", same, person.token).body["ended_at"], what="its end")
        return int(same["job_id"])

    def session(self, person: Person) -> str:
        """A session of that person's own, of the viewer's where they have none."""
        asked = {"username": person.name if person.role else "viewer-user", "password": PASSWORD}
        return str(self.http.ask("session.open", asked).body["session_id"])

    def option_change(self) -> int:
        """A change of options that can be reverted."""
        options = self.server.admin.options
        options.set({"sending.timing.connections": 5 + next(self.counter) % 3})
        return options.history(limit=1).sets[0].change_id

    def license(self) -> int:
        """A license of its own for each request, because it may be replaced or deleted."""
        return self.server.admin.licenses.add(self.serial()).license_id

    def serial(self) -> str:
        """A serial for the server that is not entered yet."""
        return licensed.serial("web", 1, self.server.admin.licenses.list().server_id)

    def untrusted(self) -> int:
        """A certificate of its own for each request, because it may be trusted or taken out."""
        return untrusted.put(self.server.data)

    def quarantined(self) -> int:
        """A mail of its own in the quarantine."""
        return quarantined.put(self.server.data)

    def file(self) -> int:
        """A file attached to a new defect."""
        return self.project.attach("defect", self.defect(), "a.txt", b"x").file_id


def furnish(server: RunningServer) -> House:
    """Give a running server (with sending paused) one of everything, and everybody an account."""
    admin, http = server.admin, stranger(server)
    admin.options.set({"sending.smtp.host": "127.0.0.1", "sending.smtp.port": 1, **TRACKING})
    submitted = admin.mail.submit(b"Subject: x\r\n\r\nbody\r\n", sender="", recipients=["x@y.test"])
    name = admin.databases.create("the project", administrator_password=PASSWORD).name
    project = admin.project(name, "administrator", PASSWORD)
    project.add("user", name="guest", password=PASSWORD)
    project.edit("user", "administrator", {"email": "administrator@y.test"})
    project.edit("group", "Administrators", {"commands": list(COMMANDS)})  # those for e-mail start disabled
    job = admin.databases.backup(name).wait()
    backup = admin.databases.backups(name).backups[0]
    house = House(server, http, submitted.queue_id, project, backup.backup_id, job.job_id)
    house.people = {"nobody": Person("", None, None), MADE_UP: Person("", None, "tk-made-up")}
    for role in Role:
        username = f"{role}-user"
        admin.users.add(username, role, PASSWORD)
        opened = http.ask("session.open", {"username": username, "password": PASSWORD}).body["token"]
        secret = http.ask("token.add", {"name": "for scripts", "role": role}, opened).body["secret"]
        house.people[f"{role} by session"] = Person(username, role, opened)
        house.people[f"{role} by token"] = Person(username, role, secret)
    for label, username in ((KEEPER, "administrator"), (GUEST, "guest")):
        house.people[label] = Person(username, None, project_token(house, username), of_project=True)
    return house


def project_token(house: House, username: str) -> str:
    """A new session of a user of the project."""
    asked = {"database": house.project.database, "username": username, "password": PASSWORD}
    return str(house.http.ask("project.open", asked).body["token"])


TRACKING = {
    "tracking.enabled": True,
    "tracking.host": "127.0.0.1",
    "tracking.port": 9,
    "tracking.username": "track",
    "tracking.password": "secret of the mailbox",
    "tracking.address": "track@y.test",
    "tracking.poll_interval": 86_400,
}
"""Nobody listens there."""
MESSAGE = {
    "message": b64encode(b"Subject: x\r\n\r\n").decode(),
    "sender": "",
    "recipients": ["x@y.test"],
}
OPTIONS_FILE = 'kind = "trackkit server options"\nformat = 1\n[sending.timing]\ndays = 7\n'
Sample = Callable[[House, Person], dict[str, Any]]


def verb(house: House, person: Person) -> dict[str, Any]:
    return {"queue_ids": [house.queue_id]}


def nothing(house: House, person: Person) -> dict[str, Any]:
    return {}


def one_message(house: House, person: Person) -> dict[str, Any]:
    return {"queue_id": house.queue_id}


def somebody(house: House, person: Person) -> dict[str, Any]:
    """A user of their own for each request, because it may be changed or deleted."""
    name = f"target-{next(house.counter)}"
    house.server.admin.users.add(name, Role.viewer)
    return {"username": name}


# A request that would succeed if the role allows it, for every operation there is.
SAMPLES: dict[str, Sample] = {
    "server.info": nothing,
    "server.health": nothing,
    "session.open": lambda house, person: {"username": "viewer-user", "password": PASSWORD},
    "session.current": nothing,
    "session.close": nothing,
    "session.list": nothing,
    "session.end": lambda house, person: {"session_id": house.session(person)},
    "setup.issue": nothing,
    "setup.complete": lambda house, person: {"code": "wrong-code", "password": PASSWORD},
    "user.list": nothing,
    "user.add": lambda house, person: {"username": f"new-{next(house.counter)}", "role": "viewer"},
    "user.edit": lambda house, person: {**somebody(house, person), "role": "operator"},
    "user.delete": somebody,
    "user.password": lambda house, person: {"present": "not this one", "new": PASSWORD},
    "token.list": nothing,
    "token.add": lambda house, person: {"name": f"token-{next(house.counter)}", "role": "viewer"},
    "token.delete": lambda house, person: {"username": person.name or "x", "name": "no such token"},
    "options.get": nothing,
    "options.set": lambda house, person: {"values": {"sending.timing.days": 5 + next(house.counter) % 2}},
    "options.export": nothing,
    "options.plan": lambda house, person: {"text": OPTIONS_FILE},
    "options.apply": lambda house, person: {"text": OPTIONS_FILE},
    "options.history": nothing,
    "options.plan_revert": lambda house, person: {"change_id": house.option_change()},
    "options.revert": lambda house, person: {"change_id": house.option_change()},
    "mail.test": lambda house, person: house.rested(person, "mail.test"),
    "mail.test_progress": lambda house, person: {"test_id": house.tested()},
    "mail.test_cancel": lambda house, person: {"test_id": house.tested()},
    "mail.submit": lambda house, person: MESSAGE,
    "mail.list": nothing,
    "mail.ids": nothing,
    "mail.summary": nothing,
    "mail.workers": nothing,
    "mail.diagnoses": nothing,
    "mail.ages": nothing,
    "mail.groups": nothing,
    "mail.history": nothing,
    "mail.show": one_message,
    "mail.raw": one_message,
    "mail.count": lambda house, person: {"verb": "delete"},
    "mail.bulk": lambda house, person: {"verb": "hold", "where": {"domain": house.idle_queue()}},
    "mail.edit_recipient": lambda house, person: {
        "queue_id": house.mail(),
        "address": "x@y.test",
        "new_address": "z@y.test",
    },
    "mail.reattempt": verb,
    "mail.hold": verb,
    "mail.release": verb,
    "mail.delete": verb,
    "mail.undelete": verb,
    "log.list": nothing,
    "log.histogram": nothing,
    "log.startup": nothing,
    "log.export": lambda house, person: {"format": "csv"},
    "log.delete": lambda house, person: {"through": "2001-01-01"},
    "log.filters": nothing,
    "log.save_filter": lambda house, person: {"name": house.new("filter"), "conditions": {"level": "error"}},
    "log.delete_filter": lambda house, person: {"name": house.log_filter(person)},
    "audit.list": nothing,
    "database.list": nothing,
    "database.show": lambda house, person: {"database": house.project.database},
    "database.create": lambda house, person: {"name": house.new("created")},
    "database.create_from_template": lambda house, person: {
        "name": house.new("from template"),
        "template": house.project.database,
    },
    "database.browse": nothing,
    "database.add": lambda house, person: {"name": house.removed()},
    "database.edit": lambda house, person: {"database": house.database(), "settings": {"description": "Changed"}},
    "database.compact": lambda house, person: {"database": house.database()},
    "database.backup": lambda house, person: {"database": house.database()},
    "database.backups": nothing,
    "database.restore": lambda house, person: {"name": house.new("restored"), "backup_id": house.backup_id},
    "database.remove": lambda house, person: {"database": house.database()},
    "license.list": nothing,
    "license.add": lambda house, person: {"serial": house.serial()},
    "license.edit": lambda house, person: {"license_id": house.license(), "serial": house.serial()},
    "license.delete": lambda house, person: {"license_id": house.license()},
    "license.seats": nothing,
    "license.history": nothing,
    "license.usage": nothing,
    "license.replay": lambda house, person: {"pool": "web", "seats": 3, "timeout_minutes": 30},
    "mail.suggest": lambda house, person: {"about": "127.0.0.1"},
    "trust.list": nothing,
    "trust.add": lambda house, person: {"certificate_id": house.untrusted()},
    "trust.upload": lambda house, person: {"certificate": b64encode(authority().der).decode()},
    "trust.remove": lambda house, person: {"certificate_id": house.untrusted()},
    "job.list": nothing,
    "job.show": lambda house, person: {"job_id": house.job_id},
    "job.cancel": lambda house, person: {"job_id": house.job_id},
    "task.list": nothing,
    "task.add": lambda house, person: {
        "values": {"name": house.new("added"), "kind": "compact", "database": house.project.database}
    },
    "task.edit": lambda house, person: {"name": house.task(), "values": {"enabled": False}},
    "task.delete": lambda house, person: {"name": house.task()},
    "task.run": lambda house, person: {
        "name": house.server.admin.tasks.add(name=house.new("run"), kind="compact", database=house.database()).name
    },
    "task.history": nothing,
    "project.databases": nothing,
    "project.submission_databases": nothing,
    "project.submit": lambda house, person: {
        "database": house.project.database,
        "title": " ",
        "description": "It stops",
    },
    "project.open": lambda house, person: {
        "database": house.project.database,
        "username": "guest",
        "password": PASSWORD,
    },
    "project.session": nothing,
    "project.close": nothing,
    "project.password": lambda house, person: {"present": "not this one", "new": PASSWORD},
    "project.list": lambda house, person: {"kind": "defect"},
    "project.show": lambda house, person: {"kind": "defect", "key": house.defect()},
    "project.add": lambda house, person: {"kind": "defect", "values": {"title": "It stops"}},
    "project.edit": lambda house, person: {"kind": "defect", "key": house.defect(), "values": {"title": "It starts"}},
    "project.delete": lambda house, person: {"kind": "defect", "key": house.defect()},
    "project.import": lambda house, person: {"kind": "defect", "columns": ["title"], "rows": [["It stops"]]},
    "project.job": lambda house, person: {"job_id": house.imported(person)},
    "project.cancel": lambda house, person: {"job_id": house.imported(person)},
    "project.files": lambda house, person: {"kind": "defect", "key": house.defect()},
    "project.attach": lambda house, person: {
        "kind": "defect",
        "key": house.defect(),
        "name": "a.txt",
        "content": b64encode(b"x").decode(),
    },
    "project.file": lambda house, person: {"file_id": house.file()},
    "project.detach": lambda house, person: {"file_id": house.file()},
    "project.mail.list": nothing,
    "project.mail.show": lambda house, person: house.number_of_email(),
    "project.mail.raw": lambda house, person: house.number_of_email(),
    "tracking.status": nothing,
    "tracking.test": lambda house, person: house.rested(person, "tracking.test"),
    "tracking.poll": nothing,
    "tracking.inbox": nothing,
    "tracking.show": lambda house, person: {"inbox_id": house.quarantined()},
    "tracking.raw": lambda house, person: {"inbox_id": house.quarantined()},
    "tracking.replay": lambda house, person: {"message": MESSAGE["message"]},
    "tracking.reprocess": lambda house, person: {"inbox_id": house.quarantined()},
    "tracking.discard": lambda house, person: {"inbox_ids": [house.quarantined()]},
    "tracking.answers": lambda house, person: {"database": house.project.database},
    "tracking.rotate_key": nothing,
    "tracking.check": lambda house, person: {"database": house.project.database},
    "tracking.settings": lambda house, person: {"database": house.project.database},
    "tracking.set": lambda house, person: {"database": house.project.database, "values": {"letter_hours": 12}},
    "tracking.round_trip": nothing,
    "project.template.preview": lambda house, person: {"subject": "{{ record.title }}"},
    "project.mail.file": lambda house, person: house.email(),
    "project.mail.delete": lambda house, person: house.number_of_email(),
    "project.mail.send": lambda house, person: {
        "record": f"defect {house.defect()}",
        "to": ["x@y.test"],
        "subject": "x",
        "text": "x",
        "tracked": False,
    },
    "project.mail.reply": lambda house, person: {**house.number_of_email(), "text": "x"},
}
# These fail for another reason than the role, as their sample asks for something wrong on purpose.
FAILING = {
    "mail.test_cancel": "conflict",
    "setup.complete": "wrong_login",
    "user.password": "wrong_login",
    "token.delete": "not_found",
    "job.cancel": "conflict",
    "project.password": "wrong_login",
    "project.submit": "invalid_input",  # one that is right is counted, and everybody here has the same address
    "project.cancel": "conflict",
}
ANYBODY_OF_THE_PROJECT = {"project.session", "project.close", "project.password"}
"""What takes a project log-in but no command of a security group."""
