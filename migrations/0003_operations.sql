create table jobs (
    job_id uuid primary key,
    kind text not null,
    dedupe_key text not null,
    payload jsonb not null,
    state text not null check (state in ('queued', 'running', 'done', 'dead')),
    run_at timestamptz not null,
    attempts integer not null default 0,
    max_attempts integer not null check (max_attempts > 0),
    lease_id uuid,
    lease_until timestamptz,
    created_at timestamptz not null,
    ended_at timestamptz
);

comment on table jobs is
    'Work that survives a crash: claimed under a lease that is renewed while the work runs; dead after its last attempt.';

create unique index jobs_deduplicated on jobs (kind, dedupe_key) where state in ('queued', 'running');
create index jobs_due on jobs (run_at) where state in ('queued', 'running');

create table job_attempts (
    job_id uuid not null references jobs on delete cascade,
    attempt integer not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    problem text,
    primary key (job_id, attempt)
);

comment on table job_attempts is 'Each try of a job, with what went wrong; an attempt without an end was cut off.';

create table operations (
    operation_id uuid primary key,
    kind text not null,
    state text not null check (state in ('queued', 'running', 'unwinding', 'done', 'undone', 'needs_hand')),
    tool_id uuid not null,
    tool_name text not null,
    entry_name text not null,
    actor text not null,
    actor_id uuid,
    idempotency_key text,
    problem text not null default '',
    failing_log jsonb not null default '[]',
    created_at timestamptz not null,
    started_at timestamptz,
    cancelled_at timestamptz,
    committed_at timestamptz,
    ended_at timestamptz
);

comment on table operations is
    'A change to the world as a journaled list of steps; committed_at is the instant from which it only goes forward.';

create unique index operations_one_per_tool on operations (tool_id) where state in ('queued', 'running', 'unwinding');
create unique index operations_idempotent on operations (actor_id, idempotency_key) where idempotency_key is not null;
create index operations_by_time on operations (created_at desc, operation_id);
create index operations_by_tool on operations (tool_id, created_at desc);

create table operation_steps (
    operation_id uuid not null references operations on delete cascade,
    position integer not null,
    kind text not null,
    input jsonb not null,
    memory jsonb,
    mark uuid not null unique,
    is_cleanup boolean not null,
    title text not null,
    note text not null,
    state text not null check (state in ('waiting', 'running', 'done', 'failed', 'undoing', 'undone', 'stuck')),
    problem text not null default '',
    layers jsonb not null default '[]',
    started_at timestamptz,
    ended_at timestamptz,
    primary key (operation_id, position)
);

comment on table operation_steps is
    'The steps of an operation: written before and after each apply and undo. The mark is carried by what a step creates.';

create table operation_lines (
    operation_id uuid not null references operations on delete cascade,
    line bigint generated always as identity,
    at timestamptz not null,
    position integer not null,
    text text not null,
    primary key (operation_id, line)
);

comment on table operation_lines is 'What the steps of an operation said while they ran.';
