"""The live view: containers read as they change, and assembled into snapshots."""
