"""Layer 6: user_namespaces(7), who a process is outside."""
