"""The only writer to Azure: precondition, intent, write, wait, outcome, and a look
whether it worked."""
