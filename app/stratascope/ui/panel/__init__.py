"""The panel of one layer: findings, tables, bits, bars, raw text."""
