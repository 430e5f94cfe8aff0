"""The volumes of engines on this machine: their files' owners, changed and put back."""
