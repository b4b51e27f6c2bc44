"""The schema's history, one numbered script a change; `service.store.migrate` runs it."""
