"""File formats that describe containers: each parsed into options, written from them, and edited in place."""
