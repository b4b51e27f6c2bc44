"""What outlasts a call: used token ids, sealed explanations, counts of cards and clinicians' answers to them.

Nothing here is about a patient: names are hashes, explanations are sealed, feedback holds ids and codes alone. The
audit trail alone names patients, where a site wants one.
"""

from service.store.database import SealedRow, Store
from service.store.engine import StoreError
from service.store.feedback import OTHER_REASON, FeedbackItem, offered_reason
from service.store.summary import TrialFeedback

__all__ = ["OTHER_REASON", "FeedbackItem", "SealedRow", "Store", "StoreError", "TrialFeedback", "offered_reason"]
