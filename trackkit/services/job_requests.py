"""Looking at long work and cancelling it."""

from __future__ import annotations

from trackkit.contract import jobs as contract
from trackkit.services.environment import Call


def list_jobs(call: Call, request: contract.ListJobs) -> contract.Jobs:
    """A page of jobs, newest first."""
    return call.environment.jobs.page(request.before, request.limit)


def show_job(call: Call, request: contract.NamedJob) -> contract.Job:
    """How far one is."""
    return call.environment.jobs.show(request.job_id)


def cancel_job(call: Call, request: contract.NamedJob) -> contract.Job:
    """Cancel one where that is safe."""
    job = call.environment.jobs.cancel(request.job_id)
    subject = f"job {job.job_id}: {job.kind}" + (f" of {job.database}" if job.database else "")
    call.environment.store.write(lambda connection: call.audit(connection, contract.CANCEL.name, subject))
    return job
