"""Dashboards in a browser: a log-in page, then a kernel of one's own, and nobody else's.

`python -m trackkit.dashboard` serves the folder of dashboards on 127.0.0.1. It holds no credential of its own: it
talks to the trackkit server as each visitor, with the session that visitor's log-in opened.
"""
