"""The tables as the code uses them; how they came to be stands in the migrations. Times are seconds since 1970."""

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, MetaData, String, Table

METADATA = MetaData()

USED_TOKEN = Table(
    "used_token",
    METADATA,
    Column("name", LargeBinary(32), primary_key=True),  # SHA-256 of issuer and token id
    Column("expires", BigInteger, nullable=False, index=True),
)

EXPLANATION = Table(
    "explanation",
    METADATA,
    Column("name", LargeBinary(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires", BigInteger, nullable=False, index=True),
)

SHOWN = Table(
    "shown",
    METADATA,
    Column("trial", String(128), primary_key=True),
    Column("day", String(10), primary_key=True),  # YYYY-MM-DD
    Column("cards", BigInteger, nullable=False),
)

FEEDBACK = Table(
    "feedback",
    METADATA,
    Column("card", String(36), primary_key=True),
    Column("outcome", String(10), primary_key=True),
    Column("suggestion", String(36), primary_key=True),  # "" where no suggestion was taken
    Column("trial", String(128), nullable=False, index=True),
    Column("service", String(128), nullable=False),
    Column("reason", String(128), nullable=False),
    Column("reason_system", String(255), nullable=False),
    Column("had_comment", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("day", String(10), nullable=False),  # of `at`, in UTC
)
