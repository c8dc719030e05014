create table events (
    sequence bigint generated always as identity primary key,
    at timestamptz not null,
    kind text not null,
    actor text not null,
    actor_id uuid,
    subject text not null,
    tool_id uuid,
    operation_id uuid,
    payload jsonb not null
);

comment on table events is
    'Facts, appended in the transaction of the change they tell of and never altered; read in the order of sequence.';

create index events_by_tool on events (tool_id, sequence desc) where tool_id is not null;
