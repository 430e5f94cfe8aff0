"""Everything on a machine that is confined without an engine: what it is, who made it, what that one was asked for."""
