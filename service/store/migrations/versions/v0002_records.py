"""The decision log, the sealed inputs of decisions, audit events."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("decision", "audit_event"):
        op.create_table(
            name,
            sa.Column("name", sa.String(36), primary_key=True),
            sa.Column("at", sa.BigInteger, nullable=False, index=True),
            sa.Column("entry", sa.Text, nullable=False),
        )
    op.create_table(
        "decision_input",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False, index=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    for table in ("decision_input", "audit_event", "decision"):
        op.drop_table(table)
