alter table operations add column request_digest bytea;

comment on column operations.request_digest is
    'The sealed digest of what was asked for with the idempotency key; null where an older release began the operation.';

create index operations_open on operations (tool_id) where state in ('queued', 'running', 'unwinding', 'needs_hand');
