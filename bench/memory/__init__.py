"""How closely a search keeps to the memory that it may use."""
