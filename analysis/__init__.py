"""Statistics over the export bundle of a study."""
