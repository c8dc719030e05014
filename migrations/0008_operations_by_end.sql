create index operations_by_end on operations (ended_at);
