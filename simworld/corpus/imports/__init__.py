"""Imports: other people's conversations as a pack and a corpus. `table.IMPORTERS` lists what can be read."""
