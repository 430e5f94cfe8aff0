"""Explain why a container ended or never started: facts, messages of engines and logs, and the answer. Pure."""
