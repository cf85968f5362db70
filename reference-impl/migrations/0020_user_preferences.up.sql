-- What a user has set for themselves. Those who are there already have set nothing, like everyone new.
alter table users add column preferences json default '{}';
