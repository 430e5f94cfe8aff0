"""The kernel log's records of refusals (audit), decoded."""
