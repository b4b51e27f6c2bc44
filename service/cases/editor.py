"""JSON Schema for editors, made from the same marshmallow classes that read trial.yaml and cases.yaml.

An editor with yaml-language-server completes keys, kinds and names with it. It may let a mistake pass that
`trialhook trials check` finds; it never marks as wrong what check accepts. https://json-schema.org/draft-07/schema
"""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length

from service.cases.shape import CaseSchema, CasesField, FileSchema, PatientSchema, ResourceField, SectionField
from service.criteria.kinds_of_review import ShowField, ShowSchema
from service.criteria.lexicon import Lexicon
from service.criteria.schema import (
    DIGEST_LENGTH,
    RULES,
    SIGNS,
    DateText,
    DigestText,
    Kind,
    LimitText,
    ListOf,
    Name,
    OneOf,
    RuleField,
    SignField,
    WholeNumber,
    WindowField,
)
from service.criteria.trial_schema import TrialSchema

JsonSchema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"
_ANY_SCALAR = ["string", "number", "boolean"]


def trial_schema(lexicon: Lexicon) -> JsonSchema:
    """The schema of trial.yaml: its frame, every kind of rule and of sign."""
    writer = _Writer(lexicon.names)
    body = writer.of_schema(TrialSchema)
    for prefix, kinds in (("rule", RULES), ("sign", SIGNS)):
        for word, kind in kinds.items():
            writer.definitions[f"{prefix}-{word}"] = writer.of_kind(kind)
        writer.definitions[prefix] = {"anyOf": [{"$ref": f"#/definitions/{prefix}-{word}"} for word in kinds]}
    return {"$schema": DRAFT, "title": "A clinical trial for trialhook", **body, "definitions": writer.definitions}


def cases_schema(names: dict[str, list[str]]) -> JsonSchema:
    """The schema of cases.yaml. `names`: what sketches may name, by family."""
    writer = _Writer(lambda family: list(names[family]))
    writer.definitions["patient"] = writer.of_schema(PatientSchema)
    writer.definitions["case"] = writer.of_schema(CaseSchema)
    body = writer.of_schema(FileSchema)
    return {"$schema": DRAFT, "title": "Cases of a trial for trialhook", **body, "definitions": writer.definitions}


class _Writer:
    def __init__(self, names: Any) -> None:
        self._names = names
        self.definitions: dict[str, JsonSchema] = {}

    def of_schema(self, schema: type[Schema]) -> JsonSchema:
        own = schema().fields
        keys = {name: field.data_key or name for name, field in own.items()}
        required = [keys[name] for name, field in own.items() if field.required]
        properties = {keys[name]: self._described(field) for name, field in own.items()}
        made: JsonSchema = {"type": "object", "properties": properties, "additionalProperties": False}
        return made | ({"required": required} if required else {})

    def of_kind(self, kind: type[Kind]) -> JsonSchema:
        return {"description": (kind.__doc__ or "").strip(), **self.of_schema(kind)}

    def _described(self, field: fields.Field[Any]) -> JsonSchema:
        description = field.metadata.get("description")
        made = self._of_field(field)
        if not description:
            return made
        return {"description": description, **({"allOf": [made]} if "$ref" in made else made)}

    def _of_field(self, field: fields.Field[Any]) -> JsonSchema:
        match field:
            case RuleField():
                return {"$ref": "#/definitions/rule"}
            case SignField():
                return self._sign(type(field) is not SignField)
            case ShowField():
                return self.of_schema(ShowSchema)
            case OneOf():
                return {"enum": list(field.words)}
            case Name():
                return self._name(field.kind)
            case ListOf():
                inner = self._of_field(field.inner)
                return {"anyOf": [inner, {"type": "array", "items": inner, "minItems": 1}]}
            case DateText():
                return {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "examples": ["2026-11-21"]}
            case DigestText():
                return {"type": ["string", "integer"], "pattern": f"^[0-9a-f]{{{DIGEST_LENGTH}}}$"}
            case WindowField():
                return {"type": "string", "pattern": r"^[0-9]{1,4} (day|week|month|year)s?$", "examples": ["28 days"]}
            case LimitText():
                return {"type": ["string", "number"], "examples": ["1500 /mm3", "50 %", "1.5 x ULN"]}
            case SectionField():
                return self._section(field)
            case CasesField():
                return {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"$ref": "#/definitions/case"}},
                }
            case fields.Nested():
                return self._nested(field)
            case fields.List():
                made = {"type": "array", "items": self._of_field(field.inner)}
                return made | ({"minItems": 1} if any(isinstance(v, Length) for v in field.validators) else {})
            case ResourceField():
                return {"type": "object", "required": ["resourceType"]}
            case fields.Dict():
                return {"type": "object"}
            case fields.Boolean():
                return {"type": "boolean"}
            case WholeNumber():
                return {"type": "integer", "minimum": field.least, "maximum": field.most}
            case fields.Integer():
                return {"type": "integer"}
        return {"type": "string", "minLength": 1}

    def _sign(self, with_consequence: bool) -> JsonSchema:
        if not with_consequence:
            return {"$ref": "#/definitions/sign"}
        consequence = {"then": {"enum": ["fail", "unknown", "review"]}, "because": {"type": "string"}}
        if "concern" not in self.definitions:
            kinds = []
            for kind in SIGNS.values():
                made = self.of_kind(kind)
                kinds.append({**made, "properties": made["properties"] | consequence})
            self.definitions["concern"] = {"anyOf": kinds}
        return {"$ref": "#/definitions/concern"}

    def _name(self, kind: str) -> JsonSchema:
        """A known name is offered; a site's own is not refused."""
        key = f"name-of-{kind}"
        if key not in self.definitions:
            self.definitions[key] = {"anyOf": [{"enum": self._names(kind)}, {"type": "string"}]}
        return {"$ref": f"#/definitions/{key}"}

    def _section(self, field: SectionField) -> JsonSchema:
        key = f"entry-of-{field.family}"
        if key not in self.definitions:
            own = self.of_schema(field.schema)
            for name, inner in own["properties"].items():
                if inner.get("type") == "string":
                    own["properties"][name] = {**inner, "type": _ANY_SCALAR}
            one = {"anyOf": [own, {"type": [*_ANY_SCALAR, "null"]}]}
            self.definitions[key] = {"anyOf": [one, {"type": "array", "items": one}]}
        reference = {"$ref": f"#/definitions/{key}"}
        return {
            "type": "object",
            "properties": dict.fromkeys(self._names(field.family), reference),
            "additionalProperties": reference,
        }

    def _nested(self, field: fields.Nested) -> JsonSchema:
        if field.schema.__class__ is PatientSchema and "patient" in self.definitions:
            made: JsonSchema = {"$ref": "#/definitions/patient"}
        else:
            made = self.of_schema(field.schema.__class__)
        return {"anyOf": [made, {"type": "null"}]} if field.allow_none else made
