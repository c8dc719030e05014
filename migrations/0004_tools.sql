create table tools (
    tool_id uuid primary key,
    node text not null,
    name text not null,
    entry text not null,
    entry_name text not null,
    state text not null check (state in ('installing', 'installed', 'removing', 'removed')),
    desired text not null check (desired in ('running', 'stopped')),
    revision integer not null,
    condition text,
    condition_at timestamptz,
    created_at timestamptz not null,
    first_login_shown_at timestamptz,
    removed_at timestamptz
);

comment on table tools is 'Installed entries, and those that were: a removed tool keeps its row, its operations and its events.';

create unique index tools_by_name on tools (node, name) where state <> 'removed';

create table revisions (
    tool_id uuid not null references tools on delete cascade,
    revision integer not null,
    compose text not null,
    answers jsonb not null,
    secrets bytea not null,
    versions jsonb not null,
    ports jsonb not null,
    reach text not null check (reach in ('machine', 'network')),
    created_at timestamptz not null,
    primary key (tool_id, revision)
);

comment on table revisions is
    'What a tool was told to be: its own copy of the entry, the answers, the sealed secrets, tags with digests, and ports.';

create table services (
    tool_id uuid not null references tools on delete cascade,
    revision integer not null,
    service text not null,
    position integer not null,
    image text not null,
    digest text not null,
    primary key (tool_id, revision, service)
);

comment on table services is 'The services of a revision in start order, each with the image a person reads and the digest that runs.';

create table resources (
    mark uuid primary key,
    tool_id uuid not null references tools on delete cascade,
    node text not null,
    kind text not null check (kind in ('container', 'network', 'volume', 'image')),
    name text not null,
    service text,
    revision integer not null,
    state text not null check (state in ('present', 'kept', 'gone'))
);

comment on table resources is
    'What Summoner made on a node, by the mark it carries; nothing that is not in here is ever changed or removed.';

create index resources_by_tool on resources (tool_id, kind) where state <> 'gone';
create unique index resources_volumes on resources (node, name) where kind = 'volume' and state <> 'gone';
