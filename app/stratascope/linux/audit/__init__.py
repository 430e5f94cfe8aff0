"""What the kernel's log says of refusals: records of audit, decoded."""
