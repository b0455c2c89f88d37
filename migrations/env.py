"""Alembic's entry point: ``app.database`` hands over the connection, inside its transaction.

Each history notes its revision in a table of its own, so that both may live in one database.
"""

from alembic import context

handed = context.config.attributes
context.configure(connection=handed["connection"], version_table=handed["version_table"])
context.run_migrations()
