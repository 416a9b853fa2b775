"""The parts that screens are made of. Each draws lines; none lays anything out because of live data."""
