"""The edge to Azure: clients, one retry policy, one map of errors, a reader without a
write method, and the only writer."""
