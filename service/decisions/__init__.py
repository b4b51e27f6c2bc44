"""The decision log: what was asked, by which trials and settings it was judged, what was answered – and the same again.

An entry holds versions, grades and keyed hashes, nothing of a patient in clear. With the input at hand an entry is
judged anew and compared bit by bit (`replay`).
"""

from service.decisions.asked import Asked
from service.decisions.entry import Decision
from service.decisions.keys import Keys
from service.decisions.log import DecisionLog
from service.decisions.opening import opened

__all__ = ["Asked", "Decision", "DecisionLog", "Keys", "opened"]
