"""The page "Shared": what containers share, for the whole machine."""
