"""A slow, plain second implementation of the eligibility rules, and the patients on which both are compared."""
