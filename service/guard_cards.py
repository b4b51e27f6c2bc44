"""What an order would do to a patient's trials, as CDS Hooks cards: a warning for each order and trial."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from service.cards import MAX_SUMMARY, TOPIC_SYSTEM, Action, Card, Coding, Desk, Link, Source, Suggestion, card_uuid
from service.criteria.catalogue import Trial
from service.criteria.results import Effect
from service.guard_drafts import Order
from service.guard_updates import postponed
from service.render.markdown import escaped

EXTENSION = "org.trialhook.guard"
REASON_SYSTEM = "https://trialhook.org/fhir/CodeSystem/order-reason"

OVERRIDE_REASONS = (
    Coding(REASON_SYSTEM, "order-needed", "The order is needed whatever it closes"),
    Coding(REASON_SYSTEM, "no-trial-wanted", "The patient does not want to take part"),
    Coding(REASON_SYSTEM, "not-eligible-anyway", "The patient is not eligible anyway"),
    Coding(REASON_SYSTEM, "trial-not-available", "The trial is not available here"),
)
_TOPIC = Coding(TOPIC_SYSTEM, "order-closes-trial", "An order closes a clinical trial")


def guard_cards(
    effects: Sequence[Effect], trials: Mapping[str, Trial], desk: Desk, orders: Sequence[Order] = ()
) -> tuple[Card, ...]:
    """One warning an order and trial, open trials first. `orders` are the drafts, for those that can be put on hold."""
    drafts = {order.reference: order.draft for order in orders}
    shown = [e for e in effects if trials[e.trial].is_open or not desk.only_open]
    shown.sort(key=lambda e: not trials[e.trial].is_open)
    return tuple(_card(effect, trials[effect.trial], desk, drafts.get(effect.order, {})) for effect in shown)


def _card(effect: Effect, trial: Trial, desk: Desk, draft: dict[str, Any]) -> Card:
    suggestions = _suggestions(effect, draft)
    return Card(
        uuid=card_uuid(trial.id),
        summary=_summary(effect, trial),
        indicator="warning",
        detail=_detail(effect, trial),
        source=Source("Trialhook", _TOPIC, desk.public_url or UNSET),
        links=(Link(f"Registry: {trial.id}", trial.registry_url, "absolute"),),
        selection_behavior="at-most-one" if suggestions else UNSET,
        suggestions=suggestions or UNSET,
        override_reasons=OVERRIDE_REASONS,
        extension={EXTENSION: effect},
    )


def _suggestions(effect: Effect, draft: dict[str, Any]) -> tuple[Suggestion, ...]:
    """None where the draft has no id by which a client would find it."""
    if draft and not effect.order.endswith(f"/{draft.get('id')}"):
        return ()
    held = postponed(draft) if draft else None
    return (_without(effect), *([_on_hold(effect, held)] if held else []))


def _summary(effect: Effect, trial: Trial) -> str:
    since = f" from {effect.closes_from}" if effect.closes_from else ""
    until = since + (f" until {effect.open_again}" if effect.open_again else "")
    said = f"{effect.says[:50]} would close {trial.short_name} ({trial.id}) to this patient{until}"
    if len(said) > MAX_SUMMARY:
        said = f"{effect.says[:50]} would close {trial.id} to this patient{until}"
    return said if len(said) <= MAX_SUMMARY else f"{said[: MAX_SUMMARY - 1]}…"


def _detail(effect: Effect, trial: Trial) -> str:
    """GitHub-flavoured Markdown without HTML: the trial, the criterion in plain words, until when."""
    texts = {criterion.id: criterion.text for criterion in trial.criteria}
    lines = [
        f"**{escaped(trial.title)}**",
        f"If **{escaped(effect.says)}** is carried out{_beside(effect)}, this stands in the way:",
    ]
    pairs = zip(effect.criteria, effect.reasons, strict=True)
    lines.append("\n".join(f"- {escaped(texts.get(name, name))} – {escaped(reason)}" for name, reason in pairs))
    lines.append(_until(effect))
    if effect.alternatives:
        named = escaped(", ".join(effect.alternatives))
        lines.append(
            f"Of the drugs chosen for the same purpose, this trial's rules do not mind {named}. "
            "Whether one suits the patient is for a person to judge."
        )
    elif effect.order.startswith("MedicationRequest/"):
        lines.append("Another drug for the same purpose may leave the trial open; that is for a person to judge.")
    return "\n\n".join(lines)


def _beside(effect: Effect) -> str:
    on = f" on {effect.closes_from}" if effect.closes_from else ""
    return on + (f" together with {escaped(', '.join(effect.together_with))}" if effect.together_with else "")


def _until(effect: Effect) -> str:
    if effect.open_again:
        return f"If nothing new is recorded, the trial is open to the patient again from {effect.open_again}."
    if effect.failure == "permanent":
        return "It stays closed for good: no later record undoes what has been given or done."
    if effect.until:
        return f"If nothing new is recorded, it stays closed until {effect.until}."
    return "If nothing new is recorded, it stays closed for a year or longer."


def _without(effect: Effect) -> Suggestion:
    action = Action("delete", f"Remove the draft order: {effect.says[:80]}", resource_id=effect.order)
    return Suggestion("Do without this order for now", card_uuid(effect.trial), (action,))


def _on_hold(effect: Effect, held: dict[str, Any]) -> Suggestion:
    """The draft, postponed until somebody has decided about the trial."""
    action = Action("update", f"Put the order on hold: {effect.says[:80]}", held)
    return Suggestion("Put the order on hold until the trial is decided", card_uuid(effect.trial), (action,))
