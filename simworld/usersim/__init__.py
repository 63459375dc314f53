"""UserGPT: real conversations made ready to learn from, and the user simulator that plays what was learnt."""
