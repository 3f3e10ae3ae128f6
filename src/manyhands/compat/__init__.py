"""The names of other systems over our engine, so that programs written for them run here."""
