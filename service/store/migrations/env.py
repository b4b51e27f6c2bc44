"""Run by Alembic: the scripts, on the connection and in the transaction that `service.store.migrate` has opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
