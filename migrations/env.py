"""Alembic's entry point: ``app.database`` hands over the connection, inside its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
