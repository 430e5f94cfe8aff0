"""Ways to run the collector: in process, through an argument prefix, or what Podman's top tells."""
