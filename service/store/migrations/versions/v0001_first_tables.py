"""Used tokens, explanations, cards shown, feedback."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "used_token",
        sa.Column("name", sa.LargeBinary(32), primary_key=True),
        sa.Column("expires", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "explanation",
        sa.Column("name", sa.LargeBinary(32), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "shown",
        sa.Column("trial", sa.String(128), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("cards", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "feedback",
        sa.Column("card", sa.String(36), primary_key=True),
        sa.Column("outcome", sa.String(10), primary_key=True),
        sa.Column("suggestion", sa.String(36), primary_key=True),
        sa.Column("trial", sa.String(128), nullable=False, index=True),
        sa.Column("service", sa.String(128), nullable=False),
        sa.Column("reason", sa.String(128), nullable=False),
        sa.Column("reason_system", sa.String(255), nullable=False),
        sa.Column("had_comment", sa.Boolean, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
    )


def downgrade() -> None:
    for table in ("feedback", "shown", "explanation", "used_token"):
        op.drop_table(table)
