"""Which containers of many are listed: what a filter asks for, what finds them, and which of them are alike."""
