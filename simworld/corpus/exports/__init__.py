"""Exports: transcripts as rows for trainers and readers. `table.EXPORTERS` lists the forms."""
