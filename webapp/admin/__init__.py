"""What researchers meet: their studies, how each is going, and its data."""
