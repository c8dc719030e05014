create table registry_credentials (
    registry_credential_id uuid primary key,
    registry text not null unique,
    username text not null,
    secret bytea not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

comment on table registry_credentials is
    'Logins at image registries, one per registry host; the password is sealed for its row, and a new one gets a new row id.';

create table registry_cache (
    kind text not null check (kind in ('tags', 'digest', 'manifest', 'config')),
    subject text not null,
    answer jsonb,
    answered_at timestamptz,
    failure text,
    not_before timestamptz,
    primary key (kind, subject),
    check ((answer is null) = (answered_at is null)),
    check ((failure is null) = (not_before is null))
);

comment on table registry_cache is
    'Last known answers of image registries by full image name, and why a later question failed; may be emptied at any time.';
