"""How many people a study needs: its own design simulated, analysed as it will be, and counted."""
