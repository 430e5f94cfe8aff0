"""Layer 3: capabilities(7), decoded from /proc/PID/status."""
