"""How consistently a scale, or several judges, measure."""
