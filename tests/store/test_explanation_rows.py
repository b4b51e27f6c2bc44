"""Sealed explanations are kept under their names until they expire."""

from service.store import SealedRow


def test_a_row_is_found_by_its_name_until_it_expires(store):
    sealed = bytes(range(256)) * 1000
    store.keep_explanation(b"name", sealed, 100)
    assert store.explanation(b"name", 99) == sealed
    assert store.explanation(b"name", 100) is None
    assert store.explanation(b"other", 99) is None


def test_several_rows_are_kept_at_once(store):
    store.keep_explanations([SealedRow(b"a", b"1", 100), SealedRow(b"b", b"2", 100)])
    assert [store.explanation(name, 0) for name in (b"a", b"b")] == [b"1", b"2"]


def test_a_name_keeps_what_it_was_given_first(store):
    store.keep_explanation(b"name", b"first", 100)
    store.keep_explanations([SealedRow(b"name", b"second", 200), SealedRow(b"b", b"2", 100)])
    assert store.explanation(b"name", 0) == b"first"
    assert store.explanation(b"b", 0) == b"2"


def test_nothing_to_keep_is_no_error(store):
    store.keep_explanations([])
    assert store.ready() == ""
