"""Sources: what the agencies gave, exactly as they gave it, read and checked."""
