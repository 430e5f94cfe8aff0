"""The page "Threats": every threat and each layer's answer."""
