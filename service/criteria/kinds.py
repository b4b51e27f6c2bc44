"""Every kind of rule and sign that a trial file may use. Importing this module registers them, in the order in which
the guide tells of them."""

# isort: off
from service.criteria import kinds_of_findings
from service.criteria import kinds_of_combinations
from service.criteria import kinds_of_therapy
from service.criteria import kinds_of_review
from service.criteria import kinds_of_signs

MODULES = (kinds_of_findings, kinds_of_combinations, kinds_of_therapy, kinds_of_review, kinds_of_signs)
