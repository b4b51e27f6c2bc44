"""Patients on paper: each is an eligible patient with one change, and what the reference says of it.

`reading` holds what is said of reading a record, `criteria` what is said of the trials' criteria.
"""
