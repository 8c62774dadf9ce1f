"""The only stage that writes to Azure: precondition, intent, write, wait, outcome, and
a check that it worked. executor.py is its door."""
