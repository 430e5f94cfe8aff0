"""Ways to run the collector: in process, through an argument prefix, or by Podman's top."""
