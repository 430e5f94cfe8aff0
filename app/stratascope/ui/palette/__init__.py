"""Ctrl+K: one field that finds every action, page, container, layer, threat, capability and call."""
