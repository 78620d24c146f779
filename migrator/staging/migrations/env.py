"""What alembic runs: always on the connection that the caller holds."""

from alembic import context

from migrator.staging.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
