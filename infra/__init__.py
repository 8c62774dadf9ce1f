"""What is deployed, and beside it what checks it."""
