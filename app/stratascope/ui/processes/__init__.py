"""The page "Processes": what runs in a container, each process beside its first."""
