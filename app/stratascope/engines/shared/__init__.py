"""What both engines are reached through: transport, JSON reader, errors, ssh."""
