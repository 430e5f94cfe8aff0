"""Docker and Podman: engine JSON to core types, nothing else. The SDKs are imported here only."""
