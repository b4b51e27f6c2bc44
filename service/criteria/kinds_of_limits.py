"""How a trial file states a limit of a measurement."""

from typing import Any, ClassVar

from marshmallow import ValidationError, validates_schema

from service.criteria.bands import band
from service.criteria.measured import Threshold
from service.criteria.schema import COMPARISONS, LEXICON, Kind, LimitText, the_comparison


class Limits(Kind):
    """The four ways to state a limit; one is given, or one for each end of a band where `bands` allows it."""

    bands: ClassVar[bool] = False
    at_least = LimitText(data_key="at-least", metadata={"description": "the value or more"})
    more_than = LimitText(data_key="more-than", metadata={"description": "strictly more than the value"})
    at_most = LimitText(data_key="at-most", metadata={"description": "the value or less"})
    less_than = LimitText(data_key="less-than", metadata={"description": "strictly less than the value"})

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _limit_fits(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        """The limit is looked at even beside other mistakes, so that all of them are told together."""
        read = [key for key in COMPARISONS if key.replace("-", "_") in data]
        if "measurement" in data and len(read) == len([key for key in COMPARISONS if key in original]):
            try:
                self.threshold(data["measurement"], data)
            except ValueError as problem:
                raise ValidationError(str(problem)) from None

    @classmethod
    def threshold(cls, name: str, data: dict[str, Any]) -> Threshold:
        options = {key: data.get(key.replace("-", "_")) for key in COMPARISONS}
        ends = [[key for key in keys if options[key] is not None] for keys in (COMPARISONS[:2], COMPARISONS[2:])]
        if cls.bands and [len(end) for end in ends] == [1, 1]:
            low, high = (_threshold(name, data, {end[0]: options[end[0]]}) for end in ends)
            return band(low, high)
        return _threshold(name, data, options)


def _threshold(name: str, data: dict[str, Any], options: dict[str, str | None]) -> Threshold:
    return Threshold(
        input=name,
        label=LEXICON.get().input(name).label,
        limit=the_comparison(name, options),
        window=data.get("within") or (LEXICON.get().input(name).window if data.get("window_is") else None),
        method=data.get("method", ""),
        aside=tuple(data.get("aside", ())),
        doubtful=tuple(data.get("doubtful", ())),
    )
