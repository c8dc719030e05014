create table users (
    user_id uuid primary key,
    email text not null unique check (email = lower(email) and email <> ''),
    name text not null check (name <> ''),
    role text not null check (role in ('viewer', 'operator', 'administrator')),
    password_hash text,
    created_at timestamptz not null,
    password_changed_at timestamptz
);
comment on table users is 'People who can sign in. The e-mail address is kept in lower case; no password hash means that this account has no password here.';

create table sessions (
    session_hash bytea primary key check (length(session_hash) = 32),
    session_id uuid not null unique,
    user_id uuid not null references users on delete cascade,
    created_at timestamptz not null,
    seen_at timestamptz not null,
    idle_ends_at timestamptz not null,
    ends_at timestamptz not null,
    address text not null,
    user_agent text not null
);
create index sessions_user_id on sessions (user_id);
comment on table sessions is 'Signed-in browsers. The cookie''s token is kept as its SHA-256; a session ends when it was idle too long or at its absolute end, whichever is first.';

create table settings (
    key text primary key,
    value jsonb not null,
    changed_at timestamptz not null
);
comment on table settings is 'What administrators decide in the pages, one row per setting.';

create table setup_links (
    token_hash bytea primary key check (length(token_hash) = 32),
    cookie_hash bytea not null unique check (length(cookie_hash) = 32),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    opened_at timestamptz,
    replaced_at timestamptz,
    used_at timestamptz,
    used_by uuid references users on delete set null,
    check (used_at is null or replaced_at is null)
);
create unique index setup_links_used_once on setup_links ((true)) where used_at is not null;
comment on table setup_links is 'Links of the first run. Token and cookie are kept as their SHA-256. At most one link is ever used: the index on true says so.';

create table sign_in_failures (
    subject text primary key,
    failures integer not null check (failures >= 0),
    last_failed_at timestamptz not null
);
create index sign_in_failures_last_failed_at on sign_in_failures (last_failed_at);
comment on table sign_in_failures is 'Counts of refused sign-ins per account and per address, for growing pauses. Accounts appear as the SHA-256 of what was typed, which may have been a password in the wrong field.';
