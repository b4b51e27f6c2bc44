"""The documentation site: what of it is made from the code and the trial files (`make docs`)."""
