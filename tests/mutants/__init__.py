"""Small bugs planted in the safety core, one at a time: `make mutants` fails where no
test notices one.
"""
