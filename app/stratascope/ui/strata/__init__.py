"""The six layers as strata, and threats as rays through them."""
