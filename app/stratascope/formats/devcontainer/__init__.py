"""Dev containers: devcontainer.json, by the specification at containers.dev."""
