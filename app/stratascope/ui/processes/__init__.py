"""The page "Processes": what runs in a container, each process compared with its first one."""
