"""The tables as the code uses them; how they came to be stands in the migrations. Times are seconds since 1970."""

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, MetaData, String, Table, Text

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

DECISION = Table(
    "decision",
    METADATA,
    Column("name", String(36), primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("entry", Text, nullable=False),  # JSON: grades, versions and keyed hashes
)

DECISION_INPUT = Table(
    "decision_input",
    METADATA,
    Column("name", String(64), primary_key=True),  # the keyed hash that decisions name it by
    Column("at", BigInteger, nullable=False, index=True),  # when it was last judged
    Column("sealed", LargeBinary, nullable=False),
)

# The one table that says who a patient is: an audit trail is about that.
AUDIT_EVENT = Table(
    "audit_event",
    METADATA,
    Column("name", String(36), primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("entry", Text, nullable=False),  # FHIR R4 AuditEvent
)
