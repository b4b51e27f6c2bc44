"""The trial library as its keepers see it: what in a trial cannot be meant, and what an amendment changes."""
