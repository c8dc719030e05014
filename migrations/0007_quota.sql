alter table registry_cache
    drop constraint registry_cache_kind_check,
    add constraint registry_cache_kind_check check (kind in ('tags', 'digest', 'manifest', 'config', 'quota'));

comment on table registry_cache is
    'Last known answers of image registries by full image name, what is left of an allowance by login, and why a later question failed; may be emptied at any time.';
