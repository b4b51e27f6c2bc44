"""A second opinion: a slow, deliberately plain second implementation of the eligibility rules, and made-up patients on
which it and the fast engine are compared.

It is made from the written rules alone and shares nothing with the engine, neither code nor value sets: of the codes it
knows those that the generated patients carry. Where the two differ, one of them is wrong.
"""
