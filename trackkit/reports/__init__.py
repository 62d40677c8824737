"""Reports: notebooks with parameters that run unattended and become HTML and PDF; each is useful by hand too.

    import trackkit.reports
    trackkit.reports.run("server-health", {"hours": 48}, html="health.html")

The notebooks lie in `notebooks/reports`; their parameters are declared in their cell tagged ``parameters``. What is
heavy (papermill, nbconvert) is loaded by a run only.
"""

from __future__ import annotations

from trackkit.reports.catalogue import Report, catalogue, find
from trackkit.reports.parameters import Parameter
from trackkit.reports.run import run

__all__ = ["Parameter", "Report", "catalogue", "find", "run"]
