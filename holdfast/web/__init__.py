"""The pages: view models, and the templates that show them. Stands on the model alone; what is looked up is given."""
