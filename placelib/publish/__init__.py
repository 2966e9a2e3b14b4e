"""Pages, maps, charts and tables: what readers see, made only from what has passed the gate."""
