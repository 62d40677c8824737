"""What a project database holds, and who may do what with it."""
