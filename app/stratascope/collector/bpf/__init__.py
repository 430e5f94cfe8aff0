"""What /proc does not show of a thread, read by fixed BPF programs: its securebits and its Landlock domain."""
