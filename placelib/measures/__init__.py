"""Numbers with their uncertainty: surveys, rates, small areas, series and the shared indicator table."""
