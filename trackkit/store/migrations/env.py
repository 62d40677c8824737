"""Alembic runs this for every upgrade; connection and schema come from `trackkit.store.migrate`."""

from alembic import context

attributes = context.config.attributes
context.configure(connection=attributes["connection"], version_table=f"{attributes['schema']}_schema")
context.run_migrations()
