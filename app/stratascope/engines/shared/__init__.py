"""Access shared by both engines: transport, JSON reader, errors, ssh."""
