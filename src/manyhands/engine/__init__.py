"""The only code that both decides and acts."""
