"""What requests must look like (marshmallow). Unknown members are ignored: clients and standards move on."""

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

IDENTIFIER = r"[A-Za-z0-9\-.]{1,64}"
_TEXT = validate.Length(min=1, max=4096)


class _Open(Schema):
    class Meta:
        unknown = EXCLUDE


class AuthorizationSchema(_Open):
    """`fhirAuthorization`. Clients leave out what is required; `scope`, of either SMART version, is not interpreted."""

    access_token = fields.String(
        required=True, validate=validate.Regexp(r"[\x21-\x7e]{1,16384}\Z", error="a bearer token was expected")
    )
    token_type = fields.String(
        load_default="Bearer",
        allow_none=True,
        validate=validate.Regexp(r"(?i:bearer)\Z", error="Bearer was expected"),
    )


class ContextSchema(_Open):
    """What every hook of ours has in its context."""

    userId = fields.String(required=True, validate=_TEXT)
    patientId = fields.String(
        required=True, validate=validate.Regexp(rf"(Patient/)?{IDENTIFIER}\Z", error="a FHIR id was expected")
    )
    encounterId = fields.String(allow_none=True)
    # drafts are not yet valid FHIR, and clients send them in all states: read by `service.guard`
    draftOrders = fields.Raw(allow_none=True)
    selections = fields.Raw(allow_none=True)


class AskedSchema(_Open):
    asOf = fields.String()


class ExtensionSchema(_Open):
    own = fields.Nested(AskedSchema, data_key="org.trialhook.request")


class HookRequestSchema(_Open):
    """The envelope of a call, without its prefetch."""

    hook = fields.String(required=True, validate=_TEXT)
    hookInstance = fields.String(required=True, validate=validate.Length(min=1, max=128))
    fhirServer = fields.String(allow_none=True, validate=_TEXT)
    fhirAuthorization = fields.Nested(AuthorizationSchema, allow_none=True)
    context = fields.Nested(ContextSchema, required=True)
    extension = fields.Nested(ExtensionSchema, allow_none=True)

    @validates_schema
    def _server_with_authorization(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("fhirAuthorization") and not data.get("fhirServer"):
            raise ValidationError("required where fhirAuthorization is given", "fhirServer")


class _AcceptedSchema(_Open):
    id = fields.String(required=True, validate=validate.Length(min=1, max=128))


class _ReasonSchema(_Open):
    code = fields.String(load_default="")
    system = fields.String(load_default="", allow_none=True)


class _OverrideSchema(_Open):
    reason = fields.Nested(_ReasonSchema, allow_none=True)
    userComment = fields.String(allow_none=True)


class FeedbackItemSchema(_Open):
    card = fields.String(required=True, validate=validate.Length(min=1, max=128))
    outcome = fields.String(required=True, validate=validate.OneOf(("accepted", "overridden")))
    outcomeTimestamp = fields.Raw(allow_none=True)  # one that cannot be read refuses nothing
    acceptedSuggestions = fields.List(fields.Nested(_AcceptedSchema), allow_none=True)
    overrideReason = fields.Nested(_OverrideSchema, allow_none=True)


class FeedbackSchema(_Open):
    feedback = fields.List(fields.Nested(FeedbackItemSchema), required=True, validate=validate.Length(max=1000))


HOOK_REQUEST = HookRequestSchema()
FEEDBACK = FeedbackSchema()
FEEDBACK_ITEM = FeedbackItemSchema()
